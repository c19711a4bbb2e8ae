"""What a bad link does to a frame, how it is ordered, and what whole sessions come to over it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.bench import Bench, new_folder, said, serve
from tests.courses import flow
from tests.programmer.desk import continuous, dose
from thecal.bench import server
from thecal.bench.bad_link import PPM, BadLink, Piece, fate
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.desk import Desk
from thecal.bench.frame import Decoder, Frame
from thecal.bench.patient_charts import read_chart
from thecal.bench.wand import Patience
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, SessionEnded, SessionUncertain
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import InputError
from thecal.pump.messages import Interrogate
from thecal.pump.program import SimpleContinuous

FRAME = said(Interrogate(), 1)
TIMES = 20_000
LINKS = st.builds(BadLink, *[st.integers(0, PPM)] * 5, st.integers(0, 1000))


def fates(link: BadLink, seed: int = 1) -> Iterator[list[Piece]]:
    """What comes of one frame that is sent many times."""
    chance = Random(seed)
    return (list(fate(link, FRAME, chance)) for _ in range(TIMES))


def share(found: int) -> float:
    return found / TIMES


def test_a_good_link_hands_on_what_was_sent() -> None:
    """Every frame once, at once and whole."""
    assert list(fate(BadLink(), FRAME, Random(1))) == [Piece(FRAME, 0.0)]
    assert BadLink().is_good
    assert not BadLink(lost=1).is_good


@pytest.mark.parametrize("percent", [10, 25, 40])
def test_each_thing_happens_as_often_as_it_is_told_to(percent: int) -> None:
    """In the long run, within half a percent of all frames."""
    ppm, near = percent * PPM // 100, pytest.approx(percent / 100, abs=0.005 if percent == 10 else 0.01)
    assert share(sum(not pieces for pieces in fates(BadLink(lost=ppm)))) == near
    assert share(sum(len(pieces) == 2 for pieces in fates(BadLink(doubled=ppm)))) == near
    assert share(sum(piece.data != FRAME for (piece,) in fates(BadLink(corrupted=ppm)))) == near
    assert share(sum(piece.ends for (piece,) in fates(BadLink(cut=ppm)))) == near
    assert share(sum(piece.after_s > 0 for (piece,) in fates(BadLink(reordered=ppm)))) == near


def test_what_is_cut_is_the_beginning_of_a_frame_and_ends_the_link() -> None:
    """Never all of it; every length short of that is met."""
    cut = [piece for (piece,) in fates(BadLink(cut=PPM))]
    assert all(piece.ends and FRAME.startswith(piece.data) for piece in cut)
    assert {len(piece.data) for piece in cut} == set(range(len(FRAME)))


def test_what_is_corrupted_is_no_frame() -> None:
    """No receiver takes a corrupted frame for one, and none of the other kinds of bad link corrupts any."""
    spoiled = [piece.data for (piece,) in fates(BadLink(corrupted=PPM))]
    whole = [data for data in spoiled if any(isinstance(piece, Frame) for piece in Decoder().feed(data))]
    assert set(whole) <= {FRAME}, "only bits that were flipped there and back again"
    assert len(whole) < TIMES // 1000
    others = BadLink(lost=PPM // 4, doubled=PPM // 4, reordered=PPM // 4, delay_ms=3)
    assert {piece.data for pieces in fates(others) for piece in pieces} == {FRAME}


def test_a_reordered_frame_comes_after_those_that_are_only_late() -> None:
    """It waits longer than any other frame that was sent at the same moment; on a quick link for a moment."""
    late = [piece.after_s for (piece,) in fates(BadLink(delay_ms=100))]
    assert 0 <= min(late) < 0.01
    assert 0.19 < max(late) <= 0.2
    assert sum(late) / TIMES == pytest.approx(0.1, abs=0.005)
    assert min(piece.after_s for (piece,) in fates(BadLink(reordered=PPM, delay_ms=100))) > 0.1
    assert {piece.after_s for (piece,) in fates(BadLink(reordered=PPM))} == {0.02}


@given(LINKS, st.binary(min_size=1, max_size=200), st.integers())
def test_fate_is_chance_alone(link: BadLink, frame: bytes, seed: int) -> None:
    """The same seed has the same fates, and nothing arrives before it is sent."""
    chances = Random(seed), Random(seed)
    first, second = ([list(fate(link, frame, chance)) for _ in range(5)] for chance in chances)
    assert first == second
    assert all(piece.after_s >= 0 for pieces in first for piece in pieces)


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("", BadLink()),
        ("lost=10%", BadLink(lost=100_000)),
        (" lost = 10 % , delay=200 ms ", BadLink(lost=100_000, delay_ms=200)),
        ("doubled=1%,reordered=2%,corrupted=3%,cut=100%,", BadLink(0, 10_000, 20_000, 30_000, PPM)),
        ("lost=0%", BadLink()),
    ],
)
def test_a_link_is_ordered_in_words(text: str, link: BadLink) -> None:
    """Shares in percent and a delay in milliseconds, in any order."""
    assert BadLink.parse(text) == link


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lots=10%", "Did you mean 'lost'?"),
        ("lost", "is nothing that a link does"),
        ("lost=10", "lost=0% to lost=100%"),
        ("lost=101%", "lost=0% to lost=100%"),
        ("lost=-1%", "lost=0% to lost=100%"),
        ("lost=1.5%", "lost=0% to lost=100%"),
        ("lost=10ms", "lost=0% to lost=100%"),
        ("delay=10%", "delay=0ms to delay=60000ms"),
        ("delay=60001ms", "delay=0ms to delay=60000ms"),
        ("lost=10%, lost=20%", "is said twice"),
    ],
)
def test_what_no_link_does_is_refused(text: str, says: str) -> None:
    """With what is accepted, and nothing is guessed."""
    with pytest.raises(InputError, match=r"^--link: ") as error:
        BadLink.parse(text)
    assert says in str(error.value)


KINDS = ("lost", "doubled", "reordered", "corrupted", "cut", "all")
SHARES = (10, 25, 40)


def bad_link(number: int) -> BadLink:
    """A link of each kind in turn, and bad in each degree; one in which everything happens is as bad in sum."""
    kind, percent = KINDS[number % len(KINDS)], SHARES[number // len(KINDS) % len(SHARES)]
    if kind == "all":
        share = percent // 5
        return BadLink.parse(f"lost={share}%,doubled={share}%,reordered={share}%,corrupted={share}%,cut={share}%,delay=5ms")
    return BadLink.parse(f"{kind}={percent}%,delay={5 * (number % 2)}ms")


@dataclass
class Ward:
    """One pump that is visited again and again over bad links, and what its chart and its visitors know of it."""

    bench: Bench
    serial: str
    chart: Chart
    came_to: Counter[str] = field(default_factory=Counter)
    written: int = 0
    doubted: float | None = None

    @property
    def writes(self) -> int:
        return self.bench.pump(self.serial).state.memory.link.writes

    def keep(self, facts: tuple[Fact, ...]) -> Chart:
        self.chart = self.chart.after(*facts)
        return self.chart

    async def visit(self, number: int, link: BadLink, patience: Patience) -> None:
        """A whole session: read, write another dose than those before, read back."""
        mcg = 100 + number % 7
        async with self.bench.wand("nurse", self.serial, link=link, chance=Random(number), patience=patience) as wand:
            at = Desk(wand, self.chart, self.keep)
            for _ in range(4):
                assert await at.interrogate() is None
                if not at.unanswered:
                    break
            else:
                self.came_to["unread"] += 1
                return
            self._resolve(at)
            assert at.prepare(OrderSheet(dosing=continuous(mcg))) is None
            assert at.confirm(dose(mcg)) is None
            assert await at.update() is None
            self.came_to[at.session.standing] += 1
            if at.session.standing == "done":
                self.written += 1
            else:
                assert at.session.standing == "uncertain"
                self.doubted = mcg

    def _resolve(self, at: Desk) -> None:
        """What a reading tells of the session before, if nobody knew; then everybody knows how often the pump was written."""
        assert at.session.report
        if self.doubted is not None:
            found = at.session.report.program == SimpleContinuous(flow(self.doubted / 500))
            self.came_to["found written" if found else "found as before"] += 1
            self.written += found
            self.doubted = None
        assert self.writes == self.written


async def weeks(folder: BenchFolder, visits: int) -> Counter[str]:
    """That many visits to each of some pumps; what they came to."""
    came_to: Counter[str] = Counter()
    async with serve(folder, plain=True) as bench:
        wards = [Ward(bench, serial, read_chart(folder, serial)) for serial in bench.server.shelf]

        async def round_of(first: int, ward: Ward) -> None:
            for number in range(first, first + visits):
                await ward.visit(number, bad_link(number), Patience(answer_s=0.05, times=4, connect_s=10.0))
            await ward.visit(first + visits, BadLink(), Patience())

        before = {ward.serial: ward.writes for ward in wards}
        for ward in wards:
            ward.written = before[ward.serial]
        await asyncio.gather(*(round_of(1000 * place, ward) for place, ward in enumerate(wards)))
        for ward in wards:
            assert ward.writes == ward.written
            kept = Counter(type(fact) for fact in ward.chart.facts if getattr(fact, "session", None))
            assert kept[SessionEnded] == ward.came_to["done"]
            assert kept[SessionUncertain] == ward.came_to["uncertain"]
            assert ward.chart.uncertain is None
            came_to += ward.came_to
    return came_to


@pytest.mark.requirement("BEN-18")
def test_what_is_said_over_bad_links_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every session is confirmed or uncertain, and what the next reading says of those adds up to every write of the pump."""
    monkeypatch.setattr(server, "WHOLE_S", 0.02)
    came_to = asyncio.run(weeks(new_folder(tmp_path, pumps=4, keys=False), 36))
    assert sum(came_to[end] for end in ("done", "uncertain", "unread")) == 4 * 37
    assert min(came_to[end] for end in ("done", "uncertain", "unread", "found written", "found as before")) > 0


@pytest.mark.long
@pytest.mark.requirement("BEN-18")
def test_what_is_said_over_bad_links_stays_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a thousand sessions."""
    monkeypatch.setattr(server, "WHOLE_S", 0.02)
    came_to = asyncio.run(weeks(new_folder(tmp_path, pumps=4, keys=False), 300))
    assert sum(came_to[end] for end in ("done", "uncertain", "unread")) == 4 * 301
