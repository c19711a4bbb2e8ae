"""A clinic at work: what is written together, and who counts as certified."""

from tests.clinic.practice import NOW, Clock, admit
from thecal.chart.clinical import Booked
from thecal.clinic.practice import By, Practice
from thecal.therapy.check import check
from thecal.timeline import DAY_S, Duration, Instant

BY = By("nora")


def certified(practice: Practice, stream: str) -> set[str]:
    """Who is named by ROL-11 on a chart."""
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    return {finding.asked.partition(",")[0] for finding in check(look, "visits") if finding.rule == "ROL-11"}


def test_a_certificate_counts_under_both_names(small: Practice, clock: Clock) -> None:
    """A booking names people in full, a certificate by their account: who has one that ends before the day is told (ROL-11)."""
    stream = admit(small)
    for number, who in enumerate(("Nora Nurse", "nils")):
        on = Instant(NOW.s + (20 + number) * DAY_S)
        version = 11 + number
        small.write(stream, version, [Booked(clock.now, "refill", on, who)], BY, "booked")
    assert certified(small, stream) == set()
    late = Instant(NOW.s + 320 * DAY_S)
    small.write(stream, 13, [Booked(clock.now, "titration", late, "Nora Nurse")], BY, "booked")
    assert certified(small, stream) == {"Nora Nurse"}
    clock.pass_(Duration(3600))
    small.write(stream, 14, [Booked(clock.now, "titration", late, "Nora Nurse", cancelled=True)], BY, "took back")
    assert certified(small, stream) == set()


def test_a_look_back_knows_the_certificates_as_today_does(practice: Practice) -> None:
    """By the name of the account and by the full one, as a booking has it; and none that was written down later."""
    stream = admit(practice)
    with practice.reading() as reading:
        history = reading.history(stream)
        then, look, _ = reading.known_at(history, practice.now)
        assert then.rows == history.rows
        assert look.known.certificates == reading.look(history).known.certificates
        assert {"nora", "Nora Nurse"} <= {paper.who for paper in look.known.certificates}
        assert reading.known_at(history, Instant(practice.now.s - 1))[1].known.certificates == []
