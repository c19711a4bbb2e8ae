"""What is covered by what: from the tests to the rules, and from the statements of the source articles to both.

``make coverage`` writes ``src/thecal/data/coverage/tests.toml``, which ``thecal rules`` shows, and ``docs/coverage.md``.
"""

import ast
import importlib.util
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.command import ROOT
from thecal.datum import read_data
from thecal.therapy.rules import all_rules

TESTS = ROOT / "src" / "thecal" / "data" / "coverage" / "tests.toml"
DOCUMENT = ROOT / "docs" / "coverage.md"
REFERENCES = "tests/therapy/test_rules.py::test_a_rule_says_what_it_rests_on"


def tests_of_rules() -> Mapping[str, tuple[str, ...]]:
    """The tests that name each rule; a reference is held by the test of all rules."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, test in marked(path):
            if name in all_rules():
                found[name].append(test)
    for rule in all_rules().values():
        if rule.kind == "reference":
            found[rule.id].append(f"{REFERENCES}[{rule.id}]")
    return {name: tuple(dict.fromkeys(found[name])) for name in sorted(found)}


def marked(path: Path) -> Iterator[tuple[str, str]]:
    """(requirement, test) for every marker of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = path.relative_to(ROOT).as_posix()
    whole = [rule for node in tree.body if isinstance(node, ast.Assign) and _is_pytestmark(node) for rule in _rules(node.value)]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for rule in [*whole, *(rule for decorator in node.decorator_list for rule in _rules(decorator))]:
                yield rule, f"{name}::{node.name}"


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


def _rules(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "requirement":
            yield from (str(argument.value) for argument in call.args if isinstance(argument, ast.Constant))


def tests_text() -> str:
    """The data file of the tests of rules."""
    lines = ["# Which tests hold which rule; written by `make coverage`.", ""]
    for rule, tests in tests_of_rules().items():
        lines += [f"{rule} = [", *(f'  "{test}",' for test in tests), "]"]
    return "\n".join(lines) + "\n"


def statements() -> Mapping[str, list[str]]:
    """Every statement: its article, its words, and what holds it."""
    found: Mapping[str, list[str]] = read_data("coverage", "statements")["statements"]
    return found


def leads_nowhere() -> list[str]:
    """Statements that name no rule and no module that exists, or a rule without a test."""
    tests = tests_of_rules()
    nowhere = [f"{name} names {target}" for name, row in statements().items() for target in row[2:] if not _exists(target)]
    nowhere += [f"{name} names nothing" for name, row in statements().items() if len(row) < 3]
    used = {target for row in statements().values() for target in row[2:] if target in all_rules()}
    return nowhere + [f"{rule} has no test" for rule in sorted(used) if not tests.get(rule)]


def _exists(target: str) -> bool:
    if target in all_rules():
        return True
    return target.startswith("thecal.") and importlib.util.find_spec(target) is not None


def _tests_of_module(module: str) -> str:
    """The test files that import a module."""
    users = [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if f"from {module} import" in path.read_text(encoding="utf-8")
    ]
    return ", ".join(f"`{path.relative_to(ROOT).as_posix()}`" for path in users[:3])


def document_text() -> str:
    """docs/coverage.md."""
    tests = tests_of_rules()
    articles: Mapping[str, str] = read_data("coverage", "statements")["articles"]
    kinds = [sum(rule.kind == kind for rule in all_rules().values()) for kind in ("check", "step", "scale", "reference")]
    lines = [
        "# What is covered by what",
        "",
        "Written by `make coverage`; a test fails where a statement points nowhere or a rule has no test.",
        "",
        f"{len(all_rules())} rules: {kinds[0]} checks, {kinds[1]} steps, {kinds[2]} scales, {kinds[3]} references. "
        "`thecal rules TIT-03` shows one with its limits, its source and all its tests.",
        "",
        "## From the articles to the rules",
        "",
        *(f"- {letter}: {title}" for letter, title in articles.items()),
        "",
        "S77, that the pump may be switched off when it is not needed, is not held as it stands: a stop can bring a withdrawal "
        "that kills. thecal takes it only as an order with a taper, cover and two signatures, or with a recorded overdose or "
        "emergency (SAF-03), and the texts for patients say so.",
        "",
        "| statement | article | what it says, in short | held by | tests |",
        "|---|---|---|---|---|",
    ]
    for name, (article, said, *targets) in statements().items():
        held = ", ".join(target if target in all_rules() else f"`{target}`" for target in targets)
        by = [f"`{tests[target][0]}`" if target in tests else _tests_of_module(target) for target in targets]
        lines.append(f"| {name} | {article} | {said} | {held} | {'<br>'.join(dict.fromkeys(part for part in by if part))} |")
    lines += ["", "## The rules and their tests", "", "| rule | kind | confidence | tests |", "|---|---|---|---|"]
    for rule in all_rules().values():
        count = len(tests.get(rule.id, ()))
        first = f"`{tests[rule.id][0]}`" if count else "none"
        lines.append(f"| {rule.id} | {rule.kind} | {rule.confidence} | {first}{f' and {count - 1} more' if count > 1 else ''} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both."""
    TESTS.write_text(tests_text(), encoding="utf-8")
    DOCUMENT.write_text(document_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
