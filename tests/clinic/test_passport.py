"""The pump passport: what it states of a chart, that it is read back, and that nothing else is taken for one."""

import random
import string
import zlib
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from stat import S_IMODE
from xml.etree import ElementTree as ET

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, started
from thecal.chart.clinical import Noticed, Prescribed
from thecal.chart.facts import Acted, Explanted, Interrogated, PumpReplaced, SessionEnded, SessionUncertain
from thecal.chart.order import FlexDay, OrderFlex, OrderMinimumRate, StepDose
from thecal.clinic import passport as module
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.passport import TEXT_MAX, Passport, PassportError, passport_of, passport_rows, qr_svg, read_passport, signed
from thecal.clinic.signing_key import KEY_FILE, DamagedKeyError, PublicKey, SigningKey, load_or_make
from thecal.errors import InputError
from thecal.pump.program import PatientBolus, Stopped
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Amount, Concentration, DailyDose, Volume
from thecal.therapy.emergency_plan import IN_MAGNET, NOT_RECORDED
from thecal.therapy.look import Look
from thecal.therapy.mri import CONDITIONAL
from thecal.timeline import Duration

PAPERS = DeviceRecorded(day(0), "synchromed-ii-40", "NGP123456H", access_port=True)
BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_make(tmp_path_factory.mktemp("clinic"))


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_make(tmp_path_factory.mktemp("another"))


def issued(look: Look, device: DeviceRecorded | None = PAPERS) -> Passport:
    return passport_of(look, device, "P-2026-0001", look.now, "Spasticity clinic", "+49 30 1234567", "+49 30 7654321")


def wrong(text: str, key: PublicKey) -> str:
    """What is wrong with a text."""
    with pytest.raises(PassportError) as refused:
        read_passport(text, key)
    assert str(refused.value)
    return refused.value.wrong


def last_session(story: Story) -> SessionEnded:
    return [fact for fact in story.facts if isinstance(fact, SessionEnded)][-1]


def test_a_passport_states_what_the_chart_knows() -> None:
    """Every line of it, with its unit, and no name."""
    story = started(100).fact(Noticed(day(1), "SCI at T6 or above"), Prescribed(day(1), "baclofen", "oral", 30, 3))
    assert dict(passport_rows(issued(story.look(10)))) == {
        "Passport number": "P-2026-0001",
        "Clinic": "Spasticity clinic",
        "Clinic by day": "+49 30 1234567",
        "Clinic by night": "+49 30 7654321",
        "Issued on": "2026-01-15",
        "Counts until (refill by)": "2026-06-14",
        "Pump": "SynchroMed II (synchromed-ii-40)",
        "Serial number": "NGP123456H",
        "Drug": "baclofen, intrathecal",
        "Concentration": "500 mcg/mL",
        "Daily dose, ordered": "100 mcg/day",
        "24-h total, programmed": "100 mcg",
        "Mode": "simple continuous",
        "Catheter": "indura-8709sc",
        "Catheter tip": "T10",
        "Catheter access port": "yes",
        "Low reservoir alarm, as the pump counts": "2026-07-14",
        "Empty at the earliest": "2026-06-28",
        "Elective replacement indicator": "not reached when read on 2026-01-05",
        "End of service": "2033-01-04",
        "MRI status": f"{CONDITIONAL['SynchroMed II'].text}; ask the clinic before any scan",
        "In the field of an MRI": IN_MAGNET["stalls"],
        "Injury at T6 or above, or dysreflexia": "yes: a spinal cord injury at T6 or above",
        "Oral baclofen at home": "30 mg a day in 3 doses",
    }


def test_initials_and_the_year_of_birth_stand_in_it_only_where_given() -> None:
    look = started(100).look(10)
    told = passport_of(look, PAPERS, "P-1", look.now, "Clinic", "1", "2", initials="A.B.", birth_year=1975)
    assert dict(passport_rows(told)).items() >= {"Initials": "A.B.", "Year of birth": "1975"}.items()
    assert not {"Initials", "Year of birth"} & dict(passport_rows(issued(look))).keys()


@pytest.mark.parametrize("name", ["Anna Berg", "ABCDE", "A1", " "])
def test_a_name_is_not_taken_for_initials(name: str) -> None:
    with pytest.raises(InputError, match="initials"):
        replace(issued(started(100).look(10)), initials=name)


def test_without_a_pump_there_is_no_passport() -> None:
    """Neither before the implant nor after the explant."""
    for look in (Story().person().look(0), started(100).fact(Explanted(day(1))).look(2)):
        with pytest.raises(PassportError, match="no pump is in place"):
            issued(look)


def test_a_passport_is_not_issued_before_what_it_knows() -> None:
    with pytest.raises(InputError, match="is before what is known"):
        passport_of(started(100).look(10), PAPERS, "P-1", day(9), "Clinic", "1", "2")


@pytest.mark.parametrize("model", ["synchromed-ii-20", "synchromed-ii-40"])
def test_nothing_of_the_pump_before_stands_in_the_passport_of_the_one_in_place(model: str) -> None:
    """After a replacement neither its serial nor its dose, concentration, mode or dates; whatever sheet the look brings."""
    story = started(100).fact(PumpReplaced(day(5), model, Volume(300_000)))
    told = issued(story.look(6))
    assert told.pump == f"SynchroMed II ({model})"
    unknown = (told.serial, told.access_port, told.concentration, told.daily_dose, told.day_total, told.mode, told.drug)
    assert {*unknown, told.alarm_on, told.empty_on, told.counts_until, told.replacement} == {NOT_RECORDED}
    assert issued(story.look(6), replace(PAPERS, at=day(5), model=model)).serial == "NGP123456H"
    other = "synchromed-ii-40" if model == "synchromed-ii-20" else "synchromed-ii-20"
    assert issued(story.look(6), replace(PAPERS, at=day(5), model=other)).serial == NOT_RECORDED


def test_a_constant_flow_pump_has_no_battery_no_alarm_and_no_dose_to_order() -> None:
    """What electronics would have stands as none, and says why."""
    constant = next(sheet for sheet in pump_sheets().values() if not sheet.programmable)
    story = started(100).fact(PumpReplaced(day(5), constant.name, Volume(300_000)))
    told = issued(Look.at(story.chart, day(6), sheet=constant), None)
    assert told.mode == "constant flow"
    assert {told.alarm_on, told.replacement, told.daily_dose} == {
        "none: the pump sounds no alarm",
        "none: the pump has no battery",
        "none: a constant flow, which nobody can change",
    }
    assert told.mri.startswith("nothing is known of this model")


def test_an_uncertain_session_leaves_no_dose_in_a_passport() -> None:
    """Until the pump is read: what it runs nobody knows."""
    story = started(100)
    story.fact(SessionUncertain(day(3), last_session(story).order, "the wand was lost"))
    told = issued(story.look(4))
    assert told.daily_dose.startswith("uncertain")
    assert told.day_total == told.mode == told.daily_dose
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5))))
    assert issued(story.look(6)).daily_dose == "100 mcg/day"


def test_a_pump_that_was_read_otherwise_is_not_told_as_ordered() -> None:
    """It was found stopped: the dose of the order does not stand in the passport, the mode does."""
    story = started(100)
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5), program=Stopped(), mode="stopped")))
    told = issued(story.look(6))
    assert (told.daily_dose, told.mode) == ("not as ordered: the pump was read otherwise on 2026-01-10", "stopped")
    assert told.day_total == "0 mcg"


def test_a_stalled_motor_is_told_beside_the_mode() -> None:
    story = started(100)
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5), alarms=("motor stall",))))
    assert issued(story.look(6)).mode == "simple continuous; not infusing when it was read: motor stall"


def test_a_fill_that_was_not_typed_in_is_the_concentration_and_leaves_no_total() -> None:
    story = started(100).filled(20, 40, 2000)
    told = issued(story.look(21))
    assert told.concentration == "2,000 mcg/mL"
    assert told.day_total == "not known: filled on 2026-01-25, and not read since"


def test_the_slowest_flow_is_no_dose() -> None:
    assert issued(started(100).programmed(2, OrderMinimumRate()).look(3)).daily_dose.startswith("none: the slowest flow")


def test_patient_boluses_stand_beside_the_total() -> None:
    """At most so much, by the allotment of a day."""
    story = started(100)
    report = last_session(story).report
    bolus = PatientBolus(Volume(20_000), Duration(600), Duration(3600), 4)
    story.fact(Interrogated(day(1), replace(report, at=day(1), patient=bolus)))
    assert issued(story.look(2)).day_total == "100 mcg, at most 140 mcg with patient boluses"


def test_an_emptied_reservoir_has_no_day_on_which_it_is_empty() -> None:
    story = started(100).fact(Acted(day(5), "empty reservoir", None))
    assert issued(story.look(6)).empty_on == "emptied, and not filled since"


def test_the_replacement_indicator_is_told_with_its_day() -> None:
    story = started(100)
    story.fact(Interrogated(day(9), replace(last_session(story).report, at=day(9), replace_by=day(99))))
    told = issued(story.look(10))
    assert told.replacement == "reached on 2026-01-14"
    assert told.service_ends <= "2026-04-14"


def test_a_passport_counts_until_the_refill() -> None:
    """The day itself included; without one, on the day of issue alone."""
    told = issued(started(100).look(10))
    assert [told.counts_on(date(2026, 1, 14)), told.counts_on(date(2026, 1, 15))] == [False, True]
    assert [told.counts_on(date(2026, 6, 14)), told.counts_on(date(2026, 6, 15))] == [True, False]
    open_ended = replace(told, counts_until=NOT_RECORDED)
    assert [open_ended.counts_on(date(2026, 1, 15)), open_ended.counts_on(date(2026, 1, 16))] == [True, False]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clinic", ""),
        ("clinic", "x" * 61),
        ("serial", "A\nB"),
        ("mode", "x" * 161),
        ("issued_on", "20260115"),
        ("counts_until", "soon"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_by_its_name(name: str, text: str) -> None:
    """Never cut."""
    with pytest.raises(InputError) as refused:
        replace(issued(started(100).look(10)), **{name: text})  # type: ignore[arg-type]  # all of these are texts
    assert refused.value.field == name


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1)).map(date.isoformat)
TEXTS = {each.name: WORDS for each in fields(Passport) if each.type is str} | {
    "issued_on": DAYS,
    "counts_until": DAYS | st.just(NOT_RECORDED),
    "initials": st.sampled_from(["", "A.B.", "AB", "Å.-Ö."]),
}
PASSPORTS = st.builds(Passport, birth_year=st.none() | st.integers(1880, 2199), **TEXTS)


@given(PASSPORTS)
def test_what_was_signed_is_read(key: SigningKey, told: Passport) -> None:
    """All of it; blanks around the text do not count. A passport that is too long for a code is refused, not cut."""
    try:
        text = signed(told, key)
    except InputError as error:
        assert "shorten" in error.problem  # noqa: PT017  # either is right
        return
    assert read_passport(f"\n {text}\t", key.public) == told
    assert len(text) <= TEXT_MAX


def test_a_real_passport_fits_a_code_that_telephones_read(key: SigningKey) -> None:
    """The longest: flex, patient boluses, a stall, everything recorded, and the clinic's texts random and as long as allowed."""
    steps = tuple(StepDose(hour * 3600, (hour + 2) % 24 * 3600, Amount((8 + hour % 3) * 10**6)) for hour in range(0, 24, 2))
    total = DailyDose(sum(step.dose.pg for step in steps))
    story = started(100).programmed(1, OrderFlex((FlexDay((), total, steps),)))
    story.fact(Noticed(day(2), "SCI at T6 or above"), Noticed(day(2), "autonomic dysreflexia"))
    story.fact(Prescribed(day(2), "baclofen", "oral", 37.5, 3))
    report = last_session(story).report
    bolus = PatientBolus(Volume(20_001), Duration(600), Duration(3600), 4)
    stalled = replace(report, at=day(3), patient=bolus, alarms=("motor stall",), concentration=Concentration(1999))
    told = issued(story.fact(Interrogated(day(3), stalled)).look(4))
    chance = random.Random(1)

    def any_text(length: int) -> str:
        return "".join(chance.choices(string.ascii_letters + string.digits + string.punctuation, k=length))

    longest = module._LONGEST
    told = replace(told, initials="A.B.C.D.", birth_year=1975, **{name: any_text(length) for name, length in longest.items()})
    text = signed(told, key)
    code = segno.make_qr(text, error="m", boost_error=False)
    assert int(code.version) <= 25
    assert code.mode == "alphanumeric"
    assert read_passport(text, key.public) == told


def test_the_longest_text_is_that_of_a_code_of_version_25() -> None:
    """One character more, and the code is of version 26."""
    versions = [segno.make_qr("A" * length, error="m", boost_error=False).version for length in (TEXT_MAX, TEXT_MAX + 1)]
    assert versions == [25, 26]


def test_a_passport_that_fits_no_such_code_is_refused(key: SigningKey) -> None:
    chance = random.Random(2)
    texts = {
        each.name: "".join(chance.choices(string.ascii_letters, k=module._LONGEST.get(each.name, 160)))
        for each in fields(Passport)
        if each.type is str and each.name not in ("issued_on", "counts_until", "initials")
    }
    with pytest.raises(InputError, match="shorten"):
        signed(replace(issued(started(100).look(10)), **texts), key)  # type: ignore[arg-type]  # all of these are texts


def test_any_other_character_is_refused(key: SigningKey) -> None:
    """Each character in turn, by others that a code can hold and one that it cannot; and none is left out or doubled."""
    text = signed(issued(started(100).look(10)), key)
    chance = random.Random(3)
    for place, character in enumerate(text):
        for other in {*chance.sample(BASE45, 2), "a"} - {character}:
            assert wrong(text[:place] + other + text[place + 1 :], key.public) in ("damaged", "no passport", "newer version")
        if 0 < place < len(text) - 1:
            wrong(text[:place] + text[place + 1 :], key.public)
            wrong(text[:place] + character + text[place:], key.public)


def resealed(text: str, place: int) -> str:
    """The text with a bit of what it holds flipped, and a CRC that fits again: no accident but a forgery."""
    whole = bytearray(module._bytes_of(text)[4:])
    whole[place % len(whole)] ^= 1 << place % 8
    return "THECAL1:" + module._base45(zlib.crc32(whole).to_bytes(4, "big") + bytes(whole))


@pytest.mark.requirement("DOC-03")
def test_a_forgery_is_refused_by_its_signature(key: SigningKey) -> None:
    """Any byte: of the key's id it is another key, of all else the signature does not fit."""
    text = signed(issued(started(100).look(10)), key)
    for place in range(len(module._bytes_of(text)) - 4):
        assert wrong(resealed(text, place), key.public) == ("another key" if place < 8 else "signature")


def test_a_passport_of_another_clinic_is_told_as_that(key: SigningKey, another: SigningKey) -> None:
    """With both keys' fingerprints."""
    text = signed(issued(started(100).look(10)), another)
    with pytest.raises(PassportError) as refused:
        read_passport(text, key.public)
    assert refused.value.wrong == "another key"
    assert another.public.fingerprint in str(refused.value)
    assert key.public.fingerprint in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no passport"),
        ("hello", "no passport"),
        ("THECAL0:AA", "no passport"),
        ("THECAL01:AA", "no passport"),
        ("THECAL\u0661:AA", "no passport"),
        ("thecal1:AA", "no passport"),
        ("THECAL2:AA", "newer version"),
        ("THECAL9999:", "newer version"),
        ("THECAL1:", "damaged"),
        ("THECAL1:A", "damaged"),
        ("THECAL1:ÄÄÄ", "damaged"),
        ("THECAL1::::", "damaged"),
        ("THECAL1:" + "0" * 600, "damaged"),
        ("THECAL1:" + "0" * 10**6, "damaged"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(key: SigningKey, text: str, why: str) -> None:
    assert wrong(text, key.public) == why


@given(
    st.text()
    | st.text(BASE45).map("THECAL1:".__add__)
    | st.binary(max_size=300).map(lambda data: "THECAL1:" + module._base45(data))
)
def test_any_text_is_a_passport_or_says_why_not(key: SigningKey, text: str) -> None:
    """Never another error."""
    assert wrong(text, key.public)


def body_signed(body: bytes, key: SigningKey) -> str:
    """Whatever bytes, as the clinic's key would sign them."""
    whole = key.public.key_id + key.sign(module._PURPOSE, body) + body
    return "THECAL1:" + module._base45(zlib.crc32(whole).to_bytes(4, "big") + whole)


@pytest.mark.parametrize(
    "body",
    [
        b"no zlib",
        zlib.compress(b" " * 200_000, 9),  # 200 bytes that unpack to a thousand times as much
        zlib.compress(b"{}"),
        zlib.compress(b"{}")[:-1],
        zlib.compress(b"{}") + b"x",
        zlib.compress(b"[" * 5000),
        zlib.compress(b'{"number": 1}'),
        zlib.compress(b"\xff"),
    ],
)
def test_even_what_the_clinic_signed_is_read_strictly(key: SigningKey, body: bytes) -> None:
    """Bounded when it is unpacked, canonical, and exactly the fields of a passport."""
    assert wrong(body_signed(body, key), key.public) == "unreadable"


def test_a_signature_for_another_purpose_does_not_fit(key: SigningKey) -> None:
    body = zlib.compress(b"{}")
    whole = key.public.key_id + key.sign("thecal letter", body) + body
    text = "THECAL1:" + module._base45(zlib.crc32(whole).to_bytes(4, "big") + whole)
    assert wrong(text, key.public) == "signature"


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_base45_is_that_of_its_standard(data: bytes, text: str) -> None:
    """The examples of RFC 9285."""
    assert module._base45(data) == text
    assert module._base45_read(text) == data


@pytest.mark.parametrize("text", ["A", "AAAA", "GGW", ":::", "::", "a00"])
def test_what_base45_never_writes_is_not_read(text: str) -> None:
    """A group of one, a value over its bytes (RFC 9285), another letter."""
    assert module._base45_read(text) is None


def test_a_code_loads_nothing_and_says_what_it_is(key: SigningKey) -> None:
    """An SVG with a title, and no address but the name of SVG itself."""
    svg = qr_svg(signed(issued(started(100).look(10)), key))
    root = ET.fromstring(svg)  # noqa: S314  # our own
    assert root.get("role") == "img"
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "Pump passport, a code to scan"
    assert svg.count("http") == 1
    assert not [word for word in ("href", "url(", "<script", "<image", "<style") if word in svg]


def test_a_text_that_fits_no_code_is_refused() -> None:
    with pytest.raises(InputError, match="fits no QR code"):
        qr_svg("a" * 5000)


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    """For its owner alone; the second time it is the same, and nothing else lies beside it."""
    folder = tmp_path / "data"
    first = load_or_make(folder)
    before = (folder / KEY_FILE).read_bytes()
    assert S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert load_or_make(folder).public == first.public
    assert (folder / KEY_FILE).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_who_is_second_takes_the_first_ones_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that appears between the look and the writing is not overwritten."""
    first = load_or_make(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda _: False)
    assert load_or_make(tmp_path).public == first.public
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_a_damaged_key_file_is_told_and_never_another_key(tmp_path: Path) -> None:
    """Each bit in turn: an error that names the file, which is left as it is."""
    load_or_make(tmp_path)
    path = tmp_path / KEY_FILE
    whole = path.read_bytes()
    for place in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedKeyError, match=KEY_FILE):
            load_or_make(tmp_path)
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("content", [b"", b"\n", b"thecal-key:x\nthecal-secret-key:x\n", b"\xff" * 200])
def test_a_file_that_is_no_key_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(content)
    with pytest.raises(DamagedKeyError, match="damaged"):
        load_or_make(tmp_path)


def test_a_public_key_is_handed_out_as_text(key: SigningKey, another: SigningKey) -> None:
    """And read back; its fingerprint is four groups of four digits, and its secret half is not printed."""
    assert PublicKey.parse(f" {key.public}\n") == key.public
    assert len(key.public.fingerprint) == 19
    assert key.public.fingerprint != another.public.fingerprint
    assert "private" not in repr(key)


@pytest.mark.parametrize(
    "text", ["", "thecal-key:", "thecal-key:AAAA", "thecal-key:" + "A" * 42 + "B", "A" * 43, "thecal-key:" + "é" * 43]
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no public key"):
        PublicKey.parse(text)
