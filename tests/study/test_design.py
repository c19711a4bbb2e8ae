"""A protocol: what its hash stands for, how it travels, and every mistake with its line."""

import pickle
import subprocess
import sys

import pytest

from tests.study.clinic_of_one import FIXED, HEAD, UNTREATED, protocol_of
from thecal.errors import InputErrors
from thecal.report.signs import threshold
from thecal.study.block import run_block
from thecal.study.design import Protocol
from thecal.study.titration import titration_number

TEXT = HEAD + FIXED + UNTREATED
OWN = "def own(history):\n    return None\n"
OWN_ARM = '[[arm]]\nname = "own"\npolicy = "own.py:own"\nfirst_dose = "100 mcg/day"\n'
SHOWN = {
    "title": TEXT.replace("A study", "Another title"),
    "comment": "# a comment\n" + TEXT,
    "blank lines": TEXT.replace("\n", "\n\n"),
    "endpoints": TEXT.replace('["ashworth_change"]', '["responders", "ashworth_change"]'),
    "interim": TEXT.replace("title =", 'interim = ["30 days"]\ntitle ='),
    "limits": TEXT.replace("title =", 'limits = ["nobody knows"]\ntitle ='),
    "sources": TEXT.replace("title =", 'sources = ["a paper"]\ntitle ='),
    "title of an arm": TEXT.replace('name = "nothing"', 'name = "nothing"\ntitle = "no treatment"'),
    "published": TEXT
    + '[[published]]\nid = "a"\nquantity = "b"\npublished = 1\nshown = "1"\nunit = "%"\nlow = 0\nhigh = 2\nrole = "check"\n'
    + 'source = "c"\nmodel = "select 1"\nprotocol = "d"\n',
}
DECIDES = {
    "seed": TEXT.replace("seed = 3", "seed = 4"),
    "patients": TEXT.replace("patients = 12", "patients = 13"),
    "follow-up": TEXT.replace("365 days", "366 days"),
    "visits": TEXT.replace("title =", 'visits = ["7 days"]\ntitle ='),
    "block": TEXT.replace("title =", "block = 7\ntitle ="),
    "look": TEXT.replace("title =", 'look = "1 h"\ntitle ='),
    "course": TEXT.replace("title =", 'course = "24 h"\ntitle ='),
    "mixing": TEXT.replace("title =", "mixing = true\ntitle ="),
    "another arm": TEXT + UNTREATED.replace("nothing", "more"),
    "name of an arm": TEXT.replace('"nothing"', '"none"'),
    "first dose": TEXT.replace("100 mcg/day", "101 mcg/day"),
    "policy": TEXT.replace('policy = "fixed"', 'policy = "label"'),
    "setting of a policy": TEXT.replace('policy = "fixed"', 'policy = "label"\nsettings = { fall = 0.1 }'),
    "world": TEXT + '[world]\ninfection = "0.1"\n',
    "world of an arm": TEXT + 'world.infection = "0.1"\n',
    "population": TEXT + '[population]\nsheets = "adult-sci"\n',
    "people": TEXT + '[population.settings]\nage_mean = "40 years"\n',
    "given": TEXT + "[population.given]\nlegs_ashworth = 4.2\n",
    "filter": TEXT + '[[population.only]]\nname = "age_years"\nat_least = 40\n',
    "definition": TEXT + "[definitions]\ntarget_ashworth = 2.5\n",
    "refills": TEXT.replace('policy = "fixed"', 'policy = "fixed"\nrefills.kind = "at alarm"'),
}


def mistakes(text: str, files: dict[str, str] | None = None) -> list[str]:
    """The sentences of what is wrong, without the name of the file."""
    with pytest.raises(InputErrors) as raised:
        protocol_of(text, files)
    return [error.sentence().removeprefix("study.toml:") for error in raised.value.errors]


# hash and travel


@pytest.mark.parametrize("shown", SHOWN)
def test_what_is_only_shown_does_not_change_the_hash(shown: str) -> None:
    """Neither words nor what is asked of the rows decides the rows."""
    assert SHOWN[shown] != TEXT
    assert protocol_of(SHOWN[shown]).hash == protocol_of(TEXT).hash


@pytest.mark.parametrize("decides", DECIDES)
def test_what_decides_the_rows_changes_the_hash(decides: str) -> None:
    """Whatever may change a row, and no two of them alike."""
    assert DECIDES[decides] != TEXT
    hashes = {protocol_of(text).hash for text in (TEXT, DECIDES[decides], DECIDES["seed"])}
    assert len(hashes) == (2 if decides == "seed" else 3)


def test_the_source_of_a_policy_changes_the_hash() -> None:
    """Also where only a number in it is another."""
    one, other = (protocol_of(HEAD + OWN_ARM, {"own.py": source}) for source in (OWN, OWN.replace("None", "None  # no")))
    assert one.hash != other.hash
    assert one.hash == protocol_of(HEAD + OWN_ARM, {"own.py": OWN}, "another-name.toml").hash


def test_the_hash_is_sha_256() -> None:
    """64 digits of hexadecimal, the same for the same text."""
    assert len(protocol_of(TEXT).hash) == 64
    assert int(protocol_of(TEXT).hash, 16) >= 0
    assert protocol_of(TEXT).hash == protocol_of(TEXT).hash


def test_a_protocol_travels_to_another_process() -> None:
    """Pickled, it is read again from what it was read from, without a file, and gives the same rows."""
    protocol = protocol_of(HEAD.replace("365 days", "5 days") + OWN_ARM + UNTREATED, {"own.py": OWN})
    back = pickle.loads(pickle.dumps(protocol))  # noqa: S301  # our own
    assert (back.hash, back.text, back.policy_files, back.name) == (protocol.hash, protocol.text, protocol.policy_files, "study")
    code = (
        "import pickle, sys\nfrom thecal.study.block import run_block\n"
        "protocol = pickle.load(sys.stdin.buffer)\n"
        "print(protocol.hash, run_block(protocol, range(2)).tables['patients']['ashworth_after'])\n"
    )
    there = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(protocol), capture_output=True, check=True)
    here = run_block(protocol, range(2)).tables["patients"]["ashworth_after"]
    assert there.stdout.decode() == f"{protocol.hash} {here}\n"


def test_what_a_protocol_says_of_itself() -> None:
    """The reference is the first arm, blocks are whole, visits end with the follow-up."""
    protocol = protocol_of(TEXT.replace("title =", "block = 5\ntitle ="))
    assert protocol.reference == "fixed"
    assert protocol.blocks == 3
    assert protocol.visit_days[-1] == protocol.follow_up_days == 365
    assert list(protocol.enrolled()) == list(range(12))
    assert protocol.limits
    assert protocol.arms[1].route == "untreated"
    assert protocol_of(TEXT.replace("365 days", "2 days")).visit_days == (1, 2)


def test_a_file_with_a_byte_order_mark_or_carriage_returns_is_the_same_study() -> None:
    """An editor's line ends and marks decide nothing."""
    plain = protocol_of(TEXT)
    assert protocol_of("\ufeff" + TEXT).hash == plain.hash
    assert protocol_of(TEXT.replace("\n", "\r\n")).hash == plain.hash


# mistakes


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (
            TEXT.replace('policy = "fixed"', 'policy = "fixd"'),
            10,
            ["'fixd'", "is not a policy", "Did you mean 'fixed'?", "label"],
        ),
        (TEXT.replace("seed = 3", "seed = -1"), 3, ["-1", "2^64 - 1"]),
        (TEXT.replace("seed = 3", f"seed = {2**64}"), 3, [str(2**64), "2^64 - 1"]),
        (TEXT.replace("365 days", "36 h"), 5, ["is not whole days", "30 days"]),
        (TEXT.replace("title =", 'look = "7 h"\ntitle ='), 2, ["does not divide a day", "6 h"]),
        (TEXT.replace("title =", 'interim = ["31 days"]\ntitle ='), 2, ["31 days", "is not a visit", "30 days"]),
        (TEXT.replace("title =", 'interim = ["365 days"]\ntitle ='), 2, ["365 days", "before the end"]),
        (TEXT.replace("title =", 'visits = ["30 days", "20 days"]\ntitle ='), 2, ["30, 20", "rising"]),
        (TEXT.replace("title =", 'visits = ["400 days"]\ntitle ='), 2, ["400", "1 to 365 days"]),
        (TEXT.replace("title =", "blok = 5\ntitle ="), 2, ["'blok'", "is not a key", "Did you mean 'block'?"]),
        (
            TEXT.replace('["ashworth_change"]', '["ashworth_chance"]'),
            6,
            ["is not an endpoint", "Did you mean 'ashworth_change'?"],
        ),
        (TEXT.replace('["ashworth_change"]', '["dose"]'), 6, ["'dose'", "needs a pump", "'nothing' has none"]),
        (TEXT.replace('["ashworth_change"]', '["walking"]'), 6, ["is not defined", "walking_ashworth and walking_weakness"]),
        (
            TEXT.replace('["ashworth_change"]', '["screening_responders"]'),
            6,
            ["needs screening in every arm", "screening = true"],
        ),
        (TEXT.replace('first_dose = "100 mcg/day"', ""), 8, ["first_dose", "is missing", "100 mcg/day", "screening = true"]),
        (TEXT + 'first_dose = "100 mcg/day"\n', 16, ["an arm without a pump (untreated)"]),
        (
            TEXT + 'name = "fixed"\n'.replace("name", "title") + '[[arm]]\nname = "fixed"\npolicy = "untreated"\n',
            18,
            ["another arm"],
        ),
        (TEXT.replace("patients = 12", "patients = 0"), 4, ["at least 1"]),
        (TEXT + '[world]\ninfektion = "0.1"\n', 17, ["'infection'", "is not a setting"]),
        (TEXT + 'world.infektion = "0.1"\n', 16, ["'infection'", "is not a setting"]),
        (TEXT + '[population]\nsheets = "adult-mss"\n', 17, ["adult-mss", "adult-ms"]),
        (TEXT + "[population]\nsheets = { adult-ms = 0.5, adult-sci = 0.6 }\n", 17, ["add up to 1", "0.6"]),
        (TEXT + '[population]\npumps = "synchromed"\n', 17, ["synchromed"]),
        (TEXT + '[population]\ntip_levels = "T13"\n', 17, ["T13", "T1 to T12"]),
        (TEXT + '[population]\ncatheters = "ascenda"\n', 17, ["ascenda"]),
        (TEXT + "[population.given]\nlegs_ashworht = 4\n", 17, ["legs_ashworth", "is not a parameter"]),
        (TEXT + "[population.given]\nlegs_ashworth = 9\n", 17, ["legs_ashworth", "9"]),
        (TEXT + '[population.settings]\nage_men = "4 years"\n', 17, ["age_mean"]),
        (TEXT + '[[population.only]]\nname = "age_year"\n', 17, ["Did you mean 'age_years'?"]),
        (TEXT + '[[population.only]]\nname = "age_years"\nat_least = 50\nat_most = 40\n', 18, ["50", "40", "nobody fits"]),
        (TEXT + '[population.strata]\nby = "orign"\nshares = { a = 1.0 }\n', 17, ["origin"]),
        (TEXT + '[population.strata]\nby = "origin"\nshares = { a = 0.5, b = 0.2 }\n', 18, ["add up to 1"]),
    ],
)
def test_every_mistake_is_named_with_its_line(text: str, line: int, says: list[str]) -> None:
    """One sentence: the line, what was asked, what is allowed, and the nearest."""
    found = mistakes(text)
    assert len(found) == 1, found
    assert found[0].startswith(f"{line}:"), found
    for part in says:
        assert part in found[0], found


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    """Whoever corrects a protocol sees the whole of it."""
    text = TEXT.replace("seed = 3", "seed = -1").replace("365 days", "36 h").replace('policy = "fixed"', 'policy = "fixd"')
    lines = [int(sentence.partition(":")[0]) for sentence in mistakes(text)]
    assert lines == [3, 5, 10]


def test_one_mistake_in_the_world_is_told_once() -> None:
    """On its own line, not once for each arm."""
    found = mistakes(TEXT + '[world]\ninfection = "often"\n')
    assert len(found) == 1
    assert found[0].startswith("17:")


@pytest.mark.parametrize("defined", ["walking_ashworth = 2", "walking_weakness = 0.3"])
def test_half_a_definition_of_walking_is_none(defined: str) -> None:
    """Both bounds are needed for the endpoint; with one it would be no number for anybody."""
    text = TEXT.replace('["ashworth_change"]', '["walking"]') + f"[definitions]\n{defined}\n"
    assert any("walking" in sentence for sentence in mistakes(text))


def test_a_stratum_that_nobody_can_be_in_is_told_at_the_door() -> None:
    """A misspelt stratum is named with the nearest when the protocol is read, not after a million people were drawn."""
    text = TEXT + '[population.strata]\nby = "origin"\nshares = { "multiple sclerosi" = 1.0 }\n'
    (found,) = mistakes(text)
    assert "multiple sclerosis" in found


@pytest.mark.parametrize(
    "added",
    ['{ between = ["legs_ashworth", "nothing"], value = 0.5 }', '{ between = ["legs_ashworth", "spasm_penn"], value = 1.5 }'],
)
def test_correlations_that_cannot_be_are_told_at_the_door(added: str) -> None:
    """Unknown names and numbers beyond 1."""
    (found,) = mistakes(TEXT + f"[population]\ncorrelation = [{added}]\n")
    assert found.startswith("17:")


def test_a_correlation_is_checked_for_every_sheet() -> None:
    """Not only for the sheet that the first person happens to have."""
    texts = []
    for sheets in ('"adult-ms"', '"child"', "{ adult-ms = 0.5, child = 0.5 }", "{ child = 0.5, adult-ms = 0.5 }"):
        correlation = '[[population.correlation]]\nbetween = ["legs_ashworth", "canal_length_cm"]\nvalue = 0.5\n'
        texts.append(TEXT + f"[population]\nsheets = {sheets}\n" + correlation)
    alone, mixed = [refused(text) for text in texts[:2]], [refused(text) for text in texts[2:]]
    assert mixed == [any(alone)] * 2


def refused(text: str) -> bool:
    """Whether a protocol has mistakes."""
    try:
        protocol_of(text)
    except InputErrors:
        return True
    return False


def test_a_policy_file_stands_beside_the_protocol() -> None:
    """It is named where it is missing, and no file of another folder is read."""
    from thecal.errors import ThecalError

    for name in ("missing.py", "../own.py", "/etc/own.py"):
        with pytest.raises(ThecalError, match="policy"):
            protocol_of(HEAD + OWN_ARM.replace("own.py", name))


def test_patients_of_a_filter_are_found_or_it_is_said() -> None:
    """A filter that nobody fits ends, and says how many were found."""
    from thecal.errors import InputError

    text = TEXT.replace("patients = 12", "patients = 2") + '[[population.only]]\nname = "age_years"\nat_least = 90.5\n'
    protocol: Protocol = protocol_of(text)
    with pytest.raises(InputError, match="finds only 0 of 2 people"):
        protocol.enrolled()


@pytest.mark.parametrize(
    ("refills", "says"),
    [
        ('{ kind = "fixed interval" }', "is missing"),
        ('{ every = "60 days" }', "goes with a fixed interval"),
        ('{ kind = "at alarm", buffer = "5 days" }', "has no meaning"),
    ],
)
def test_refills_say_what_their_kind_needs_and_nothing_else(refills: str, says: str) -> None:
    """An option that would do nothing is refused."""
    with pytest.raises(InputErrors, match=says):
        protocol_of(f'{HEAD}[[arm]]\nname = "a"\npolicy = "fixed"\nfirst_dose = "100 mcg/day"\nrefills = {refills}\n')


def test_what_counts_stands_in_the_settings() -> None:
    """A protocol that says nothing takes the levels of the signs and of the titration."""
    protocol = protocol_of(HEAD + UNTREATED)
    assert (protocol.withdrawal_level, protocol.overdose_level) == (threshold("withdrawal"), threshold("overdose"))
    assert protocol.target_ashworth == titration_number("raise_above")
    assert protocol.response_ashworth == titration_number("response_fall")
