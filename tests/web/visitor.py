"""Somebody at a browser without a window: signed in, reading pages, filling in forms as a page has them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html import unescape

from starlette.testclient import TestClient

from tests.clinic.practice import PASSWORD
from thecal.clinic.practice import Practice
from thecal.web.app import make_app

FIELDS = re.compile(r"<input[^>]*type=\"hidden\"[^>]*>")
IDS = re.compile(r" id=\"([^\"]*)\"")
MEANT = re.compile(r" (?:for|aria-describedby|aria-labelledby)=\"([^\"]*)\"")
ADDRESSES = re.compile(r" (?:action|href|src|hx-[a-z]+)=\"[^\"]*\"")


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    for tag in FIELDS.findall(page):
        if f'name="{name}"' in tag:
            found = re.search(r'value="([^"]*)"', tag)
            assert found
            return unescape(found.group(1))
    raise AssertionError(f"no hidden field {name}")


def words(page: str) -> str:
    """What a page says, without its tags."""
    body = page.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def wrong_ids(page: str) -> list[str]:
    """The ids of a page that stand there more than once or are no single word, and those that are meant and not there."""
    ids = Counter(IDS.findall(page))
    meant = {name for names in MEANT.findall(page) for name in names.split()}
    wrong = {name for name, times in ids.items() if times > 1 or not name or " " in name}
    return sorted(wrong | (meant - ids.keys()))


@dataclass(slots=True)
class Answer:
    """A page that came back."""

    status: int
    url: str
    text: str
    headers: dict[str, str]

    @property
    def words(self) -> str:
        return words(self.text)

    @property
    def shown(self) -> str:
        """What is on the page, its fields too, without the secrets of its forms and its addresses: those hold any digits."""
        return ADDRESSES.sub("", FIELDS.sub("", self.text.partition("<main")[2].partition("</main>")[0]))


class Visitor:
    """A browser of one person."""

    def __init__(self, client: TestClient, name: str) -> None:
        self.client, self.name = client, name

    def sign_in(self, password: str = PASSWORD) -> Answer:
        """Sign in."""
        page = self.get("/sign-in")
        return self.post(
            "/sign-in", {"pre": hidden(page.text, "pre"), "name": self.name, "password": password, "back": "/worklist"}
        )

    def get(self, path: str) -> Answer:
        """Read a page, wherever it leads."""
        answer = self.client.get(path)
        return Answer(answer.status_code, str(answer.url), answer.text, dict(answer.headers))

    def post(self, path: str, data: Mapping[str, object], files: dict[str, tuple[str, bytes, str]] | None = None) -> Answer:
        """Send fields as they are."""
        answer = self.client.post(path, data=data, files=files)
        return Answer(answer.status_code, str(answer.url), answer.text, dict(answer.headers))

    def send(
        self, page: str, data: Mapping[str, object], to: str | None = None, files: dict[str, tuple[str, bytes, str]] | None = None
    ) -> Answer:
        """Fill in the form of a page and send it: with the secrets of the page, and its other hidden fields."""
        form = self.get(page)
        assert form.status == 200, form.words
        named = {name: hidden(form.text, name) for name in set(re.findall(r'type="hidden" name="([^"]+)"', form.text))}
        return self.post(to or page, {**named, **data}, files)


@contextmanager
def visitor(practice: Practice) -> Iterator[Callable[[str], Visitor]]:
    """Sign people in, each at a browser of their own, at one application."""
    app = make_app(practice)
    with ExitStack() as stack:

        def sign_in(name: str) -> Visitor:
            client = stack.enter_context(TestClient(app, base_url="http://clinic.test"))
            found = Visitor(client, name)
            if name:
                answer = found.sign_in()
                assert answer.url.endswith("/worklist"), answer.words
            return found

        yield sign_in
