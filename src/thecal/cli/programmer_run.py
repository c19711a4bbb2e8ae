"""One run of the programmer: a reading, an order, or the end of a bolus; by hand or by file."""

import asyncio
import sys
from pathlib import Path

from thecal.bench.desk import ENDED, Desk
from thecal.bench.wire import Notice
from thecal.chart.order_sheet import OrderSheet
from thecal.cli.console import BAD_INPUT, REFUSED, complain, explain, print_lines, print_refusal, write_whole
from thecal.cli.programmer_link import Form, Reach
from thecal.cli.programmer_menu import Menu
from thecal.cli.programmer_screen import is_terminal
from thecal.errors import ThecalError, printable
from thecal.pump.written import BOLUSES


class Programming:
    """One run of the programmer: what is wanted of the pump, and where it is written down."""

    def __init__(self, reach: Reach, outputs: dict[Form, Path], orders: OrderSheet | None, *, yes: bool, cancel: bool) -> None:
        self._reach, self._outputs, self._orders, self._yes, self._cancel = reach, outputs, orders, yes, cancel
        self._desk: Desk | None = None

    def run(self) -> int:
        """The exit code. Raises InputError, LinkError, BenchError, JournalError, OSError."""
        scripted = self._yes or self._cancel or (self._outputs and not self._orders)
        menu = Menu(self._reach) if is_terminal() and not scripted else None
        try:
            return asyncio.run(self.by_hand(menu) if menu else self.by_file())
        except KeyboardInterrupt:
            desk = menu.desk if menu else self._desk
            if desk is None or desk.session.standing != "uncertain":
                raise
            said = f"interrupted, and uncertain: {desk.session.why}. The chart says so"
            complain(f"\nthecal: {said}. Interrogate it before anything else: {self._reach.again}")
            return REFUSED

    async def by_hand(self, menu: Menu) -> int:
        """A person at a terminal: the menu, or the review of an order file. The exit code."""
        if self._orders is None:
            return await menu.run()
        return await menu.write(self._orders, self._write_files)

    async def by_file(self) -> int:
        """Read; then end a bolus, or write an order; then print. The exit code."""
        async with self._reach.open(_heed) as desk:
            self._desk = desk
            if self._orders:
                self._reach.check_clocks(desk.wand.now(), real_time=desk.wand.welcome.real_time)
            refusal = await self._reach.read(desk)
            if refusal:
                print_refusal(refusal)
                return REFUSED
            if self._cancel:
                return await self._end_bolus(desk)
            if self._orders:
                return await self._write(desk, self._orders)
            self._print(desk)
            return 0

    async def _end_bolus(self, desk: Desk) -> int:
        refusal = await desk.cancel_bolus()
        if refusal:
            print_refusal(refusal)
            return REFUSED
        report = desk.session.report
        if desk.session.standing != "read" or report is None:
            complain(f"thecal: uncertain: {desk.session.why}. Interrogate the pump: {self._reach.again}")
            return REFUSED
        self._print(desk)
        return REFUSED if report.mode in BOLUSES else 0

    async def _write(self, desk: Desk, orders: OrderSheet) -> int:
        """Review, confirm, update and print; only the review where nobody has agreed to write."""
        refusal = desk.prepare(orders)
        if refusal:
            print_refusal(refusal)
            return REFUSED
        if not self._yes or orders.confirm_total is None:
            self._print(desk)
            complain("thecal: nothing was written: nobody is here to confirm it. Write it with --yes, and the 24-h total given.")
            return REFUSED
        code = 0
        refusal = desk.confirm(orders.confirm_total)
        try:
            refusal = refusal or await desk.update(_step)
        except (ThecalError, OSError) as error:  # the chart was not written; the pump may be
            complain(explain(error))
            code = BAD_INPUT
        if refusal:
            print_refusal(refusal)
        if desk.session.standing in ENDED:
            self._print(desk)
        return code if desk.session.standing == "done" else REFUSED

    def _print(self, desk: Desk) -> None:
        """The record on standard output, and in the files that were asked for."""
        print_lines(self._reach.lines(desk))
        self._write_files(desk)

    def _write_files(self, desk: Desk) -> None:
        write_whole({path: self._reach.form(desk, form) for form, path in self._outputs.items()})


def _step(name: str) -> None:
    if sys.stderr.isatty():
        complain(f"{name} ...")


def _heed(notice: Notice) -> None:
    complain(f"thecal: the bench says: {printable(notice.text)}")
