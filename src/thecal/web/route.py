"""Routes of pages: each says which right it asks for, and is answered by a function of a request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from thecal.clinic.access import Right

Method = Literal["GET", "POST"]
Needs = Right | Literal["open", "signed in"]
OPEN: Literal["open"] = "open"
"""Asks for nothing: anybody may see it."""
SIGNED_IN: Literal["signed in"] = "signed in"
"""Asks only for somebody who is signed in."""
Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A page: its method and path, what it asks for, and the function that answers it.

    One that ``only_shows`` what was sent to it changes nothing, and takes forms of an older sign-in.
    """

    method: Method
    path: str
    needs: Needs
    handler: Handler
    only_shows: bool = False


@dataclass(slots=True)
class Pages:
    """The routes of one module."""

    routes: list[PageRoute] = field(default_factory=list)

    def get(self, path: str, needs: Needs) -> Callable[[H], H]:
        """A page to be read."""
        return self._add("GET", path, needs)

    def post(self, path: str, needs: Needs, *, only_shows: bool = False) -> Callable[[H], H]:
        """A form to be sent."""
        return self._add("POST", path, needs, only_shows=only_shows)

    def _add(self, method: Method, path: str, needs: Needs, *, only_shows: bool = False) -> Callable[[H], H]:
        def register(handler: H) -> H:
            self.routes.append(PageRoute(method, path, needs, handler, only_shows))
            return handler

        return register
