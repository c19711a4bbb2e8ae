"""thecal serve: what it says, where it keeps a clinic, and how it ends; nothing is left behind by a start that failed."""

import re
import socket
from pathlib import Path

import httpx2
import pytest

from tests.cli.serving import serving
from tests.command import inside
from tests.web.visitor import hidden, words
from thecal.bench.bench_folder import BenchFolder


@pytest.fixture(autouse=True)
def nobodys_clinic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No clinic of the user's is in reach."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("THECAL_DATA", raising=False)
    monkeypatch.delenv("THECAL_DATABASE", raising=False)


def test_a_first_start_prints_where_the_first_account_is_made(tmp_path: Path) -> None:
    """Only with its key; Ctrl-C ends the server as a matter of course; a second start knows the clinic."""
    with serving("--data", tmp_path / "clinic") as server:
        first = next(word for word in server.told.split() if "/first?key=" in word)
        assert httpx2.get(first).status_code == 200
        assert httpx2.get(f"{server.address}/first?key=guessed").status_code in (403, 404)
        assert "Nobody has an account yet" in server.told
        assert server.interrupt() == 0
    assert (tmp_path / "clinic" / "clinic.db").is_file()
    assert (tmp_path / "clinic").stat().st_mode & 0o077 == 0
    with serving("--data", tmp_path / "clinic") as server:
        assert httpx2.get(f"{server.address}/sign-in").status_code == 200


def test_a_port_that_is_taken_is_said_and_makes_no_clinic(tmp_path: Path) -> None:
    """The port is named, and what is allowed; no database was made."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = inside("serve", "--data", tmp_path / "clinic", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert port in done.stderr
    assert "a free port" in done.stderr
    assert not (tmp_path / "clinic" / "clinic.db").exists()


def test_an_address_of_another_machine_is_said(tmp_path: Path) -> None:
    """The host is at fault, not the port."""
    done = inside("serve", "--data", tmp_path / "clinic", "--host", "192.0.2.1", "--port", "0")
    assert done.returncode == 2
    assert "--host" in done.stderr
    assert "an address of this machine" in done.stderr


@pytest.mark.parametrize(
    "address", ["", "pumps.example.org", "ftp://pumps.test", "https://", "https://a@pumps.test", "https://pumps.test:x",
                "https://[::1", "https://pumps.test/thecal", "https://pumps.test?x"],
)  # fmt: skip
def test_what_no_link_can_begin_with_is_said(tmp_path: Path, address: str) -> None:
    """With what is one; and no clinic is made."""
    done = inside("serve", "--data", tmp_path / "clinic", "--address", address)
    assert done.returncode == 2
    assert "--address" in done.stderr
    assert "https://pumps.example.org" in done.stderr
    assert not (tmp_path / "clinic").exists()


def test_behind_a_proxy_it_says_both_addresses(tmp_path: Path) -> None:
    """The first account is made where people come from; it listens here."""
    with serving("--data", tmp_path / "clinic", "--address", "https://pumps.test/") as server:
        assert "https://pumps.test/first?key=" in server.told
        assert "is reached at https://pumps.test. Ctrl-C" in server.told
        assert httpx2.get(f"{server.address}/sign-in").status_code == 200


def test_a_file_is_no_folder_for_a_clinic(tmp_path: Path) -> None:
    """The file is left as it was."""
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    done = inside("serve", "--data", file)
    assert done.returncode == 2
    assert "is a file, not a folder" in done.stderr
    assert file.read_text() == "mine"


def test_a_demonstration_takes_no_folder_that_holds_something(tmp_path: Path) -> None:
    """A clinic's own folder is not written over by invented people."""
    (tmp_path / "clinic.db").write_text("mine")
    done = inside("serve", "--demo", "--data", tmp_path)
    assert done.returncode == 2
    assert "holds something" in done.stderr
    assert (tmp_path / "clinic.db").read_text() == "mine"


@pytest.mark.long
def test_a_demonstration_lets_in_whom_it_names_and_shows_its_pumps(tmp_path: Path) -> None:
    """By the account and the password that it prints; Ctrl-C ends it, and its bench with it."""
    with serving("--demo", "--data", tmp_path / "demo") as server:
        told = re.search(r"Sign in as (\S+) \(nurse\), .*; the password of all is: (.*)\n", server.told)
        assert told is not None, server.told
        name, password = told.groups()
        with httpx2.Client(base_url=server.address, follow_redirects=True) as client:
            pre = hidden(client.get("/sign-in").text, "pre")
            client.post("/sign-in", data={"pre": pre, "name": name, "password": password, "back": "/worklist"})
            page = client.get("/worklist?kind=refill")
        assert page.url.path == "/worklist"
        rows = words(page.text).partition("What is to be done ")[2]
        assert rows.count("mcg/day") > 5
        assert len(set(re.findall(r'href="/chart/(P-\w+)"', page.text))) > 5
        assert BenchFolder(tmp_path / "demo" / "bench").listening() is not None
        assert server.interrupt() == 0
    assert BenchFolder(tmp_path / "demo" / "bench").listening() is None
