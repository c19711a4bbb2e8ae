"""Checks of the reservoir under the needle: what goes in, what comes out, and what the pump knows of it."""

from thecal.bench.conformance.trial import STRENGTH, Trial, check
from thecal.errors import Refusal
from thecal.pump.messages import Fill, Withdraw
from thecal.quantity import Volume
from thecal.timeline import DAY_S


def drawn(trial: Trial) -> int:
    """Everything that can be aspirated, in nanolitres."""
    reply = trial.needle(Withdraw())
    if isinstance(reply, Refusal):
        trial.expect("a syringe", f"refused: {reply}", "aspirating everything")
        return 0
    return reply.volume_nl


@check("70", "take no more than it holds, and no more on top of what is in it", "PMP-20")
def _capacity(trial: Trial) -> None:
    capacity = trial.sheet.reservoir_capacity
    for volume, fits in ((Volume(capacity.nl + 1), False), (capacity, True), (Volume(1), False)):
        reply = trial.needle(Fill(volume, STRENGTH))
        trial.expect(fits, not isinstance(reply, Refusal), f"a fill of {volume} goes in")


@check("71", "give no more under the needle than is in it", "PMP-21")
def _no_more(trial: Trial) -> None:
    trial.fill(Volume(2_000_000))
    reply = trial.needle(Withdraw(Volume(2_000_001)))
    trial.expect(True, isinstance(reply, Refusal), "refusing to give more than is there")
    trial.expect(2_000_000, drawn(trial), "what is then aspirated")


@check("72", "lose nothing: what was filled is delivered or aspirated", "PMP-24", "BEN-06")
def _conserved(trial: Trial) -> None:
    trial.running()
    trial.wait(10 * DAY_S + 12_345)
    trial.expect(trial.half.nl, drawn(trial) + trial.subject.weigh(), "the nanolitres aspirated and delivered")


@check("73", "believe what it was told of its reservoir, whatever is in it, unless it has a sensor", "PMP-24", "PMP-62")
def _belief(trial: Trial) -> None:
    trial.running()
    told = trial.read().calculated
    drawn(trial)
    found = trial.read().calculated
    trial.expect(Volume(0) if trial.sheet.fill_sensor else told, found, "what it says after the syringe took everything")


@check("74", "deliver what is truly in it, and nothing more, whatever it believes", "PMP-24")
def _dry(trial: Trial) -> None:
    trial.fill(Volume(300_000))
    trial.programmed()
    trial.expect_delivered(300_000, 60 * DAY_S, "a reservoir that runs dry", off_nl=0)
