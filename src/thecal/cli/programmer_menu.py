"""A programmer by hand: what the pump says, a menu, the review, the total that a person worked out, the update, the record."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from thecal.bench.desk import ENDED, Desk
from thecal.bench.wand import LinkError
from thecal.bench.wire import Notice
from thecal.chart.order_sheet import OrderSheet
from thecal.cli.console import REFUSED, explain, write_whole
from thecal.cli.programmer_link import Form, Reach, pace_words
from thecal.cli.programmer_questions import Questions, sheet_words
from thecal.cli.programmer_screen import BackError, LeftError, Screen
from thecal.errors import InputError, Refusal, ThecalError
from thecal.programmer.gate import GATES
from thecal.programmer.printout import Section
from thecal.programmer.review import Review
from thecal.programmer.session import idle_alert, idle_clear
from thecal.pump.written import BOLUSES
from thecal.quantity import DailyDose
from thecal.twin.order_tables import SheetTable

_FORMS: dict[str, Form] = {".txt": "text", ".html": "html", ".json": "json"}
_READ = {"i": "interrogate again"}
_ENTER = {
    "d": "change the dose",
    "p": "patient bolus",
    "s": "single bolus",
    "b": "bridge or prime",
    "l": "low reservoir threshold",
    "v": "volume after a fill",
    "c": "pump clock",
}
_LEAVE = {"f": "print to a file", "q": "quit"}
UNTIL_READ = "Nothing else is offered until the pump has been interrogated. Ctrl-D leaves it so."


class Menu:
    """A person at the screen. ``orders`` is what was entered and not yet written.

    ``open_end`` is set from an update that nobody knows the end of, or that is not as was meant, until the pump is read.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self.screen = Screen(self.left_alone)
        self._questions = Questions(self.screen)
        self.orders = OrderSheet()
        self.open_end = False
        self._alerted = False
        self.desk: Desk | None = None

    async def run(self) -> int:
        """Until somebody quits; the exit code. Raises LinkError where there is no link to begin with, JournalError, OSError."""
        try:
            while not await self._linked():
                pass
        except LeftError:
            self.screen.say("The programmer is left.")
        return self._code()

    async def write(self, orders: OrderSheet, done: Callable[[Desk], None]) -> int:
        """The review of an order, and the update if somebody agrees; ``done`` is told when it has ended. The exit code.

        Raises InputError, LinkError, JournalError, OSError.
        """
        self.orders = orders
        async with self._reach.open(self._heed) as desk:
            self.desk = desk
            self._welcome(desk)
            try:
                await self._review(desk)
            except (BackError, LeftError) as ended:
                self.screen.say(f"{str(ended) or 'Not agreed'}: nothing was written.", "bold red")
            if desk.session.standing in ENDED:
                done(desk)
            return self._code() or (0 if desk.session.standing == "done" else REFUSED)

    def _code(self) -> int:
        """The exit code; where nobody knows what the pump runs, that is said last."""
        if self.open_end:
            self.screen.say(f"Interrogate the pump before anything else: {self._reach.again}", "bold red")
        return REFUSED if self.open_end else 0

    def left_alone(self, seconds: float) -> str | None:
        """What to say to somebody who prepared something and has not answered for so long; in the end it is dropped."""
        prepared = self.orders != OrderSheet()
        if not prepared or seconds < idle_alert().s:
            self._alerted = False
            return None
        if seconds >= idle_clear().s:
            self.orders = OrderSheet()
            raise BackError(f"Nobody has answered for {idle_clear()}: what was entered is dropped; nothing of it was sent.")
        if self._alerted:
            return None
        self._alerted = True
        return f"Nobody has answered for {idle_alert()}; after {idle_clear()} what was entered is dropped."

    def _heed(self, notice: Notice) -> None:
        self.screen.tell(f"the bench says: {notice.text}")

    async def _linked(self) -> bool:
        """One link to the pump; whether that was all."""
        try:
            async with self._reach.open(self._heed) as desk:
                first, self.desk = self.desk is None, desk
                if first:
                    self._welcome(desk)
                await self._read(desk)
                return await self._chosen(desk)
        except LinkError as error:
            if self.desk is None:
                raise
            self.screen.say(str(error), "bold red")
        try:
            return await self._offered({**_READ, "q": "quit"}) == "q"
        except BackError as back:
            self.screen.tell(str(back))
            return False

    def _welcome(self, desk: Desk) -> None:
        welcome, (times, per) = desk.wand.welcome, desk.wand.welcome.speed
        self.screen.say(f"{welcome.programmer} at {welcome.serial}: {pace_words(desk)}.", "dim")
        if idle_clear().s * per < 60 * times:
            lasts = f"{idle_clear().s * per / times:.2g} s"
            text = f"{idle_clear()} of the bench pass in {lasts}: what was reviewed is worked out again before it is written."
            self.screen.say(text, "yellow")
        if "may_program" not in welcome.permissions:
            self.screen.say(f"The certificate of {welcome.programmer} permits to read and not to program (BEN-11).", "yellow")

    async def _read(self, desk: Desk) -> bool:
        """Interrogate and show it; what was refused is shown instead."""
        refusal = await self._reach.read(desk)
        if refusal:
            self._refuse(refusal)
            return False
        self.open_end = False
        self.screen.said(self._reach.heading(desk), self._reach.said(desk))
        return True

    async def _chosen(self, desk: Desk) -> bool:
        """One choice after the other, until somebody quits (True) or the link is to be made anew (False)."""
        while True:
            try:
                match await self._offered(self._offers(desk)):
                    case "q":
                        return True
                    case "i" if desk.unanswered:
                        return False
                    case "i":
                        await self._read(desk)
                    case "e":
                        await self._end_bolus(desk)
                    case "r":
                        await self._review(desk)
                    case "x":
                        self.orders = OrderSheet()
                    case "f":
                        await self._print(desk)
                    case entered:
                        await self._enter(desk, entered)
            except BackError as back:
                if back.args:
                    self.screen.tell(str(back))
            except InputError as error:
                self.screen.say(error.sentence(), "red")

    def _offers(self, desk: Desk) -> dict[str, str]:
        """What can be chosen as things stand."""
        session = desk.session
        if session.standing in ("uncertain", "unlike"):
            self.screen.say(UNTIL_READ, "bold red")
            return _READ
        offered = dict(_READ)
        if "may_program" in desk.wand.welcome.permissions:
            entered = sheet_words(self.orders)
            if entered:
                rows = tuple((name, words) for name, words in entered.items())
                self.screen.section(Section("Entered, and not sent before it is reviewed", ("", ""), rows))
                offered["r"] = "review and write"
                offered["x"] = "drop what was entered"
            offered |= _ENTER
            said = session.read_back or session.report
            if said and said.mode in BOLUSES:
                offered["e"] = f"end the {said.mode}"
        return offered | _LEAVE

    async def _offered(self, offered: dict[str, str]) -> str:
        self.screen.choices(offered, 3)
        while True:
            try:
                answer = (await self.screen.ask("choose")).lower()
            except BackError as back:
                if back.args:
                    raise
                continue
            if answer in offered:
                return answer
            self.screen.say(f"{answer!r} is not offered: {', '.join(offered)}.", "red")

    async def _enter(self, desk: Desk, what: str) -> None:
        """Ask for one piece of the order."""
        ask, told = self._questions, desk.session.report.concentration if desk.session.report else None
        asked: dict[str, Callable[[], Awaitable[OrderSheet]]] = {
            "d": lambda: self._with("dosing", ask.dose),
            "p": lambda: self._with("patient", ask.patient),
            "s": lambda: self._with("bolus", ask.bolus),
            "l": lambda: self._with("low_reservoir", ask.low_reservoir),
            "c": lambda: self._with("clock_offset_s", ask.clock),
        }
        if what in asked:
            self.orders = await asked[what]()
        elif what == "b":
            self.orders = replace(self.orders, **await ask.plan())
        else:
            self.orders = replace(self.orders, **await ask.fill(desk.chart.filled, told))

    async def _with(self, part: str, ask: Callable[[], Awaitable[object]]) -> OrderSheet:
        return replace(self.orders, **{part: await ask()})  # type: ignore[arg-type]  # each part is asked for by its own question

    async def _review(self, desk: Desk) -> None:
        """Side by side, then the total as a person worked it out, then the update."""
        welcome = desk.wand.welcome
        self._reach.check_clocks(desk.wand.now(), real_time=welcome.real_time)
        made, shown = await self._reviewed(desk), None
        while made and not _same(shown, made):
            if shown:
                self.screen.tell("The pump is not as it was when this was reviewed: look again.")
            shown = made
            printed = self._reach.printed(desk)
            assert printed is not None  # it was reviewed
            self.screen.review(self._reach.heading(desk), printed)
            total = await self._agreed()
            if desk.session.at(desk.now).standing != "reviewed":  # the bench's time ran out meanwhile
                made = await self._reviewed(desk)
        if made is None:
            return
        refusal = desk.confirm(total)
        if refusal:
            self._refuse(refusal)
        else:
            await self._update(desk)

    async def _agreed(self) -> DailyDose:
        """The 24-h total as a person worked it out: typed here, or in the order. Raises BackError where nobody agrees."""
        total = self.orders.confirm_total
        if total is None:
            words = "the 24-h total as you worked it out from the order, such as 120 mcg/day"
            typed: DailyDose = await self._questions.of(SheetTable, "confirm_total", words)
            return typed
        if not await self._questions.yes(f"{total} is the 24-h total that the order gives; write it?"):
            raise BackError
        return total

    async def _reviewed(self, desk: Desk) -> Review | None:
        """A review from what the pump says now; a refusal is shown instead."""
        refusal = await self._reach.read(desk) or desk.prepare(self.orders)
        if refusal and refusal.rule in GATES and self.orders.anyway is None:
            self._refuse(refusal)
            reason = await self.screen.ask("   why it goes on all the same (nothing: it does not)")
            if not reason.strip():
                return None
            self.orders = replace(self.orders, anyway=reason.strip())
            refusal = desk.prepare(self.orders)
        if refusal:
            self._refuse(refusal)
            return None
        return desk.session.review

    async def _update(self, desk: Desk) -> None:
        self.screen.progress(f"Writing to {self._reach.serial}:")
        try:
            refusal = await desk.update(lambda name: self.screen.progress(f" {name} ..."))
        except (ThecalError, OSError) as error:  # the chart could not be written; the pump was
            self.screen.say(f"\n{explain(error)}", "bold red")
            refusal = None
        self.screen.say("")
        if refusal:
            self._refuse(refusal)
        self._outcome(desk)

    def _outcome(self, desk: Desk) -> None:
        standing = desk.session.standing
        if standing not in ENDED:
            self.screen.say("Nothing was written.", "bold red")
            return
        printed = self._reach.printed(desk)
        assert printed is not None  # it was reviewed
        self.open_end = standing != "done"
        if not self.open_end:
            self.orders = OrderSheet()
        self.screen.section(printed.sections[-1])
        self.screen.status(printed)

    async def _end_bolus(self, desk: Desk) -> None:
        refusal = await self._reach.read(desk) or await desk.cancel_bolus()
        if refusal:
            self._refuse(refusal)
        self.open_end = desk.session.standing == "uncertain"
        if desk.session.standing == "read":
            self.screen.said(self._reach.heading(desk), self._reach.said(desk))
        elif desk.unanswered:
            self.screen.say(f"No answer came ({desk.unanswered}): nobody knows whether the bolus was ended.", "bold red")

    async def _print(self, desk: Desk) -> None:
        if desk.session.report is None:
            self.screen.say("There is nothing to print: interrogate first.", "red")
            return
        path = Path(await self.screen.ask(f"   file, ending in {', '.join(_FORMS)}"))
        form = _FORMS.get(path.suffix)
        if form is None:
            raise InputError(
                "file", str(path), "does not say what it is to be", accepted=[f"a name ending in {end}" for end in _FORMS]
            )
        if path.exists() and not await self._questions.yes(f"{path} is there already; write over it?"):
            return
        try:
            write_whole({path: self._reach.form(desk, form)})
        except OSError as error:
            self.screen.say(explain(error), "red")
        else:
            self.screen.say(f"   {path} is written.")

    def _refuse(self, refusal: Refusal) -> None:
        self.screen.say(str(refusal), "magenta")


def _same(shown: Review | None, made: Review) -> bool:
    """Whether a review made anew is the one that was shown: the same write, to a pump that nobody has written meanwhile."""
    return shown is not None and (shown.write, shown.before.token) == (made.write, made.before.token)
