"""Checks of the programs: what flows, when, and what is no program."""

from thecal.bench.conformance.trial import Trial, check, flowed_nl
from thecal.pump.messages import SetClock, Update
from thecal.pump.program import Day, Flex, MinimumRate, PeriodicBolus, SimpleContinuous, Step, Stopped
from thecal.quantity import FlowRate, Volume
from thecal.timeline import DAY_S, Duration

HOUR_S = 3600


def nights(trial: Trial) -> Day:
    """A day of two steps: the first six hours at three times the flow of the rest."""
    return Step(6 * HOUR_S, trial.flow(3)), Step(DAY_S, trial.flow())


@check("20", "give nothing out of its box", "PMP-31")
def _new_pump(trial: Trial) -> None:
    trial.fill(trial.half)
    trial.expect_delivered(0, DAY_S, "a pump that nobody has programmed", off_nl=0)
    trial.expect("stopped", trial.read().mode, "its mode")


@check("21", "give one flow to the nanolitre, over an hour, a day and a week", "PMP-30")
def _simple_continuous(trial: Trial) -> None:
    trial.running()
    flow = trial.flow().nl_per_day
    for seconds in (1, HOUR_S, DAY_S, 7 * DAY_S):
        trial.expect_delivered(flowed_nl(flow, seconds), seconds, f"{trial.flow()}")


@check("22", "give the flow of its data sheet at the minimum rate", "PMP-52")
def _minimum_rate(trial: Trial) -> None:
    trial.running(MinimumRate())
    trial.expect_delivered(trial.sheet.minimum_rate_flow.nl_per_day, DAY_S, "the minimum rate")


@check("23", "give nothing when it is stopped", "PMP-31")
def _stopped(trial: Trial) -> None:
    trial.running()
    trial.wait(HOUR_S)
    trial.write(Update(Stopped()))
    trial.expect_delivered(0, 3 * DAY_S, "a stopped pump", off_nl=0)


@check("24", "follow the steps of a day by its clock", "PMP-25")
def _flex(trial: Trial) -> None:
    trial.running(Flex((nights(trial),)))
    trial.until(5 * HOUR_S)
    strong, weak = trial.flow(3).nl_per_day, trial.flow().nl_per_day
    trial.expect_delivered(flowed_nl(strong, HOUR_S), HOUR_S, "the last hour of the strong step")
    trial.expect_delivered(flowed_nl(weak, HOUR_S), HOUR_S, "the first hour of the other")
    trial.until(23 * HOUR_S)
    trial.expect_delivered(flowed_nl(weak + strong, HOUR_S), 2 * HOUR_S, "an hour before and an hour after midnight")


@check("25", "follow the days of a week", "PMP-25")
def _week(trial: Trial) -> None:
    plain: Day = (Step(DAY_S, trial.flow()),)
    trial.running(Flex((plain,) * 5 + (nights(trial),) * 2))
    weak, weekend = trial.flow().nl_per_day, (trial.flow(3).nl_per_day + 3 * trial.flow().nl_per_day) // 4
    for number in range(7):
        trial.expect_delivered(weekend if number > 4 else weak, DAY_S, f"day {number + 1} of the week", off_nl=2)


@check("26", "give periodic boluses by its clock, on top of the flow or instead of it", "PMP-50")
def _periodic(trial: Trial) -> None:
    volume, lasts = Volume(20_000), Duration(1200)
    trial.running(PeriodicBolus(volume, lasts, Duration(6 * HOUR_S), 2 * HOUR_S, trial.flow()))
    flow = trial.flow().nl_per_day
    under = flowed_nl(flow, lasts.s) if trial.sheet.basal_during_bolus == "continues" else 0
    trial.until(2 * HOUR_S)
    trial.expect_delivered(volume.nl + under, lasts.s, "the bolus at two")
    trial.expect_delivered(flowed_nl(flow, HOUR_S), HOUR_S, "the hour after it")
    trial.until(8 * HOUR_S)
    trial.expect_delivered(volume.nl + under, lasts.s, "the bolus at eight")


@check("27", "move its steps with its clock, and with nothing else", "PMP-25", "PMP-38")
def _clock(trial: Trial) -> None:
    trial.running(Flex((nights(trial),)))
    trial.write(SetClock(2 * HOUR_S))
    trial.until(4 * HOUR_S)
    trial.expect_delivered(flowed_nl(trial.flow().nl_per_day, HOUR_S), HOUR_S, "six in the morning by the clock is four by UTC")
    trial.not_written(SetClock(15 * HOUR_S), "no zone is so far from UTC")


@check("28", "change its flow in the second of the commit", "SES-10")
def _at_once(trial: Trial) -> None:
    trial.running()
    trial.wait(HOUR_S)
    trial.write(Update(SimpleContinuous(trial.flow(3))))
    trial.expect_delivered(flowed_nl(trial.flow(3).nl_per_day, HOUR_S), HOUR_S, "the hour after the commit")


@check("29", "refuse a flow below its slowest and above its fastest, and take both", "PMP-01", "PMP-02")
def _limits(trial: Trial) -> None:
    trial.running()
    step = trial.sheet.flow_step.nl_per_day
    for flow in (trial.sheet.flow_min, trial.sheet.flow_max):
        trial.write(Update(SimpleContinuous(flow)))
    trial.not_written(Update(SimpleContinuous(FlowRate(trial.sheet.flow_min.nl_per_day - step))), "it is too slow")
    trial.not_written(Update(SimpleContinuous(FlowRate(trial.sheet.flow_max.nl_per_day + step))), "it is too fast")


@check("30", "refuse a day of more steps than its data sheet allows, and one that does not cover the day", "PMP-03", "PMP-04")
def _days(trial: Trial) -> None:
    trial.running()
    most = trial.sheet.flex_steps_max
    trial.only_if(DAY_S % (most + 1) == 0 or most < HOUR_S, "no day has so many steps")
    ends = [(number + 1) * DAY_S // (most + 1) for number in range(most + 1)]
    many = tuple(Step(end, trial.flow(1 + number % 2)) for number, end in enumerate(ends))
    trial.not_written(Update(Flex((many,))), "it has too many steps")
    trial.not_written(Update(Flex(((Step(DAY_S - HOUR_S, trial.flow()),),))), "it ends an hour before midnight")
    trial.not_written(Update(Flex(((Step(DAY_S, trial.flow()),),) * 3)), "no week has three days")


@check("31", "refuse periodic boluses that do not fit into a day", "PMP-16")
def _intervals(trial: Trial) -> None:
    trial.running()
    for every in (Duration(7 * HOUR_S), Duration(600)):
        bolus = PeriodicBolus(Volume(10_000), Duration(1200), every, 0, trial.flow())
        trial.not_written(Update(bolus), "it does not divide the day, or is no longer than the bolus")


@check("32", "refuse a dose at a concentration that it does not know", "PMP-11")
def _concentration(trial: Trial) -> None:
    trial.fill(trial.half)
    trial.not_written(Update(SimpleContinuous(trial.flow()), reservoir=trial.half), "no concentration was typed in")
    trial.programmed()
