"""Two programmers, a link that does as it likes, a pump with its journal, faults and time: what must hold whatever happens."""

from dataclasses import replace

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.bench.disk import Disk
from tests.bench.ward import Profile, Ward, Way
from tests.courses import FAULTS, MagnetFor, Operation, StallFor, ml
from tests.programmer.desk import C500, continuous
from thecal.bench import virtual_pump
from thecal.bench.bad_link import BadLink
from thecal.bench.codec import Plain
from thecal.bench.entry import Asked, Befell, Needled
from thecal.bench.journal import Journal, JournalError
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import VirtualPump
from thecal.catheter.faults import CatheterFault
from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, SessionEnded
from thecal.chart.order import (
    FlexDay,
    Order,
    OrderBolus,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderStop,
    StepDose,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session
from thecal.pump import advance, handle
from thecal.pump.handle import Answer
from thecal.pump.messages import (
    ChangeGain,
    Fault,
    Fill,
    Magnet,
    Message,
    Procedure,
    Resistance,
    SensorError,
    Stall,
    Surroundings,
    Syringe,
    Update,
    Withdraw,
    Write,
)
from thecal.pump.state import Link, PumpState, true_flow
from thecal.pump.wand import Received, receive
from thecal.quantity import Amount, Concentration, DailyDose, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

WHO = st.sampled_from(["A", "B"])
PROFILES = (
    ("reference-40", ()),
    ("reference-40", (("stops_while_updating", "yes"), ("update_during_bolus", "cancels"))),
    ("reference-40", (("emi_during_alarm", "telemetry mode"), ("after_single_bolus", "stopped"))),
    ("synchromed-ii-40", ()),
    ("synchromed-ii-40", (("basal_during_bolus", "suspended"), ("safe_state", "stopped"))),
    ("medstream-20", (("patient_bolus", "yes"),)),
    ("prometra-i-20", ()),
    ("prometra-ii-40", ()),
)
"""Pumps that sense, stop and stall differently, and properties that no source decides read the other way."""


def mcg(dose: int) -> Amount:
    return Amount(dose * 10**6)


def two_steps(day: int, night: int) -> OrderFlex:
    """A dose of the day from six to ten, and one of the night."""
    steps = (StepDose(21_600, 79_200, mcg(day)), StepDose(79_200, 21_600, mcg(night)))
    return OrderFlex((FlexDay((), DailyDose((day + night) * 10**6), steps),))


DOSES = st.integers(40, 400) | st.integers(400, 1800)
DOSINGS: st.SearchStrategy[Order] = st.one_of(
    DOSES.map(continuous), st.builds(two_steps, DOSES, DOSES), st.sampled_from([OrderStop(), OrderMinimumRate()])
)
PATIENT = OrderPatient(mcg(5), Duration(600), Duration(7200), 3)
ORDERS = st.one_of(
    DOSINGS.map(lambda dosing: OrderSheet(dosing=dosing)),
    st.builds(lambda dose, s: OrderSheet(bolus=OrderBolus(mcg(dose), Duration(s))), st.integers(1, 60), st.integers(60, 7200)),
    st.sampled_from(
        [
            OrderSheet(low_reservoir=ml(4)),
            OrderSheet(dosing=continuous(150), patient=PATIENT, low_reservoir=ml(3)),
            OrderSheet(patient=PATIENT),
            OrderSheet(patient=OrderNoPatient()),
            OrderSheet(clock_offset_s=7200),
            OrderSheet(clock_offset_s=-18_000),
            OrderSheet(prime=True),
        ]
    ),
)
NEEDLES = st.one_of(
    st.just(Withdraw()),
    st.integers(1, 9_000_000).map(lambda nl: Withdraw(Volume(nl))),
    st.integers(1, 15_000_000).map(lambda nl: Fill(Volume(nl), C500)),
)
GAINS = st.integers(860_000, 1_140_000).map(Gain)
"""Within the label of every pump here."""
STRIKES: st.SearchStrategy[Operation] = st.one_of(
    FAULTS.filter(lambda fault: not isinstance(fault, CatheterFault)),
    st.builds(ChangeGain, GAINS),
    st.builds(Surroundings, st.sampled_from(["temperature", "pressure"]), GAINS),
    st.integers(0, 10**6).map(Resistance),
    st.integers(-3_000_000, 3_000_000).map(SensorError),
)
LINKS = st.sampled_from(
    [
        BadLink(),
        BadLink(lost=10**6),
        BadLink(doubled=10**6),
        BadLink(corrupted=10**6),
        BadLink(doubled=10**6, corrupted=5 * 10**5),
        BadLink(cut=10**6),
    ]
)
SPANS = st.one_of(st.integers(1, 90), st.integers(60, 900), st.integers(1, 2 * DAY_S), st.integers(1, 60 * DAY_S))
DEPTH = settings(max_examples=2 * settings().max_examples, stateful_step_count=50)
"""Twice as many courses as any other law has examples, in a default run and in a long one."""


def struck(now: Instant, drawn: Operation) -> Fault:
    """A fault whose times are counted from now."""
    match drawn:
        case StallFor(seconds):
            return Stall(None if seconds is None else Instant(now.s + seconds))
        case MagnetFor(seconds, recovers_s):
            leaves = Instant(now.s + seconds)
            return Magnet(leaves, None if recovers_s is None else Instant(leaves.s + recovers_s))
    assert isinstance(drawn, Fault)
    return drawn


class Course(RuleBasedStateMachine):
    """Everything that can be done in a ward, in any order; every law of it after every step."""

    @initialize(profile=st.sampled_from(PROFILES), gain=st.just(Gain(Gain.EXACT)) | GAINS, one_chart=st.booleans())
    def opens(self, profile: Profile, gain: Gain, one_chart: bool) -> None:
        self.ward = Ward(profile, gain, one_chart=one_chart)

    @rule(who=WHO, cancels=st.booleans())
    def reads(self, who: str, cancels: bool) -> None:
        """Reads the pump; or ends the bolus that runs, and reads it then."""
        self.ward.begin(who, "cancel_bolus" if cancels else "interrogate")

    @rule(who=WHO, orders=ORDERS, off_pg=st.sampled_from([0] * 7 + [10**9]))
    def writes(self, who: str, orders: OrderSheet, off_pg: int) -> None:
        if self.ward.confirmed(who, orders, off_pg):
            self.ward.begin(who, "update")

    @rule(who=WHO, orders=ORDERS, frames=st.integers(0, 10), times=st.integers(1, 2), seconds=st.just(0) | SPANS)
    def visits_well(self, who: str, orders: OrderSheet, frames: int, times: int, seconds: int) -> None:
        """Comes some time later, reads and writes while each frame arrives; the link ends after so many frames of the update."""
        self.ward.wait(seconds)
        self._read_well(who)
        self.writes(who, orders, 0)
        self.ward.carry(who, frames, times)

    @rule(who=WHO, volume=st.integers(2, 18), strength=st.sampled_from([500, 500, 1000]), charted=st.booleans())
    def refills(self, who: str, volume: int, strength: int, charted: bool) -> None:
        """Reads, empties and fills the reservoir, with or without a word in the chart, and types in what was filled."""
        ward, filled, concentration = self.ward, Volume(volume * 10**6), Concentration(strength)
        self._read_well(who)
        self.needles([Withdraw(), Fill(filled, concentration)])
        if charted:
            chart = ward.charts[who].after(Filled(ward.now, filled, concentration))
            ward.charts |= dict.fromkeys(ward.owners[who], chart)
        orders = OrderSheet(dosing=continuous(120), concentration=concentration, reservoir=filled, bridge=strength != 500)
        self.writes(who, orders, 0)
        ward.carry(who, 8)

    def _read_well(self, who: str) -> None:
        self.ward.give_up(who)
        self.ward.begin(who, "interrogate")
        self.ward.carry(who, 2)

    @rule(who=WHO)
    def gives_up(self, who: str) -> None:
        self.ward.give_up(who)

    @rule(who=WHO)
    def sends_again(self, who: str) -> None:
        self.ward.visits[who].send()

    @rule(who=WHO, killed=st.booleans())
    def comes_anew(self, who: str, killed: bool) -> None:
        (self.ward.kill if killed else self.ward.give_up)(who)
        self.ward.come_anew(who)

    @rule(who=WHO, frames=st.integers(1, 4))
    def carries(self, who: str, frames: int) -> None:
        self.ward.carry(who, frames)

    @rule(
        who=WHO,
        way=st.sampled_from(["there", "back"]),
        n=st.integers(0, 7),
        link=LINKS,
        seed=st.integers(0, 2**32),
        again=st.booleans(),
    )
    def carries_badly(self, who: str, way: Way, n: int, link: BadLink, seed: int, again: bool) -> None:
        self.ward.carry_badly(who, way, n, link, seed, again=again)

    @rule(seconds=SPANS)
    def time_passes(self, seconds: int) -> None:
        self.ward.wait(seconds)

    @rule(off_s=st.integers(-1, 1))
    def alarm_is_due(self, off_s: int) -> None:
        self.ward.wait_for_alarm(off_s)

    @rule(procedures=st.lists(NEEDLES, min_size=1, max_size=2))
    def needles(self, procedures: list[Procedure]) -> None:
        for procedure in procedures:
            self.ward.happens(Needled(self.ward.now, procedure))

    @rule()
    def patient_asks(self) -> None:
        self.ward.happens(Asked(self.ward.now))

    @rule(faults=st.lists(STRIKES, min_size=1, max_size=2), seconds=SPANS)
    def faults_strike(self, faults: list[Operation], seconds: int) -> None:
        """One, or two in the same second; and they last for a while."""
        for fault in faults:
            self.ward.happens(Befell(self.ward.now, struck(self.ward.now, fault)))
        self.ward.wait(seconds)

    @rule(n=st.integers(0, 255))
    def power_fails(self, n: int) -> None:
        self.ward.lose_power(n)

    @rule(changes=st.integers(1, 5))
    def power_will_fail(self, changes: int) -> None:
        self.ward.lose_power_within(changes)

    @rule(closed=st.booleans())
    def journal_goes_on(self, closed: bool) -> None:
        """In a new segment; or the bench is closed and opened."""
        (self.ward.put_away if closed else self.ward.go_on)()

    @invariant()
    def every_law_holds(self) -> None:
        self.ward.check_pump()
        self.ward.check_alarms()
        self.ward.check_chart()

    def teardown(self) -> None:
        self.ward.check_journal()


@pytest.mark.long
@pytest.mark.requirement("BEN-01")
@pytest.mark.requirement("BEN-06")
@pytest.mark.requirement("BEN-18")
@pytest.mark.requirement("PMP-53")
@pytest.mark.requirement("PMP-76")
@pytest.mark.requirement("SES-05")
@pytest.mark.requirement("SES-14")
def test_two_programmers_and_a_link_that_does_as_it_likes() -> None:
    """Whatever comes, and in whatever order: every law after every step."""
    run_state_machine_as_test(Course, settings=DEPTH)


# What it has found ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("BEN-24")
def test_an_alarm_that_begins_under_the_needle_is_told() -> None:
    """A pump with a fill sensor notices an empty reservoir in the same second, and that it is full again."""
    ward = Ward(("medstream-20", ()), Gain(Gain.EXACT), one_chart=True)
    emptied, filled = (ward.happens(Needled(ward.now, what)) for what in (Withdraw(), Fill(ml(15), C500)))
    assert emptied
    assert filled
    alarms = ["low reservoir alarm", "empty reservoir alarm"]
    assert [event.kind for event in emptied.events] == alarms
    assert [event.kind for event in filled.events] == [f"{alarm} ended" for alarm in alarms]


@pytest.mark.requirement("SES-19")
def test_a_sensor_that_reads_more_than_fits_does_not_keep_the_programmer_away() -> None:
    """What the pump senses above its capacity is taken for a full reservoir, and the pump is programmed as ever."""
    ward = Ward(("medstream-20", ()), Gain(Gain.EXACT), one_chart=True)
    ward.happens(Befell(ward.now, SensorError(10**6)))
    ward.begin("A", "interrogate")
    ward.carry("A", 2)
    report = ward.visits["A"].desk.session.report
    assert report
    assert report.calculated == ml(21)
    assert ward.confirmed("A", OrderSheet(dosing=continuous(120)))
    ward.begin("A", "update")
    ward.carry("A", 8)
    assert ward.visits["A"].desk.session.standing == "done"
    ward.check_journal()


# A machine that finds what is wrong -----------------------------------------------------------------------------------


def takes_a_repeat_for_new(state: PumpState, message: Message) -> Received:
    """The pump as if it had seen the message before the one that comes again."""
    link = state.memory.link
    seen = tuple(replace(one, sequence=one.sequence - (one.session == message.session)) for one in link.seen)
    return receive(replace(state, memory=replace(state.memory, link=Link(link.writes, seen))), message)


def syncs_late(disk: Disk, name: str) -> None:
    """All of a journal but what was written last, which lasts no sooner than what comes next."""
    number, file = disk.names_now[name], disk.files[disk.names_now[name]]
    SYNC(disk, name)
    if not name.endswith(".part"):
        disk.files[number] = replace(file, durable=replace(file, pending=file.pending[:-1]).content, pending=file.pending[-1:])


def skips_needles(journal: Journal, entry: Plain) -> None:
    if entry["kind"] != "Needled":
        APPEND(journal, entry)


def believes_it_is_done(session: Session, at: Instant, dosing: Order | None, _: Chart) -> SessionEnded:
    assert session.report
    return SessionEnded(at, dosing, session.report, session.name)


def forgets_the_syringe(pump: VirtualPump, state: PumpState, procedure: object, _: Syringe) -> VirtualPump:
    return BOOKED(pump, state, procedure, Syringe())


def writes_half(state: PumpState, write: Write) -> Answer | Refusal:
    return WRITTEN(state, replace(write, low_reservoir=None, reservoir=None) if isinstance(write, Update) else write)


SYNC, APPEND, WAIT = Disk.sync, Journal.append, ShelvedPump.wait
BOOKED, WRITTEN, CROSSED = virtual_pump._booked, handle._written, advance._crossings
BROKEN: dict[str, tuple[str, object]] = {
    "a repeat is done again": ("thecal.bench.virtual_pump.receive", takes_a_repeat_for_new),
    "an entry is synced too late": ("tests.bench.disk.Disk.sync", syncs_late),
    "an entry is not written": ("thecal.bench.journal.Journal.append", skips_needles),
    "a fluid is not booked": ("thecal.bench.virtual_pump._booked", forgets_the_syringe),
    "half is written": ("thecal.pump.handle._written", writes_half),
    "a flow is not the true one": ("thecal.pump.settle.true_flow", lambda pattern, _: true_flow(pattern, Gain.EXACT)),
    "an alarm is skipped": ("thecal.pump.advance._crossings", lambda *crossed: list(CROSSED(*crossed))[:0]),
    "an alarm is not told": ("thecal.bench.shelf.ShelvedPump.wait", lambda shelf, now: WAIT(shelf, now)[:0]),
    "a lost reply is taken for done": ("thecal.bench.desk.session_fact", believes_it_is_done),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine ways in which a bench can be wrong: a few random courses break a law in each."""
    monkeypatch.setattr(*BROKEN[what])
    few = settings(max_examples=200, stateful_step_count=40, derandomize=True, phases=[Phase.generate])
    with pytest.raises((AssertionError, JournalError)):
        run_state_machine_as_test(Course, settings=few)
