"""What is promised is tested, is verified in the way that is written, and comes from where that is written."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pytest

from tests.command import ROOT
from thecal.hazards.catalogue import hazards
from thecal.therapy.rules import all_rules

SOURCE = ROOT / "src" / "thecal"
REQUIREMENT = "[A-Z]{2,3}-[0-9]{2}[a-z]?"
GENERIC = (
    "1.1.7", "1.1.8", "1.2.1", "1.2.2", "1.2.3", "1.4.3", "1.4.4", "1.4.5-1.4.6", "1.4.7", "1.4.8", "1.4.11", "1.4.12",
    "1.5.1-1.5.4", "1.5.5-1.5.6", "1.6.1-1.6.2", "1.7.1", "1.8.1", "1.10.x", "2.1.1", "2.2.3", "2.2.4-2.2.5", "3.1.2-3.1.3",
    "3.2.1-3.2.2", "3.3.1-3.3.4", "3.4.x", "3.5.2-3.5.4", "4.1.1-4.1.4", "5.1.x", "6.1.3-6.1.4", "6.2.1-6.2.2", "7.1.1",
    "7.1.3", "7.3.1",
)  # fmt: skip
"""The generic infusion pump requirements that an implanted pump can be asked, by the rows in which they are answered."""
HAZARDS = set(hazards())
VERDICTS = ("kept", "adapted", "refused")
METHODS = ("property", "table", "oracle", "example")
ALONE = ("data sheet", "house")
ORACLES = {"NaivePump", "TickingClock"}
"""The second computations of the tests: of a pump that ticks (``tests/oracle.py``), and of its clock."""

SHORT = ("", "", "", "", "")
"""What a row that is too short is read with."""
Row = tuple[str, ...]
Documents = Mapping[str, str]


@dataclass(frozen=True)
class Tables:
    """What the documents hold: four-column requirements by id, and what they are derived from as (origin, verdict, ids)."""

    requirements: dict[str, Row]
    derived: dict[str, tuple[str, tuple[str, ...]]]
    problems: tuple[str, ...]


def written() -> dict[str, str]:
    """Every document of the requirements, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "requirements").glob("*.md")}


def rows(text: str, *head: str) -> Iterator[Row]:
    """The rows of every table whose head begins so."""
    inside = False
    for line in text.splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split("|")) if line.startswith("|") else ()
        if not cells or set(cells[0]) <= {"-"}:
            inside = inside and bool(cells)
        elif inside:
            yield cells
        else:
            inside = cells[: len(head)] == head


def listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def read(documents: Documents) -> Tables:
    """The tables of the pump and the programmer, and of the hazards; rows that cannot be read are problems."""
    promised = [row for name in ("pump.md", "programmer.md") for row in rows(documents[name], "id")]
    problems = [f"{row} is no requirement" for row in promised if len(row) != 4 or not row[1]]
    problems += [f"{row[0]} is no id" for row in promised if not re.fullmatch(REQUIREMENT, row[0])]
    generic = [row for name in documents for row in rows(documents[name], "GIP")]
    told = [row[0] for row in generic if len(row) == 5 and row[1] and row[2] in VERDICTS and row[3]]
    problems += [f"GIP {row[0]} is not asked, judged and explained" for row in generic if row[0] not in told]
    answered = list(rows(documents["README.md"], "hazard"))
    problems += [f"{row[0]} is no hazard" for row in answered if row[0] not in HAZARDS or len(row) != 3 or not row[1]]
    requirements = {row[0]: (*row, *SHORT)[:4] for row in promised}
    derived = {f"GIP {row[0]}": ((*row, *SHORT)[2], listed((*row, *SHORT)[4])) for row in generic}
    derived |= {row[0]: ("kept", listed((*row, *SHORT)[2])) for row in answered}
    count = Counter([row[0] for row in generic])
    problems += [
        f"GIP {row} is answered {count[row]} times" for row in sorted({*GENERIC, *count}) if count[row] != (row in GENERIC)
    ]
    problems += [f"{row} is told twice" for row, times in Counter(row[0] for row in answered).items() if times > 1]
    return Tables(requirements, derived, tuple(problems))


def identified(documents: Documents) -> list[str]:
    """Every id that begins a row."""
    return re.findall(rf"^\| ({REQUIREMENT}) \|", "\n".join(documents.values()), flags=re.MULTILINE)


def unlinked(documents: Documents, shown: Mapping[str, set[str]]) -> list[str]:
    """What is wrong with the documents, given by which methods the tests show each requirement."""
    tables = read(documents)
    problems = list(tables.problems)
    ids = identified(documents)
    problems += [f"{name} is written twice" for name, times in Counter(ids).items() if times > 1]
    for name, (_, _, methods, origins) in tables.requirements.items():
        problems += [f"{name}: {method} is no method" for method in listed(methods) if method not in METHODS]
        problems += [f"{name} has no test by {method}" for method in listed(methods) if method not in shown.get(name, ())]
        problems += [f"{name} is not verified"] if not listed(methods) else []
        problems += _origins(name, listed(origins), tables)
    for origin, (verdict, here) in tables.derived.items():
        problems += [f"{origin} is {verdict} and leads nowhere"] if not here and verdict != "refused" else []
        problems += [f"{origin} leads to {name}, which there is not" for name in here if name not in {*ids, *all_rules()}]
        linked = [name for name in here if name in tables.requirements]
        problems += [f"{name} is not from {origin}" for name in linked if origin not in listed(tables.requirements[name][3])]
    return problems


def _origins(name: str, origins: tuple[str, ...], tables: Tables) -> Iterator[str]:
    """What is wrong with where a requirement comes from."""
    if not origins:
        yield f"{name} comes from nowhere"
    if ("rule" in origins) != (name in all_rules()):
        yield f"{name} is a rule of the therapy, or is said to be one"
    for origin in origins:
        if origin in ALONE:
            if len(origins) > 1:
                yield f"{name}: {origin} stands alone"
        elif origin != "rule" and origin not in tables.derived:
            yield f"{name} comes from {origin}, which there is not"
        elif origin != "rule" and name not in tables.derived[origin][1]:
            yield f"{origin} does not lead to {name}"


@cache
def shown() -> Mapping[str, set[str]]:
    """By which methods the tests show each requirement."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, methods in methods_of(path.read_text(encoding="utf-8")):
            found[name] |= methods
    return found


def methods_of(text: str) -> Iterator[tuple[str, set[str]]]:
    """(requirement, methods) for every marker of a test file; one of the whole file is shown by all that its tests do."""
    tree = ast.parse(text)
    machine = any(isinstance(node, ast.ClassDef) and "RuleBasedStateMachine" in names_in(*node.bases) for node in tree.body)
    uses = {node.name: names_in(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    everything = {"property"} if machine else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            decorators = names_in(*node.decorator_list)
            methods = {"property"} if "given" in decorators or machine else {"example"}
            methods |= {"table"} if "parametrize" in decorators else set()
            methods |= {"oracle"} if reached(node.name, uses) & ORACLES else set()
            everything |= methods
            for name in marks(*node.decorator_list):
                yield name, methods
    for node in tree.body:
        if isinstance(node, ast.Assign) and "pytestmark" in names_in(*node.targets):
            yield from ((name, everything) for name in marks(node.value))


def names_in(*nodes: ast.AST) -> set[str]:
    """The names and attributes that are used in some pieces of code."""
    walked = [one for node in nodes for one in ast.walk(node)]
    return {one.id for one in walked if isinstance(one, ast.Name)} | {
        one.attr for one in walked if isinstance(one, ast.Attribute)
    }


def reached(name: str, uses: Mapping[str, set[str]]) -> set[str]:
    """The names that a function uses, and those that these use, within its file."""
    found, ahead = {name}, [name]
    while ahead:
        new = uses.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def marks(*nodes: ast.AST) -> Iterator[str]:
    """The requirements that decorators name."""
    for node in nodes:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "requirement":
                yield from (str(argument.value) for argument in call.args if isinstance(argument, ast.Constant))


def documented() -> set[str]:
    """What the documents and the rules of the therapy promise."""
    return {*identified(written()), *all_rules()}


def refused_by() -> set[str]:
    """The ids that the code names in its refusals."""
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    rooms = "|".join({requirement.partition("-")[0] for requirement in documented()})
    return set(re.findall(rf"\"((?:{rooms})-[0-9]{{2}}[a-z]?)\"", "\n".join(texts)))


def test_every_requirement_is_tested_and_every_test_names_one_that_exists() -> None:
    """Both directions; and every rule that refuses is one of them. A rule that is only cited is tested with all of its kind."""
    cited = {rule.id for rule in all_rules().values() if rule.kind == "reference"}
    assert documented() == {*shown(), *cited}
    assert len(documented()) > 50
    assert refused_by() <= documented()


def test_every_requirement_of_pump_and_programmer_is_linked() -> None:
    """Its methods are those of its tests; its origins lead to it, and every origin is answered where it says."""
    assert unlinked(written(), shown()) == []
    assert len(read(written()).requirements) > 100


def test_the_words_of_the_tables_are_explained() -> None:
    """Every method is explained and used; every origin is of a kind that is explained."""
    readme, tables = written()["README.md"], read(written())
    explained = [row[0] for row in rows(readme, "method")]
    assert explained == list(METHODS)
    assert {method for row in tables.requirements.values() for method in listed(row[2])} == set(explained)
    kinds = [re.sub("GIP .*", "GIP", re.sub("^H..$", "H", row[0])) for row in rows(readme, "origin")]
    assert kinds == ["GIP", "H", "rule", *ALONE]
    assert all(f"**{verdict}**" in readme for verdict in VERDICTS)


def edited(name: str, pattern: str, new: str) -> Callable[[dict[str, str]], None]:
    """The first place in a document that fits, written otherwise."""

    def edit(documents: dict[str, str]) -> None:
        documents[name], times = re.subn(pattern, new, documents[name], count=1, flags=re.MULTILINE)
        assert times == 1

    return edit


BROKEN: dict[str, tuple[Callable[[dict[str, str]], None], str]] = {
    "an origin left out": (edited("pump.md", "GIP 1.4.3 ", "house "), "PMP-02 is not from GIP 1.4.3"),
    "an answer left out": (edited("pump.md", "PMP-06, PMP-50", "PMP-06"), "GIP 1.4.5-1.4.6 does not lead to PMP-50"),
    "an answer that is none": (edited("pump.md", "PMP-82 \\|$", "PMP-82, PMP-99 |"), "leads to PMP-99, which there is not"),
    "an answer of another room": (edited("pump.md", "CAT-09", "CAT-99"), "GIP 1.10.x leads to CAT-99, which there is not"),
    "nowhere to go": (edited("pump.md", "\\| PMP-86 \\|$", "| |"), "GIP 1.8.1 is kept and leads nowhere"),
    "a generic requirement left out": (edited("pump.md", "^\\| 1.4.8 .*\n", ""), "GIP 1.4.8 is answered 0 times"),
    "one answered twice": (edited("programmer.md", "^\\| 2.1.1 ", "| 2.2.3 "), "GIP 2.2.3 is answered 2 times"),
    "one that nobody asked": (edited("pump.md", "^\\| 7.3.1 ", "| 7.3.9 "), "GIP 7.3.9 is answered 1 times"),
    "no verdict": (edited("pump.md", "\\| kept \\|", "| done |"), "GIP 1.4.3 is not asked, judged and explained"),
    "no reason": (edited("pump.md", "\\| out of scope in software \\|", "| |"), "GIP 7.3.1 is not asked, judged and explained"),
    "a hazard left out": (edited("README.md", "^\\| H19 .*\n", ""), "PMP-20 comes from H19, which there is not"),
    "a hazard that is none": (edited("README.md", "^\\| H51 ", "| H53 "), "H53 is no hazard"),
    "a hazard told twice": (edited("README.md", "^\\| H07 ", "| H06 "), "H06 is told twice"),
    "a hazard's answer left out": (edited("README.md", "\\| PMP-20 \\|", "| PMP-21 |"), "PMP-21 is not from H19"),
    "no origin": (edited("pump.md", "\\| data sheet \\|$", "| |"), "PMP-03 comes from nowhere"),
    "house beside an origin": (edited("pump.md", "\\| H19 \\|", "| H19, house |"), "PMP-20: house stands alone"),
    "a rule that is none": (edited("pump.md", "\\| H19 \\|", "| rule, H19 |"), "PMP-20 is a rule of the therapy, or is said"),
    "a rule not said to be one": (edited("programmer.md", "rule, H24", "H24"), "IMP-09 is a rule of the therapy, or is said"),
    "a method that there is not": (edited("pump.md", "\\| example \\|", "| guess |"), "PMP-01: guess is no method"),
    "a method that no test has": (edited("pump.md", "\\| example \\|", "| oracle |"), "PMP-01 has no test by oracle"),
    "no method": (edited("pump.md", "\\| example \\|", "| |"), "PMP-01 is not verified"),
    "an id that is none": (edited("pump.md", "^\\| PMP-02 ", "| PMP-2 "), "PMP-2 is no id"),
    "an id twice": (edited("pump.md", "^\\| PMP-02 ", "| PMP-01 "), "PMP-01 is written twice"),
    "a generic requirement cut short": (edited("pump.md", " \\| PMP-06 \\|$", " |"), "GIP 1.4.8 is kept and leads nowhere"),
    "a hazard cut short": (edited("README.md", " \\| PMP-20 \\|$", " |"), "H19 is no hazard"),
    "a requirement of two columns": (edited("pump.md", "\\| example \\| GIP 1.1.8 \\|", "|"), "is no requirement"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_missing_link_is_found(what: str) -> None:
    """Each way in which the tables can be wrong, put into them as they are."""
    edit, problem = BROKEN[what]
    documents = written()
    edit(documents)
    assert [found for found in unlinked(documents, shown()) if problem in found]


def test_a_method_is_what_a_test_does() -> None:
    """A law needs random input, a table its parameters, an oracle a second computation, however far it is away."""
    text = """
class TickingClock: ...
def shows(): return TickingClock()
@pytest.mark.requirement("PMP-01")
def test_one(): ...
@pytest.mark.requirement("PMP-02")
@given(st.integers())
def test_two(number): shows()
@pytest.mark.requirement("PMP-03")
@pytest.mark.parametrize("number", [1, 2])
def test_three(number): ...
"""
    assert dict(methods_of(text)) == {
        "PMP-01": {"example"},
        "PMP-02": {"property", "oracle"},
        "PMP-03": {"example", "table"},
    }
    course = "pytestmark = pytest.mark.requirement('PMP-04')\nclass Course(RuleBasedStateMachine): ...\ndef test_course(): ..."
    assert dict(methods_of(course)) == {"PMP-04": {"property"}}
    assert dict(methods_of(f"{course}\n@pytest.mark.requirement('PMP-05')\nasync def test_late(): ..."))["PMP-05"] == {"property"}
