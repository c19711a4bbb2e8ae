"""The whole transcript in docs/drills.md, as the command gives it; ``make hazards`` writes it anew."""

from tests.command import ROOT, thecal

DOCUMENT = ROOT / "docs" / "drills.md"
SCRIPT = ROOT / "tests" / "drill" / "scripts" / "withdrawal-at-night.good.txt"
_OPENS, _CLOSES = "```text\n", "```\n"


def shown() -> str:
    """The first drill, from its title to its debrief."""
    return thecal("drill", "play", "withdrawal-at-night", "--script", SCRIPT).stdout


def written() -> tuple[str, str, str]:
    """(what stands before the transcript, the transcript, what stands after it)."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(_OPENS)
    transcript, _, after = rest.partition(_CLOSES)
    return before, transcript, after


if __name__ == "__main__":
    BEFORE, _, AFTER = written()
    DOCUMENT.write_text(f"{BEFORE}{_OPENS}{shown()}{_CLOSES}{AFTER}", encoding="utf-8")
