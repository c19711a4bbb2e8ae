"""The signed text of a passport: that it is read back, that it fits a code, and that nothing else is taken for one."""

import random
import string
import zlib
from dataclasses import fields, replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import day, started
from tests.clinic.passports import issued, last_session
from thecal.chart.clinical import Noticed, Prescribed
from thecal.chart.facts import Interrogated
from thecal.chart.order import FlexDay, OrderFlex, StepDose
from thecal.clinic import passport, passport_code
from thecal.clinic.passport import Passport, PassportError
from thecal.clinic.passport_code import BEGINS, TEXT_MAX, qr_svg, read_passport, signed
from thecal.clinic.signing_key import PublicKey, SigningKey
from thecal.errors import InputError
from thecal.pump.program import PatientBolus
from thecal.quantity import Amount, Concentration, DailyDose, Volume
from thecal.therapy.emergency_plan import NOT_RECORDED
from thecal.timeline import Duration

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def wrong(text: str, key: PublicKey) -> str:
    """What is wrong with a text."""
    with pytest.raises(PassportError) as refused:
        read_passport(text, key)
    assert str(refused.value)
    return refused.value.wrong


REFUSED = ("damaged", "no passport", "newer version", "older version")
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

    longest = passport._LONGEST
    told = replace(told, initials="A.B.C.D.", birth_year=1975, **{name: any_text(length) for name, length in longest.items()})
    text = signed(told, key)
    code = segno.make_qr(text, error="m", boost_error=False)
    assert int(code.version) <= 18
    assert code.mode == "alphanumeric"
    assert read_passport(text, key.public) == told


ISSUED_KEY = "thecal-key:Ui_ESvxYVj_xTQJk7yZJ0BFlAytAtvOX3j2OBG7smbI"
ISSUED = (
    "THECAL2:52OBB1Z202BQ+JK0:4$WS888H2O-CFCLNYT9K4JJJAGGCX8F*M6+E8JMN97N7WP:426$09:7SW0GW4EXQEISH5PZ*D1W3+P1X2NMYI"
    "Z2E2SRBH3S019DFLW51NC23UCX9+8G6125IS.TEJHCMC3N11:QG+42ZRRPCW%OCQ9HXD9 G1E4QG-S VOTF5UMCX5JHW9K6994DV CV85SUN08"
    "UKZO+%N%JH42AW-26OJ7QU-57N 3R8BL71$SFQ.DF7G+QNHD1CZH2E28 J1E1V6LWEKD%PP250:V*+AWSR%E1+65M%GKCLG3R9ZMAG3/R2+WLH"
    "GHQ6QH$O8NUU1AG$N*ST*CDO.5X5A6%S"
)


def test_a_passport_that_was_issued_before_is_still_read() -> None:
    """One of version 2, kept here: whoever changes what its compression begins with, or its fields, makes another version."""
    read = read_passport(ISSUED, PublicKey.parse(ISSUED_KEY))
    assert (read.number, read.issued_on, read.flow[:10]) == ("P-2026-0001", "2026-01-15", "0.2 mL/day")
    assert read.line == "from the tip: 0.197 mL of CSF, then 0.14 mL of 500 mcg/mL; 70 mcg in all, as of 2026-01-05"


@pytest.mark.parametrize(
    ("version", "told"), [(1, "older than the 2 that is read here; ask the clinic for a new one"), (3, "newer")]
)
def test_a_passport_of_another_version_says_which(key: SigningKey, version: int, told: str) -> None:
    """Not that it is damaged, and not by failing."""
    text = signed(issued(started(100).look(10)), key).replace(BEGINS, f"THECAL{version}:")
    with pytest.raises(PassportError, match=f"of version {version}, {told}"):
        read_passport(text, key.public)


def test_the_code_of_an_ordinary_passport_is_coarse(key: SigningKey) -> None:
    """What every passport says costs next to nothing: no code of more than version 12."""
    assert int(segno.make_qr(signed(issued(started(100).look(10)), key), error="m", boost_error=False).version) <= 12


def test_the_longest_text_is_that_of_a_code_of_version_25() -> None:
    """One character more, and the code is of version 26."""
    versions = [segno.make_qr("A" * length, error="m", boost_error=False).version for length in (TEXT_MAX, TEXT_MAX + 1)]
    assert versions == [25, 26]


def test_a_passport_that_fits_no_such_code_is_refused(key: SigningKey) -> None:
    chance = random.Random(2)
    texts = {
        each.name: "".join(chance.choices(string.ascii_letters, k=passport._LONGEST.get(each.name, 160)))
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
            assert wrong(text[:place] + other + text[place + 1 :], key.public) in REFUSED
        if 0 < place < len(text) - 1:
            wrong(text[:place] + text[place + 1 :], key.public)
            wrong(text[:place] + character + text[place:], key.public)


def resealed(text: str, place: int) -> str:
    """The text with a bit of what it holds flipped, and a CRC that fits again: no accident but a forgery."""
    whole = bytearray(passport_code._bytes_of(text)[4:])
    whole[place % len(whole)] ^= 1 << place % 8
    return BEGINS + passport_code._base45(zlib.crc32(whole).to_bytes(4, "big") + bytes(whole))


@pytest.mark.requirement("DOC-03")
def test_a_forgery_is_refused_by_its_signature(key: SigningKey) -> None:
    """Any byte: of the key's id it is another key, of all else the signature does not fit."""
    text = signed(issued(started(100).look(10)), key)
    for place in range(len(passport_code._bytes_of(text)) - 4):
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
        ("thecal2:AA", "no passport"),
        ("THECAL1:AA", "older version"),
        ("THECAL3:AA", "newer version"),
        ("THECAL9999:", "newer version"),
        ("THECAL2:", "damaged"),
        ("THECAL2:A", "damaged"),
        ("THECAL2:ÄÄÄ", "damaged"),
        ("THECAL2::::", "damaged"),
        ("THECAL2:" + "0" * 600, "damaged"),
        ("THECAL2:" + "0" * 10**6, "damaged"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(key: SigningKey, text: str, why: str) -> None:
    assert wrong(text, key.public) == why


@given(
    st.text()
    | st.text(BASE45).map(BEGINS.__add__)
    | st.binary(max_size=300).map(lambda data: BEGINS + passport_code._base45(data))
)
def test_any_text_is_a_passport_or_says_why_not(key: SigningKey, text: str) -> None:
    """Never another error."""
    assert wrong(text, key.public)


def body_signed(body: bytes, key: SigningKey) -> str:
    """Whatever bytes, as the clinic's key would sign them."""
    whole = key.public.key_id + key.sign(passport_code._PURPOSE, body) + body
    return BEGINS + passport_code._base45(zlib.crc32(whole).to_bytes(4, "big") + whole)


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
    text = BEGINS + passport_code._base45(zlib.crc32(whole).to_bytes(4, "big") + whole)
    assert wrong(text, key.public) == "signature"


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_base45_is_that_of_its_standard(data: bytes, text: str) -> None:
    """The examples of RFC 9285."""
    assert passport_code._base45(data) == text
    assert passport_code._base45_read(text) == data


@pytest.mark.parametrize("text", ["A", "AAAA", "GGW", ":::", "::", "a00"])
def test_what_base45_never_writes_is_not_read(text: str) -> None:
    """A group of one, a value over its bytes (RFC 9285), another letter."""
    assert passport_code._base45_read(text) is None


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
