"""A pump on a shelf that may lose its power, two programmers at their desks and their charts; and what must hold of them."""

from dataclasses import replace
from functools import partial
from random import Random
from typing import Literal

from tests.bench.disk import Disk
from tests.bench.reckoning import Fold, folded, strays
from tests.bench.stateful import (
    CarriedWand,
    Listener,
    TooLateError,
    Visit,
    command_in,
    left_of,
    reports_in,
    runs,
    session_name,
    write_under_way,
)
from tests.courses import disturbed, done, flow, running_pump
from tests.programmer.desk import chart_of
from thecal.bench.bad_link import BadLink, fate
from thecal.bench.desk import Desk
from thecal.bench.entry import Asked, Befell, Entry, Heard, Passed
from thecal.bench.frame import Frame
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import Outcome, VirtualPump, after, at_instant, on_bench, pump_plain, sheet_with
from thecal.bench.wand import Confirmed, Uncertain
from thecal.bench.wire import reply_frame
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, Interrogated, SessionEnded
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.alarms import ALARMS, tones
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Commit, Event, Interrogate, Message, ReadBack, Report, Update
from thecal.pump.program import PatientBolus, SimpleContinuous
from thecal.pump.state import PumpState
from thecal.pump.written import clock_offset_s
from thecal.quantity import DailyDose, Gain, Volume
from thecal.therapy.gain import pump_gain
from thecal.timeline import DAY_S, Duration, Instant, Interval
from thecal.twin.ledger import Entry as Part

Way = Literal["there", "back"]
Profile = tuple[str, tuple[tuple[str, str], ...]]
"""A data sheet by name, and which of its properties are read the other way."""
SENSED = {"motor stall": "The motor stalled", "empty reservoir": "The reservoir was empty", "low battery reset": "The pump lost"}
"""Alarms by which a pump says that its count may not have flowed, and how the chart then begins to say so."""
BOLUS = PatientBolus(Volume(10_000), Duration(600), Duration(7200), 3)


class PowerError(Exception):
    """The power fails."""


class Ward:
    """The pump, its disk, the programmers A and B with one chart or each with its own, and all that was said so far.

    ``journaled`` is what the shelf has acknowledged, ``live`` the same folded once more; ``frames`` is what was given to
    the link; ``said`` holds every report of the pump with what had been delivered by then, ``strayed`` why it may have given
    something else, ``altered`` when it last lost or changed its settings by itself, ``disturbed`` whether any fault ever struck.
    """

    def __init__(self, profile: Profile, gain: Gain, *, one_chart: bool) -> None:
        sheet = sheet_with(*profile)
        state = replace(running_pump(SimpleContinuous(flow(0.2)), sheet.name), sheet=sheet)
        state = done(handle(disturbed(state, ChangeGain(gain)), Update(patient=BOLUS if sheet.patient_bolus else None)))
        chart, self.disk = chart_of(state), Disk()
        self.shelf = ShelvedPump.new(self.disk, on_bench("TC-0001", state, profile[1]))
        self.now, self.altered = state.now, Instant(state.now.s - 1)
        self.sessions, self.changes_left, self.disturbed = 0, 0, False
        self.live, self.listener = Fold(state), Listener(state.memory.link.writes)
        self.owners = {who: "AB" if one_chart else who for who in "AB"}
        self.charts, self.unsettled = dict.fromkeys("AB", chart), dict.fromkeys("AB", False)
        assert chart.session
        self.said = {chart.session.report: 0}
        self.frames: set[bytes] = set()
        self.journaled: list[Entry] = []
        self.strayed: list[tuple[Instant, str]] = []
        self.noticed: list[Event] = []
        self.announced: dict[str, Instant] = {}
        self.visits = {who: self._visit(who) for who in "AB"}

    # Programmers ------------------------------------------------------------------------------------------------------

    def _visit(self, who: str) -> Visit:
        self.sessions += 1
        wand = CarriedWand(who, self.sessions, self.shelf.pump.state.sheet, lambda: self.now)
        return Visit(Desk(wand, self.charts[who], partial(self._write_down, who)))

    def begin(self, who: str, step: Literal["interrogate", "update", "cancel_bolus"]) -> None:
        """A desk that is in no step takes one, with the chart as it is now."""
        visit = self._at_desk(who)
        if visit.going is None:
            visit.begin(getattr(visit.desk, step)())

    def _at_desk(self, who: str) -> Visit:
        """A programmer who looks into the chart first."""
        visit = self.visits[who]
        visit.desk.chart = self.charts[who]
        return visit

    def confirmed(self, who: str, orders: OrderSheet, off_pg: int = 0) -> bool:
        """Whether a desk has reviewed orders, and confirmed their total; one that is ``off_pg`` it refuses."""
        visit = self._at_desk(who)
        if visit.going or visit.desk.prepare(orders) or visit.desk.session.review is None:
            return False
        total = visit.desk.session.review.totals[1]
        refusal = visit.desk.confirm(DailyDose((total.day.pg if total else 0) + off_pg))
        assert (refusal is not None) == (off_pg != 0)
        return refusal is None

    def give_up(self, who: str) -> None:
        """No answer comes any more to what was sent; what is asked next has none either."""
        visit = self._at_desk(who)
        while visit.waits:
            lost = visit.waits.command
            visit.told(Uncertain("no answer came"))
            assert isinstance(lost, Interrogate) or self.unsettled[who], "a lost reply stands in the chart"

    def kill(self, who: str) -> None:
        """The programmer's program is ended in the midst of a step."""
        visit = self._at_desk(who)
        lost = visit.waits.command if visit.waits else Interrogate()
        visit.killed()
        assert isinstance(lost, Interrogate) or self.unsettled[who], "what nobody knows any more stands in the chart"

    def come_anew(self, who: str) -> None:
        """Another session; what was sent in the old one may still come to the pump."""
        late = self.visits[who].to_pump
        self.visits[who] = self._visit(who)
        self.visits[who].to_pump += late

    # The link ---------------------------------------------------------------------------------------------------------

    def carry(self, who: str, frames: int, times: int = 1) -> None:
        """So many frames arrive, each so many times, back before there."""
        for _ in range(frames):
            visit = self.visits[who]
            way: Way = "back" if visit.to_client else "there"
            bag = visit.to_client or visit.to_pump
            if bag:
                frame = bag.pop(0)
                self.frames.add(frame)
                for _ in range(times):
                    self._arrives(who, way, frame)

    def carry_badly(self, who: str, way: Way, n: int, link: BadLink, seed: int, *, again: bool) -> None:
        """Any frame that is under way meets its fate; it may come ``again`` later."""
        visit = self.visits[who]
        bag = visit.to_pump if way == "there" else visit.to_client
        if not bag:
            return
        frame = bag[n % len(bag)] if again else bag.pop(n % len(bag))
        self.frames.add(frame)
        for piece in sorted(fate(link, frame, Random(seed)), key=lambda piece: piece.after_s):
            self._arrives(who, way, piece.data)
            if piece.ends:
                self.visits[who].cut()
                self.give_up(who)

    def _arrives(self, who: str, way: Way, data: bytes) -> None:
        visit = self._at_desk(who)
        if way == "back":
            visit.arrives(data)
            return
        for piece in visit.at_pump.feed(data):
            command = command_in(piece) if isinstance(piece, Frame) else None
            if isinstance(piece, Frame) and command is not None:
                assert piece.encoded() in self.frames, "what the pump hears was said"
                outcome = self.happens(Heard(self.now, Message(session_name(who, piece), piece.sequence, command)))
                if outcome is None:
                    return  # the power failed, and with it the link
                assert isinstance(outcome.answer, Report | Refusal)
                visit.to_client.append(reply_frame(outcome.answer, piece.session, piece.sequence).encoded())

    # The pump ---------------------------------------------------------------------------------------------------------

    def wait(self, seconds: int) -> None:
        """Let time pass until the next beat of the bench."""
        self.now, before = Instant(self.now.s + seconds), self.shelf.pump
        events = self.shelf.wait(self.now)
        self._passed(before, Outcome(self.shelf.pump, None, events, changed=False))

    def wait_for_alarm(self, off_s: int) -> None:
        """Let time pass to the second of the next alarm, or one beside it; two months where none comes."""
        state, names = self.shelf.pump.state, {f"{kind.name} alarm" for kind in ALARMS}
        first = advance(state, Instant(state.now.s + 60 * DAY_S), names).state.now
        self.wait(max(first.s - self.now.s + off_s, 0))

    def happens(self, entry: Entry) -> Outcome | None:
        """Something happens to the pump; None where the power failed meanwhile."""
        before = self.shelf.pump
        try:
            outcome = self.shelf.take(entry)
        except PowerError:
            self.lose_power(self.now.s, entry)
            return None
        assert isinstance(outcome, Outcome)  # the disk takes everything
        self._happened(before, entry, outcome)
        return outcome

    def lose_power_within(self, changes: int) -> None:
        """After so many changes of the disk from now on, in the midst of what the shelf then does."""
        self.changes_left = changes
        self.disk.changed = self._changed

    def _changed(self) -> None:
        self.changes_left -= 1
        if not self.changes_left:
            raise PowerError

    def lose_power(self, n: int, entry: Entry | None = None) -> None:
        """The bench opens with what can be left of its disk: all that was acknowledged, and at most the ``entry`` under way."""
        before = self.shelf.pump
        self._reopen(Disk.holding(left_of(self.disk, Random(n))))
        _, entries = folded(self.disk)
        if entry and entries == [*self.journaled, entry]:
            outcome = after(before, entry)
            self._happened(before, entry, outcome)
            before = outcome.pump
        assert entries == self.journaled, "what was acknowledged is in the journal, and nothing that never was"
        self.shelf.wait(self.now)
        assert self.shelf.pump == at_instant(before, self.now).pump, "the pump is as it was when the power failed"
        for who, visit in self.visits.items():
            visit.cut()
            self.give_up(who)

    def go_on(self) -> None:
        """The journal begins a new segment, as after very many entries."""
        try:
            self.shelf.journal.go_on_from(pump_plain(self.shelf.pump))
        except PowerError:
            self.lose_power(self.now.s)

    def put_away(self) -> None:
        """The bench is closed and opened."""
        self.disk.changed = lambda: None
        before, entry = self.shelf.pump, Passed(self.now)
        self.shelf.put_away(self.now)
        self._happened(before, entry, after(before, entry))
        self._reopen(self.disk)

    def _reopen(self, disk: Disk) -> None:
        self.disk, self.shelf = disk, ShelvedPump.open(disk)

    def _happened(self, before: VirtualPump, entry: Entry, outcome: Outcome) -> None:
        """What holds of everything that happens to the pump, and of what it says."""
        passed = at_instant(before, entry.at)
        self._passed(before, passed)
        own = outcome.events[len(passed.events) :]
        assert all(event.at == entry.at for event in own)
        self._hear(own)
        was, state = passed.pump.state, outcome.pump.state
        if isinstance(entry, Heard):
            assert isinstance(outcome.answer, Report | Refusal)
            self.listener.hear(was, entry.message, state, outcome.answer)
            if isinstance(outcome.answer, Report):
                self.said.setdefault(outcome.answer, outcome.pump.account.delivered.volume_nl)
        elif isinstance(outcome.answer, Refusal):
            assert outcome.pump == passed.pump, "what is refused changes nothing"
        elif isinstance(entry, Asked):
            self.listener.writes += 1
            self.listener.changed_otherwise(state)
        self.disturbed |= isinstance(entry, Befell)
        if outcome.changed:
            self.journaled.append(entry)
            self.live.do(entry)
        if not (isinstance(entry, Heard) and isinstance(entry.message.command, Commit)):
            self._notice(was, state)

    def _passed(self, before: VirtualPump, passed: Outcome) -> None:
        """Time has passed: every alarm is told at its first second, by the first look at the pump since."""
        now = passed.pump.now
        self.live.wait(now)
        for event in passed.events:
            assert before.now < event.at <= now, "what happened since the last look is told, and nothing else"
            kind = next((kind for kind in ALARMS if f"{kind.name} alarm" == event.kind), None)
            earlier = at_instant(before, Instant(event.at.s - 1)).pump.state
            assert kind is None or not kind.condition(earlier), "an alarm sounds at its first second"
        self._hear(passed.events)
        self.strayed += [(now, cause) for state in (before.state, passed.pump.state) for cause in strays(state)]
        self._notice(before.state, passed.pump.state)

    def _hear(self, events: tuple[Event, ...]) -> None:
        self.noticed += [event for event in events if event.severity != "unsensed"]
        for event in events:
            if event.kind.endswith(" alarm ended"):
                del self.announced[event.kind.removesuffix(" alarm ended")]
            elif event.kind.endswith(" alarm"):
                self.announced[event.kind.removesuffix(" alarm")] = event.at

    def _notice(self, was: PumpState, state: PumpState) -> None:
        """Settings that nobody wrote: lost by a fault, or stopped after a bolus."""
        if replace(was.memory.settings, clock=state.memory.settings.clock) != state.memory.settings:
            self.altered = state.now
            self.listener.changed_otherwise(state)

    # The chart --------------------------------------------------------------------------------------------------------

    def _write_down(self, who: str, facts: tuple[Fact, ...]) -> Chart:
        """A chart keeps what a desk says, where nothing that was said later stands in it; and only what was acknowledged."""
        visit, chart = self.visits[who], self.charts[who]
        desk, (command, said) = visit.desk, visit.heard[-1]
        newest, order = reports_in(chart.facts)[-1], list(self.said)
        if facts[0].at < chart.facts[-1].at or any(order.index(said) < order.index(newest) for said in reports_in(facts)):
            raise TooLateError
        for fact in facts:
            if isinstance(fact, Interrogated | SessionEnded):
                assert fact.report in self.said, "a chart holds only what the pump has said"
                self._check_bounds(chart, fact)
            if isinstance(fact, SessionEnded) and fact.session:
                made = desk.session.review
                assert made
                assert made.write == self.listener.of(fact.session), "done is what the pump has carried out"
                assert runs(fact.report, made.write), "done is said of a pump that was so"
            chart = chart.after(fact)
        read = isinstance(said, Confirmed) and isinstance(command, Interrogate)
        done = isinstance(said, Confirmed) and isinstance(command, ReadBack) and desk.session.standing == "done"
        if isinstance(said, Confirmed) and isinstance(command, ReadBack) and not (done or self.disturbed):
            others = self.listener.writes > self.listener.done_by(desk.session.name) or said.report.mode == "updating"
            assert others, "a pump that was left alone is as was meant"
        assert (chart.uncertain is None) == (read or done), "uncertain from a lost reply on, until the pump is read"
        for owner in self.owners[who]:
            self.charts[owner], self.unsettled[owner] = chart, not (read or done)
        return chart

    def _check_bounds(self, chart: Chart, fact: Interrogated | SessionEnded) -> None:
        """What truly flowed between two reports is what the chart allows for, or there is a reason, which the pump may sense."""
        before, report = reports_in(chart.facts)[-1], fact.report
        gain = pump_gain(chart, self.shelf.pump.state.sheet)
        counted_nl, flowed_nl = report.pumped.nl - before.pumped.nl, self.said[report] - self.said[before]
        low, high = (counted_nl - 1) * gain.low.ppm // Gain.EXACT - 1, (counted_nl + 1) * gain.high.ppm // Gain.EXACT + 1
        causes = {cause for at, cause in self.strayed if before.at < at <= report.at}
        assert causes or low <= flowed_nl <= high, f"{flowed_nl} nL flowed where the chart allows for {low} to {high}"
        told = {event.kind for event in self.noticed[before.logged : report.logged]}
        ledger = line_ledger(chart.after(fact))
        assert ledger
        for alarm, caution in SENSED.items():
            heard = f"{alarm} alarm" in told and "event log cleared" not in told
            assert not heard or any(text.startswith(caution) for text in ledger.cautions), f"the chart is told of the {alarm}"

    # What holds always ------------------------------------------------------------------------------------------------

    def check_pump(self) -> None:
        """Nothing is lost, nothing is written twice, and the pump has given what its journal commanded."""
        pump = self.shelf.pump
        assert pump.account.gap(pump.held) == Part(), "mass is conserved"
        assert pump.state.usable_nl >= 0
        assert pump.state.memory.link.writes == self.listener.writes, "never twice"
        self.live.check(pump)

    def check_alarms(self) -> None:
        """Every condition is signalled, was told at its first second, and sounds once within every interval since."""
        state = self.shelf.pump.state
        sheet, alarms, signals = state.sheet, state.memory.alarms, state.memory.signals
        assert signals.logged == len(self.noticed), "whatever the pump notices is told, once"
        holding = {kind.name for kind in ALARMS if kind.condition(state)}
        assert {alarm.kind.name for alarm in alarms} == holding, "every condition is signalled, and nothing else"
        assert {alarm.kind.name: alarm.onset for alarm in alarms} == self.announced, "every alarm is told, with its onset"
        for alarm in alarms:
            critical = alarm.kind.severity == "critical"
            every = sheet.alarm_interval_critical if critical else sheet.alarm_interval_non_critical
            latest = Interval(Instant(max(alarm.onset.s, state.now.s + 1 - every.s)), Instant(state.now.s + 1))
            assert len(list(tones(alarm, sheet, latest))) == 1, "one tone in each interval"

    def check_chart(self) -> None:
        """Uncertain exactly from a lost reply to the next reading; and else, in one chart, the pump is set as it says."""
        for who, chart in self.charts.items():
            assert (chart.uncertain is not None) == self.unsettled[who]
        said, settings = reports_in(self.charts["A"].facts)[-1], self.shelf.pump.state.memory.settings
        busy = [visit.going or write_under_way(visit, who, self.listener.latest) for who, visit in self.visits.items()]
        if self.owners["A"] != "AB" or any(busy) or self.unsettled["A"] or said.at <= self.altered:
            return
        told = (said.program, said.patient, said.concentration, said.low_reservoir.nl, clock_offset_s(said))
        now = (settings.program, settings.patient, settings.concentration, settings.low_reservoir_nl, settings.clock.offset_s)
        assert told == now, "a chart that is certain is right"

    def check_journal(self) -> None:
        """From its very first segment on, the journal is what was acknowledged, and makes the pump that is on the shelf."""
        for who in self.visits:
            self.give_up(who)
        fold, entries = folded(self.disk.copy())
        assert entries == self.journaled
        fold.check(self.shelf.pump)
