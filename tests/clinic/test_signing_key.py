"""The key of a clinic: made once, kept whole, and handed out as text."""

from pathlib import Path
from stat import S_IMODE

import pytest

from thecal.clinic.signing_key import KEY_FILE, DamagedKeyError, PublicKey, SigningKey, load_or_make
from thecal.errors import InputError


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
