"""The emergency pages: what somebody reads who has never seen a pump, with a person before them."""

from collections.abc import Callable

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor
from thecal.chart.clinical import Measured, SymptomReported
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import DeviceRecorded, LineUnknown
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import version_of
from thecal.timeline import Duration

SignIn = Callable[[str], Visitor]


def write(practice: Practice, stream: str, *entries: DeviceRecorded | LineUnknown | Measured | SymptomReported) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nora"), "wrote for a test")


def test_the_page_without_a_chart_says_both_and_no_number_of_a_chart(as_: SignIn) -> None:
    """Signs, first actions, the branch without a programmer, the covering doses with their renal caveat, whom to call."""
    told = as_("sol").get("/emergency").words
    assert "Too little: withdrawal" in told
    assert "Too much: overdose" in told
    assert "Stop the pump first. OVD-02" in told
    assert "Empty the reservoir and aspirate the catheter access port" in told
    assert "baclofen 10 to 20 mg every 6 h WDL-08" in told
    assert "avoided below 30 and with dialysis" in told
    assert "Creatine kinase, electrolytes" in told
    assert told.index("avoided below 30") < told.index("baclofen 10 to 20 mg")
    assert "555-0101" in told
    assert "555-0102" in told
    assert "800-707-0933" in told
    assert "In tubing and catheter" not in told


def test_nothing_urgent_is_hidden(as_: SignIn, practice: Practice) -> None:
    """Nothing of the page waits behind a click."""
    stream = admit(practice)
    nora = as_("nora")
    for path in ("/emergency", f"/emergency/{stream}"):
        body = nora.get(path).text.partition("<main")[2]
        assert "<details" not in body
        assert " hidden" not in body


def test_the_page_of_a_person_says_what_the_record_knows(as_: SignIn, practice: Practice) -> None:
    """Program, 24-h total, flow, what lies in the line, the days left; and each time it is read is audited."""
    stream = admit(practice)
    answer = as_("nora").get(f"/emergency/{stream}")
    assert "Ada Example" in answer.words
    for label in ("24-h total as programmed", "flow as programmed", "it holds", "empty, at the earliest", "mcg/mL", "days left"):
        assert label in answer.words
    with practice.database.reading() as connection:
        last = next(iter(read_audit(connection, stream=stream)))
    assert (last.who, last.did) == ("nora", "read the emergency page")


def test_what_is_not_recorded_says_so(as_: SignIn, practice: Practice) -> None:
    """A serial number and an access port that nobody wrote down are not left out; what was written down is shown."""
    stream = admit(practice)
    nora = as_("nora")
    assert "serial number not recorded" in nora.get(f"/emergency/{stream}").words
    write(practice, stream, DeviceRecorded(practice.now, "synchromed-ii-40", "SN-7", access_port=True))
    told = nora.get(f"/emergency/{stream}").words
    assert "serial number SN-7" in told
    assert "an access port is on record" in told


def test_an_unknown_catheter_has_no_figure(as_: SignIn, practice: Practice) -> None:
    """Where nobody knows the volume of the line, no amount of it is printed anywhere on the page."""
    stream = admit(practice)
    nora = as_("nora")
    assert "the line still holds" in nora.get(f"/emergency/{stream}").words
    write(practice, stream, LineUnknown(practice.now))
    told = nora.get(f"/emergency/{stream}").words
    assert "how much drug the line still holds is not known" in told
    assert "up to about" not in told


def test_kidneys_that_fail_take_baclofen_out_of_the_cover(as_: SignIn, practice: Practice) -> None:
    """By the eGFR on the chart: no dose by mouth is shown below its limit."""
    stream = admit(practice)
    nora = as_("nora")
    assert "no eGFR on the chart" in nora.get(f"/emergency/{stream}").words
    write(practice, stream, Measured(practice.now, "eGFR", 20.0))
    told = nora.get(f"/emergency/{stream}").words
    assert "No baclofen by mouth or tube" in told
    assert "10 to 20 mg every 6 h" not in told


def test_signs_on_the_chart_come_first(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """A grave sign of withdrawal that was reported is told above the columns."""
    stream = admit(practice)
    write(practice, stream, SymptomReported(practice.now, "rebound rigidity", 3))
    clock.pass_(Duration(60))
    told = as_("nora").get(f"/emergency/{stream}").words
    assert told.index("severe signs of withdrawal: rebound rigidity") < told.index("Too little: withdrawal")


def test_who_may_not_know_the_name_sees_the_pseudonym(as_: SignIn, practice: Practice) -> None:
    """A therapist reads the chart by its pseudonym; a scheduler has no chart to read, but the page of all pumps."""
    stream = admit(practice)
    told = as_("thea").get(f"/emergency/{stream}").words
    assert stream in told
    assert "Ada Example" not in told
    susan = as_("susan")
    assert susan.get(f"/emergency/{stream}").status == 403
    assert susan.get("/emergency").status == 200


def test_an_unknown_chart_is_not_here(as_: SignIn) -> None:
    """Nor a stream that is no chart."""
    nora = as_("nora")
    for name in ("P-NOBODY22", "staff"):
        assert nora.get(f"/emergency/{name}").status == 404


def test_the_admission_sheet_is_a_pdf_for_who_may_print(as_: SignIn, practice: Practice) -> None:
    """Shown in the browser, audited."""
    stream = admit(practice)
    answer = as_("nora").client.get(f"/emergency/{stream}/admission-sheet")
    assert answer.content.startswith(b"%PDF")
    assert answer.headers["content-disposition"].startswith("inline")
    assert as_("thea").get(f"/emergency/{stream}/admission-sheet").status == 403
    with practice.database.reading() as connection:
        assert "printed the admission sheet" in {line.did for line in read_audit(connection, stream=stream)}
