"""The keys of a clinic: what stands in its certificates, and what they are good for."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.bench.bench import YEAR
from thecal.bench.access import PERMISSIONS, Client, client_of
from thecal.bench.keys import (
    has_authority,
    issue_programmer,
    issue_pump,
    make_authority,
    programmer_context,
    programmers,
    pump_context,
    retire,
    revoke,
    revoked,
)
from thecal.errors import InputError
from thecal.timeline import Duration

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The keys of a clinic with one pump and one nurse."""
    folder = tmp_path / "keys"
    make_authority(folder, NOW)
    issue_pump(folder, "TC-0001", NOW)
    issue_programmer(folder, "nurse", PERMISSIONS, [], YEAR, NOW)
    return folder


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> Client:
    """Both sides of a handshake in memory; the client as the pump then knows it. Raises SSLError."""
    there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    pump = server.wrap_bio(there, here, server_side=True)
    programmer = client.wrap_bio(here, there, server_hostname=name)
    for _ in range(4):
        for side in (programmer, pump):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = pump.getpeercert()
    assert shown, "the handshake came to its end"
    assert pump.version() == "TLSv1.3"
    return client_of(shown)


def test_private_keys_are_their_owners_alone(keys: Path) -> None:
    """Nobody else may read anything in the folder, and nothing half-written is left in it."""
    assert has_authority(keys)
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    names = sorted(path.name for path in keys.iterdir())
    assert names == [
        *("authority.key", "authority.pem", "programmer-nurse.key", "programmer-nurse.pem"),
        *("pump-TC-0001.key", "pump-TC-0001.pem", "trusted.pem"),
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}


def test_a_certificate_says_who_may_do_what_to_which_pumps_and_for_how_long(keys: Path) -> None:
    """As the pump reads it when it is shown: with a few minutes' grace before, for clocks that are a little apart."""
    path = issue_programmer(keys, "night-shift.2", ["may_interrogate"], ["TC-0001", "TC-0007"], Duration(3600), NOW)
    made = certificate(path)
    assert made.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert made.not_valid_after_utc == NOW + timedelta(hours=1)
    client = shaken(pump_context(keys, "TC-0001"), programmer_context(keys, "night-shift.2"), "tc-0001.pump.thecal")
    assert int(client.certificate, 16) == made.serial_number
    assert (client.name, client.permissions, client.pumps) == (
        "night-shift.2",
        frozenset({"may_interrogate"}),
        frozenset({"TC-0001", "TC-0007"}),
    )
    assert programmers(keys) == ["night-shift.2", "nurse"]


def test_a_programmer_of_every_pump_names_none(keys: Path) -> None:
    """No pump in the certificate is every pump; no permission in it is none."""
    issue_programmer(keys, "visitor", [], [], YEAR, NOW)
    server = pump_context(keys, "TC-0001")
    nurse, visitor = (shaken(server, programmer_context(keys, name), "tc-0001.pump.thecal") for name in ("nurse", "visitor"))
    assert (nurse.pumps, nurse.permissions) == (None, frozenset(PERMISSIONS))
    assert (visitor.pumps, visitor.permissions) == (None, frozenset())


def test_a_certificate_is_good_for_one_thing(keys: Path) -> None:
    """A programmer cannot stand in for a pump, nor a pump for a programmer, and neither can sign certificates."""
    for stem, usage in (("programmer-nurse", ExtendedKeyUsageOID.CLIENT_AUTH), ("pump-TC-0001", ExtendedKeyUsageOID.SERVER_AUTH)):
        found = certificate(keys / f"{stem}.pem").extensions
        assert list(found.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
        assert not found.get_extension_for_class(x509.BasicConstraints).value.ca
    pump, nurse = pump_context(keys, "TC-0001"), programmer_context(keys, "nurse")
    pump.load_cert_chain(keys / "programmer-nurse.pem", keys / "programmer-nurse.key")
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(pump, nurse, "tc-0001.pump.thecal")
    nurse.load_cert_chain(keys / "pump-TC-0001.pem", keys / "pump-TC-0001.key")
    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        shaken(pump_context(keys, "TC-0001"), nurse, "tc-0001.pump.thecal")


def test_a_programmer_knows_the_pump_that_it_means(keys: Path) -> None:
    """The certificate of another pump, or of another clinic's pump of the same number, is not taken."""
    issue_pump(keys, "TC-0002", NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'tc-0002\.pump\.thecal'"):
        shaken(pump_context(keys, "TC-0001"), programmer_context(keys, "nurse"), "tc-0002.pump.thecal")
    other = keys.with_name("other")
    make_authority(other, NOW)
    issue_pump(other, "TC-0001", NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(pump_context(other, "TC-0001"), programmer_context(keys, "nurse"), "tc-0001.pump.thecal")


def test_no_session_of_tls_is_resumed(keys: Path) -> None:
    """Who may talk is asked each time, so that no ticket is given that would be a way round it; and nothing is older than 1.3."""
    server, client = pump_context(keys, "TC-0001"), programmer_context(keys, "nurse")
    assert server.num_tickets == 0
    assert server.verify_mode is client.verify_mode is ssl.CERT_REQUIRED
    assert client.check_hostname
    assert server.minimum_version == client.minimum_version == ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize("name", ["", ".", "-a", "a/b", "../a", "a b", "n" * 41, "é", "a\n", "a\0"])
def test_a_name_that_could_be_a_path_is_none(keys: Path, name: str) -> None:
    """Nothing is written under it."""
    before = sorted(keys.parent.rglob("*"))
    with pytest.raises(InputError, match=r"^--programmer\b"):
        issue_programmer(keys, name, PERMISSIONS, [], YEAR, NOW)
    assert sorted(keys.parent.rglob("*")) == before


def test_a_permission_that_there_is_not_is_refused_with_the_nearest(keys: Path) -> None:
    """And no certificate is made."""
    with pytest.raises(InputError, match="Did you mean 'may_program'"):
        issue_programmer(keys, "doctor", ["may_interrogate", "may_programme"], [], YEAR, NOW)
    assert programmers(keys) == ["nurse"]


def test_who_has_no_key_here_is_told_who_has(keys: Path) -> None:
    """With the nearest name, and how one is made."""
    with pytest.raises(InputError, match=r"thecal bench keys --programmer nurce.*Did you mean 'nurse'"):
        programmer_context(keys, "nurce")
    with pytest.raises(InputError, match="is no programmer here"):
        revoke(keys, "doctor")


@pytest.mark.requirement("BEN-14")
def test_a_revoked_certificate_is_known_by_its_number(keys: Path) -> None:
    """As the pump reads it off the connection, leading noughts or not; the next certificate of the same name is another one."""
    assert revoked(keys) == frozenset()
    shown = shaken(pump_context(keys, "TC-0001"), programmer_context(keys, "nurse"), "tc-0001.pump.thecal").certificate
    revoke(keys, "nurse")
    revoke(keys, "nurse")
    assert revoked(keys) == {shown.lstrip("0")}
    issue_programmer(keys, "nurse", PERMISSIONS, [], YEAR, NOW)
    shown = shaken(pump_context(keys, "TC-0001"), programmer_context(keys, "nurse"), "tc-0001.pump.thecal").certificate
    assert shown.lstrip("0") not in revoked(keys)


@pytest.mark.requirement("BEN-14")
def test_a_certificate_that_was_replaced_is_revoked_with_its_successor(keys: Path) -> None:
    """Who loses a programmer, has a new one made, and then revokes the name, has revoked the lost one too."""
    lost = certificate(keys / "programmer-nurse.pem").serial_number
    issue_programmer(keys, "nurse", ["may_interrogate"], [], YEAR, NOW)
    revoke(keys, "nurse")
    assert revoked(keys) == {f"{number:X}" for number in (lost, certificate(keys / "programmer-nurse.pem").serial_number)}


@pytest.mark.requirement("BEN-23")
def test_an_authority_that_is_retired_is_trusted_no_longer(keys: Path) -> None:
    """Until then both are: an old programmer talks to a pump that shows a new certificate, and the other way round."""
    old = programmer_context(keys, "nurse")
    make_authority(keys, NOW)
    assert shaken(pump_context(keys, "TC-0001"), old, "tc-0001.pump.thecal").name == "nurse"
    issue_programmer(keys, "nurse", PERMISSIONS, [], YEAR, NOW)
    assert shaken(pump_context(keys, "TC-0001"), programmer_context(keys, "nurse"), "tc-0001.pump.thecal").name == "nurse"
    issue_pump(keys, "TC-0001", NOW)
    retire(keys)
    assert shaken(pump_context(keys, "TC-0001"), programmer_context(keys, "nurse"), "tc-0001.pump.thecal").name == "nurse"
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(pump_context(keys, "TC-0001"), old, "tc-0001.pump.thecal")
