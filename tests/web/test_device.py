"""The catheter on the page of a person: by its lengths or as measured, in the place of what stood in."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import NOW, admit
from tests.web.test_person import WITH_PUMP, charts, history, standing
from tests.web.visitor import Visitor
from thecal.chart.clinical import Documented
from thecal.chart.facts import Implanted, PumpReplaced
from thecal.chart.line_ledger import line_ledger
from thecal.clinic.entry import LineUnknown
from thecal.clinic.practice import By, Practice
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Length, Volume
from thecal.therapy.service import line_measured
from thecal.timeline import DAY_S, Instant

SignIn = Callable[[str], Visitor]
KNOWN: dict[str, object] = {"line_known": "yes", "line_how": "the record of the operation"}
LENGTHS: dict[str, object] = {"catheter_model": "ascenda-8780", "catheter_trimmed": "34.3 cm", "catheter_tip": "T10"}


def transferred(practice: Practice, nora: Visitor) -> str:
    """Somebody with a pump from elsewhere of whose catheter nothing is known; the pseudonym."""
    nora.send("/new-person?with=pump", WITH_PUMP, to="/new-person")
    (stream,) = charts(practice)
    return stream


def measured(practice: Practice, stream: str) -> bool:
    with practice.reading() as reading:
        return line_measured(reading.look(reading.history(stream)))


def test_lengths_give_the_volume(as_: SignIn, practice: Practice) -> None:
    """Model, what was cut off and tip; fill, dose and dates stay, and the page shows the lengths from then on."""
    nora = as_("nora")
    stream = transferred(practice, nora)
    before = standing(practice, stream)
    assert not measured(practice, stream)
    nora.send(f"/person/{stream}", {**KNOWN, **LENGTHS}, to=f"/person/{stream}/line")
    found, now = history(practice, stream), standing(practice, stream)
    catheter, sheet = found.chart.catheter, pump_sheet("synchromed-ii-20")
    assert catheter is not None
    assert catheter.geometry is not None
    assert (catheter.catheter, catheter.tip_level, catheter.geometry.length) == ("ascenda-8780", "T10", Length(800))
    assert catheter.dead_volume == catheter.geometry.dead_volume == sheet.tubing_volume + Volume(176_800)
    assert (now.refill_by, now.dose, now.fill) == (before.refill_by, before.dose, before.fill)
    assert "line" not in [item.name for item in now.items]
    assert measured(practice, stream)
    page = nora.get(f"/person/{stream}")
    assert "On record: ascenda-8780, tip at T10, 80 cm in place." in page.words
    assert 'name="catheter_length" type="text" value="80 cm"' in page.text


def test_a_measured_volume_is_a_paper_of_its_own(as_: SignIn, practice: Practice) -> None:
    """It stands for the lengths until the catheter is revised; of another volume the old lengths are gone."""
    stream = admit(practice)
    geometry = history(practice, stream).chart.catheter
    assert geometry is not None
    assert geometry.geometry is not None
    nora = as_("nora")
    nora.send(f"/person/{stream}", {**KNOWN, "line_volume": "0.5 mL"}, to=f"/person/{stream}/line")
    catheter = history(practice, stream).chart.catheter
    assert catheter is not None
    assert (catheter.dead_volume, catheter.geometry, catheter.catheter) == (Volume(500_000), None, geometry.catheter)
    paper = history(practice, stream).last(Documented)
    assert paper is not None
    assert (paper.document, paper.by) == ("catheter volume", "Nora Nurse")
    assert measured(practice, stream)
    doubted: dict[str, object] = {"line_known": "no", "line_how": "the measurement was of another person"}
    older = Documented(Instant(catheter.at.s - DAY_S), "catheter volume")
    practice.write(stream, history(practice, stream).version, [older], By("nora"), "wrote a paper of an earlier catheter")
    nora.send(f"/person/{stream}", doubted, to=f"/person/{stream}/line")
    assert not measured(practice, stream)
    assert history(practice, stream).last(Documented) == older


def test_a_volume_as_the_lengths_have_it_leaves_them(as_: SignIn, practice: Practice) -> None:
    """Then nothing is taken back."""
    stream = admit(practice)
    before = history(practice, stream).chart.catheter
    assert before is not None
    data = {**KNOWN, "line_volume": f"{before.dead_volume.nl / 10**6:.6f} mL"}
    as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/line")
    found = history(practice, stream)
    assert found.chart.catheter == before
    assert found.taken_back == {}


@pytest.mark.parametrize(
    ("change", "field", "told"),
    [
        ({"catheter_length": "70 cm"}, "catheter_trimmed", "would leave 80 cm"),
        ({"catheter_model": ""}, "catheter_model", "what was cut off of it is given"),
        ({"catheter_trimmed": "114.3 cm"}, "catheter_trimmed", "leaves nothing"),
        ({"catheter_trimmed": "", "catheter_length": "120 cm"}, "catheter_length", "longer than the catheter comes"),
        ({"catheter_trimmed": "", "catheter_length": "80"}, "catheter_length", "cm"),
        ({"catheter_tip": "X1"}, "catheter_tip", "is not one of those"),
        ({"line_volume": "0.9 mL"}, "line_volume", "is not what the catheter gives by its length"),
        ({"catheter_trimmed": "", "line_volume": ""}, "line_volume", "is missing"),
    ],
)
def test_a_catheter_that_cannot_be_is_marked(
    as_: SignIn, practice: Practice, change: dict[str, str], field: str, told: str
) -> None:
    """Where it is wrong; what was typed is kept, and nothing is written."""
    stream = admit(practice)
    data = {**KNOWN, **LENGTHS, **change}
    answer = as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/line")
    assert answer.status == 422
    error = answer.text.partition(f'id="{field}-error">')[2].partition("<")[0]
    assert told in error
    assert 'value="the record of the operation"' in answer.text
    assert history(practice, stream).version == 11


def test_what_is_found_after_a_replacement_puts_both_operations_right(as_: SignIn, practice: Practice) -> None:
    """The catheter was there before: its volume behind the tubing of each pump."""
    nora = as_("nora")
    stream = transferred(practice, nora)
    other, old = pump_sheet("synchromed-iii-40"), pump_sheet("synchromed-ii-20")
    replaced = PumpReplaced(Instant(NOW.s - 3 * DAY_S), other.name, Volume(900_000))
    version = history(practice, stream).version
    practice.write(stream, version, [replaced], By("nora"), "wrote for a test")
    nora.send(f"/person/{stream}", {**KNOWN, "line_volume": "0.35 mL"}, to=f"/person/{stream}/line")
    found = history(practice, stream)
    (implant,), (replacement,) = found.all(Implanted), found.all(PumpReplaced)
    assert replacement.dead_volume == Volume(350_000)
    assert implant.dead_volume == Volume(350_000) - other.tubing_volume + old.tubing_volume
    ledger, unknown = line_ledger(found.chart), found.last(LineUnknown)
    assert ledger is not None
    assert ledger.line.volume_nl == 350_000
    assert unknown is not None
    assert unknown.known
