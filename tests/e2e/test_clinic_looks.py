"""How the pages look: light and dark, on a screen and on a telephone. The pictures go to build/screenshots, to be looked at."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.e2e.chromium import keep_picture, needs_chromium
from tests.e2e.clinic_pages import every_page, with_demo_people
from tests.e2e.clinic_server import Served, served

pytestmark = [needs_chromium, pytest.mark.long]
SHOWN = (
    "/worklist", "/chart/{stream}", "/visit/{stream}/{name}", "/visit/{stream}/{name}/order", "/emergency/{stream}",
    "/call/{stream}", "/book/{stream}", "/screening/{stream}", "/patient/{token}", "/import/checked/{digest}", "/admin",
)  # fmt: skip


@pytest.fixture(scope="module")
def clinic(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, tuple[str, ...]]]]:
    with served(browser, tmp_path_factory.mktemp("looks")) as found:
        yield found, every_page(found.practice, with_demo_people(found.practice, 13))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_keep_to_the_scheme_and_to_the_width(
    clinic: tuple[Served, dict[str, tuple[str, ...]]], scheme: Literal["light", "dark"], width: int
) -> None:
    """Dark ground in the dark and light in the light; one heading, above the fold; nothing beside the window, at 320 px too."""
    found, addresses = clinic
    nora = found.as_("nora", width=width, scheme=scheme)
    for path in SHOWN:
        nora.page.set_viewport_size({"width": width, "height": 900})
        nora.go(addresses[path][0])
        name = path.strip("/").replace("/", "-").replace("{", "").replace("}", "")
        keep_picture(nora.page, f"{scheme}-{width}", name, whole=width == 390)
        ground = nora.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        red = int(ground.removeprefix("rgb(").partition(",")[0])
        assert (red < 60) == (scheme == "dark"), f"{path}: {ground}"
        heading = nora.page.locator("h1")
        assert heading.count() == 1, path
        box = heading.bounding_box()
        assert box is not None, path
        assert box["y"] < 500, f"{path}: the heading begins at {box['y']} px"
        nora.page.set_viewport_size({"width": min(width, 320), "height": 700})
        assert nora.page.evaluate("document.documentElement.scrollWidth") <= min(width, 320), path
