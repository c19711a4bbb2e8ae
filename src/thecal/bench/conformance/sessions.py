"""Checks of the session: how a pump and those who talk to it keep step."""

from thecal.bench.conformance.trial import Trial, check, flowed_nl, settings
from thecal.errors import Refusal
from thecal.pump.memory import digest
from thecal.pump.messages import BeginUpdate, Commit, Interrogate, Message, ReadBack, RequestBolus, Stage, StartBolus, Update
from thecal.pump.program import SimpleContinuous, SingleBolus
from thecal.quantity import FlowRate, Volume
from thecal.timeline import Duration


def other(trial: Trial) -> Update:
    """A program at twice the flow."""
    return Update(SimpleContinuous(trial.flow(2)))


@check("01", "refuse a session that does not begin with an interrogation", "PMP-72")
def _begins_with_interrogation(trial: Trial) -> None:
    trial.refused(ReadBack(), "the pump does not know the session")
    trial.refused(BeginUpdate("0" * 16), "the pump does not know the session", "kit/2")


@check("02", "give the same token as long as nothing is written, whoever reads", "PMP-70")
def _reading_changes_nothing(trial: Trial) -> None:
    first = trial.running()
    token = trial.read().token
    trial.wait(3600)
    again = trial.report(Interrogate(), "kit/2")
    trial.expect(token, again.token, "the token an hour later, read by another session")
    trial.expect(settings(first), settings(again), "the settings")


@check("03", "run what was staged and committed, and say so when it is read back", "SES-10")
def _writes_what_was_staged(trial: Trial) -> None:
    trial.running()
    trial.write(other(trial))
    trial.expect(other(trial).program, trial.report(ReadBack()).program, "the program that is read back")
    trial.expect_delivered(flowed_nl(trial.flow(2).nl_per_day, 86_400), 86_400, "the new flow")


@check("04", "change nothing by what is staged", "PMP-71")
def _staging_changes_nothing(trial: Trial) -> None:
    trial.running()
    trial.begin()
    staged = trial.report(Stage(other(trial)))
    trial.expect(digest(other(trial)), staged.staged, "the digest of what is staged")
    trial.expect(SimpleContinuous(trial.flow()), staged.program, "the program beside what is staged")
    flow = 0 if trial.sheet.stops_while_updating else trial.flow().nl_per_day
    trial.expect_delivered(flowed_nl(flow, 300), 300, "the flow while an update is open")


@check("05", "commit only what is staged, by its digest", "PMP-71")
def _commits_by_digest(trial: Trial) -> None:
    trial.running()
    trial.begin()
    trial.refused(Commit(digest(other(trial))), "nothing is staged")
    trial.report(Stage(other(trial)))
    trial.refused(Commit("0" * 16), "another digest is staged")
    trial.expect(SimpleContinuous(trial.flow()), trial.report(ReadBack()).program, "the program after a refused commit")


@check("06", "do a message that comes again once, and answer it the same", "PMP-76")
def _repeats_are_done_once(trial: Trial) -> None:
    trial.running()
    bolus = StartBolus(SingleBolus(Volume(50_000), Duration(600)))
    trial.begin()
    trial.report(Stage(bolus))
    commit = Message(trial.session, trial.sequence + 1, Commit(digest(bolus)))
    first = trial.say(commit)
    trial.wait(1200)
    trial.expect(first, trial.say(commit), "the answer to the repeated commit")
    trial.expect_delivered(flowed_nl(trial.flow().nl_per_day, 1200), 1200, "the flow after the repeat: no second bolus")


@check("07", "refuse a number of a session that is not above its latest", "PMP-73")
def _numbers_only_rise(trial: Trial) -> None:
    trial.running()
    trial.read()
    late = trial.say(Message(trial.session, trial.sequence - 1, Interrogate()))
    another = trial.say(Message(trial.session, trial.sequence, ReadBack()))
    for reply, what in ((late, "an older number"), (another, "the latest number with another command")):
        trial.expect(True, isinstance(reply, Refusal), f"refusing {what}")


@check("08", "refuse an update by a token since which it was written", "PMP-70", "SES-12")
def _stale_tokens(trial: Trial) -> None:
    trial.running()
    stale = trial.report(Interrogate(), "kit/2").token
    trial.report(Interrogate(), "kit/3")
    trial.write(other(trial))
    trial.report(Interrogate(), "kit/4")
    trial.refused(BeginUpdate(stale), "the pump was written since")
    trial.refused(BeginUpdate(None), "no token")


@check("09", "let only the session that opened an update go on with it", "PMP-75")
def _updates_have_an_owner(trial: Trial) -> None:
    trial.running()
    trial.begin()
    trial.report(Stage(other(trial)))
    trial.report(Interrogate(), "kit/2")
    trial.refused(Stage(other(trial)), "the update belongs to another session")
    trial.refused(Commit(digest(other(trial))), "the update belongs to another session")


@check("10", "clear an update in which nothing comes any more, and drop what was staged", "PMP-77")
def _idle_updates_are_cleared(trial: Trial) -> None:
    trial.running()
    trial.begin()
    trial.report(Stage(other(trial)))
    trial.wait(trial.sheet.update_idle_clear.s)
    trial.refused(Commit(digest(other(trial))), "the update was cleared")
    flow = 0 if trial.sheet.stops_while_updating else trial.flow().nl_per_day
    trial.expect_delivered(flowed_nl(flow, 7200), 7200, "the flow after it was cleared")


@check("11", "take nothing by the wand that is written without being staged, nor what is the patient's", "PMP-74")
def _nothing_unstaged(trial: Trial) -> None:
    trial.running()
    trial.refused(other(trial), "it is not staged")
    trial.refused(StartBolus(SingleBolus(Volume(50_000), Duration(600))), "it is not staged")
    trial.refused(RequestBolus(), "the activator is the patient's")
    trial.expect(SimpleContinuous(trial.flow()), trial.read().program, "the program")


@check("12", "leave everything as it was when it refuses what is staged", "PMP-31")
def _refusal_changes_nothing(trial: Trial) -> None:
    trial.running()
    trial.not_written(Update(SimpleContinuous(FlowRate(trial.sheet.flow_max.nl_per_day * 2))), "it is too fast")


@check("13", "answer a repeated message the same after a loss of power, and do it once", "PMP-76", "BEN-01")
def _repeats_survive_power(trial: Trial) -> None:
    trial.needs("power")
    trial.running()
    bolus = StartBolus(SingleBolus(Volume(50_000), Duration(600)))
    trial.begin()
    trial.report(Stage(bolus))
    commit = Message(trial.session, trial.sequence + 1, Commit(digest(bolus)))
    first = trial.say(commit)
    trial.subject.lose_power()
    trial.expect(first, trial.say(commit), "the answer to the repeated commit")
    given = flowed_nl(trial.flow().nl_per_day, 600) if trial.sheet.basal_during_bolus == "continues" else 0
    trial.expect_delivered(50_000 + given, 600, "one bolus")
