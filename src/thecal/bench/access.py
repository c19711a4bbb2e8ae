"""Who may talk to a pump, and say what: permissions are data in a certificate, and one programs at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from thecal.errors import Refusal
from thecal.pump.messages import Command, Interrogate, ReadBack
from thecal.pump.state import PumpState
from thecal.timeline import Instant

Permission = Literal["may_interrogate", "may_program"]
PERMISSIONS: Mapping[Permission, str] = {
    "may_interrogate": "read the pump, and read back what was written",
    "may_program": "begin, stage and commit updates, end a bolus, sound a test alarm",
}
MAY, ONLY = "thecal:", "thecal:pump:"
"""How a certificate says what its holder may do, and which pumps it is for: URIs among its alternative names."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who has shown a certificate: its name, its number, what it permits, and the pumps it is for (None: every pump)."""

    name: str
    certificate: str
    permissions: frozenset[str]
    pumps: frozenset[str] | None = None

    def check_pump(self, serial: str) -> Refusal | None:
        """Whether the certificate is for a pump at all."""
        if self.pumps is None or serial in self.pumps:
            return None
        return Refusal(
            "BEN-12",
            f"a session of {self.name} with {serial}",
            f"the pumps that its certificate names: {', '.join(sorted(self.pumps))}",
            "the certificate of the programmer",
            "Take the programmer of that pump, or have a certificate issued for it: thecal bench keys.",
        )

    def check_command(self, command: Command) -> Refusal | None:
        """Whether the certificate permits a command."""
        needed: Permission = "may_interrogate" if isinstance(command, Interrogate | ReadBack) else "may_program"
        if needed in self.permissions:
            return None
        held = ", ".join(sorted(self.permissions)) or "nothing"
        return Refusal(
            "BEN-11",
            f"{command.name} by {self.name}",
            f"the permission {needed}; the certificate permits {held}",
            "the certificate of the programmer",
            "Take a programmer that may, or have a certificate issued that permits it: thecal bench keys.",
        )


def client_of(certificate: Mapping[str, Any]) -> Client:
    """The client of a certificate that was verified, as :meth:`ssl.SSLSocket.getpeercert` tells it."""
    subject = dict(pair for part in certificate.get("subject", ()) for pair in part)
    uris = [value for kind, value in certificate.get("subjectAltName", ()) if kind == "URI"]
    pumps = frozenset(uri.removeprefix(ONLY) for uri in uris if uri.startswith(ONLY))
    permissions = frozenset(uri.removeprefix(MAY) for uri in uris if uri.startswith(MAY) and not uri.startswith(ONLY))
    return Client(subject.get("commonName", ""), certificate.get("serialNumber", ""), permissions, pumps or None)


ANYBODY = Client("plain", "", frozenset(PERMISSIONS))
"""Who talks without a certificate, where the bench was started to let anybody on this machine."""


@dataclass(frozen=True, slots=True)
class Programming:
    """Who has an update open in a pump: the client, its session, when it last said something, and when the pump clears it."""

    client: str
    session: str
    touched: Instant
    clears: Instant

    def check(self, client: Client, asked: str) -> Refusal | None:
        """One programming session at a time: another programmer waits."""
        if client.name == self.client:
            return None
        return Refusal(
            "BEN-13",
            f"{asked} by {client.name}",
            f"one programming session at a time: {self.client} programs this pump",
            "thecal: who programs a pump, programs it alone",
            f"Wait until that session has ended; left alone, it is cleared at {self.clears.utc_text()}. Then interrogate.",
        )


def programming(pump: PumpState) -> Programming | None:
    """Who has an update open in a pump, as its own memory says."""
    hold = pump.memory.hold
    if hold is None or hold.session is None or hold.clears is None:
        return None
    touched = Instant(hold.clears.s - pump.sheet.update_idle_clear.s)
    return Programming(hold.session.partition("/")[0], hold.session, touched, hold.clears)
