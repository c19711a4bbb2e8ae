"""A plugin of pytest: which test shows which requirement and how it ended, and which entries of the pump's tables were exercised.

The second needs ``--evidence-tables``. Then the builders of a new pump state are watched; what they do and give is as it is.
"""

import functools
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Outcomes = dict[str, dict[str, Any]]


class Recorder:
    """What a run of the tests has shown, written as JSON at its end. ``wanted`` empty runs every test."""

    def __init__(self, path: Path, wanted: frozenset[str]) -> None:
        self.path, self.wanted = path, wanted
        self.tests: Outcomes = {}
        self.entries: set[tuple[str, ...]] = set()
        self.changes: set[tuple[str, ...]] = set()
        self.alarms: set[tuple[str, ...]] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Note the requirements of every test before any is left out, and leave out what shows none that is wanted."""
        kept = []
        for item in items:
            shows = sorted({str(mark.args[0]) for mark in item.iter_markers("requirement")})
            if shows and (not self.wanted or self.wanted & set(shows)):
                self.tests[item.nodeid] = {"shows": shows, "outcome": "not run"}
            if not self.wanted or self.wanted & set(shows):
                kept.append(item)
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has passed where its call has, and has failed where any part of it has."""
        test = self.tests.get(report.nodeid)
        if test is None or test["outcome"] == "failed":
            return
        if report.failed:
            test["outcome"] = "failed"
        elif report.when == "call" and report.passed:
            test["outcome"] = "passed"

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        seen = {
            "tests": self.tests,
            "entries": sorted(self.entries),
            "changes": sorted(self.changes),
            "alarms": sorted(self.alarms),
        }
        self.path.write_text(json.dumps(seen, indent=1), encoding="utf-8")

    def watch(self) -> None:
        """Watch the tables of modes and alarms: what has imported the functions already, and what will, gets the watched ones."""
        modules = {name: importlib.import_module(f"thecal.pump.{name}") for name in ("handle", "reservoir", "faults", "advance")}
        builders = {"handle": "handle", "reservoir": "perform", "faults": "disturb", "advance": "advance"}
        for name, module in modules.items():
            original = getattr(module, builders[name])
            _everywhere(original, self._watched(original))
        checked = importlib.import_module("thecal.pump.modes").check_mode
        _everywhere(checked, self._checked(checked))
        alarm = importlib.import_module("thecal.pump.alarms").Alarm
        for method in ("began", "ended"):
            setattr(alarm, method, self._told(getattr(alarm, method), method))

    def _watched(self, build: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(build)
        def builder(state: Any, cause: Any, *more: Any, **named: Any) -> Any:
            result = build(state, cause, *more, **named)
            after = result[0] if isinstance(result, tuple) else getattr(result, "state", None)
            if after is not None and after.mode != state.mode:
                self.changes.add((state.mode, getattr(cause, "name", "time"), after.mode))
            return result

        return builder

    def _checked(self, check: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(check)
        def checked(mode: str, command: str, sheet: Any) -> Any:
            self.entries.add((mode, command))
            return check(mode, command, sheet)

        return checked

    def _told(self, tell: Callable[..., Any], method: str) -> Callable[..., Any]:
        @functools.wraps(tell)
        def told(alarm: Any, *arguments: Any) -> Any:
            self.alarms.add((alarm.kind.name, method))
            return tell(alarm, *arguments)

        return told


def _everywhere(original: Callable[..., Any], watched: Callable[..., Any]) -> None:
    """Put a function in the place of another wherever the package has imported it by name."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "thecal":
            for attribute in [key for key, value in vars(module).items() if value is original]:
                setattr(module, attribute, watched)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write, for which requirements, and whether to watch the tables."""
    group = parser.getgroup("evidence")
    group.addoption("--evidence-to", help="the file that what was seen is written to")
    group.addoption("--evidence-shows", default="", help="run only what shows one of these requirements, with commas")
    group.addoption("--evidence-tables", action="store_true", help="watch the tables of modes and alarms")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record, where it is asked for."""
    to = config.getoption("--evidence-to")
    if to:
        shows: str = config.getoption("--evidence-shows")
        recorder = Recorder(Path(to), frozenset(name for name in shows.split(",") if name))
        if config.getoption("--evidence-tables"):
            recorder.watch()
        config.pluginmanager.register(recorder, "evidence")
