"""What people do at the steps of a visit, in a browser."""

from playwright.sync_api import Locator, Page, expect

from tests.e2e.clinic_server import Reader


def within(page: Page, step: str) -> Locator:
    """The part of a visit's page that is about a step."""
    return page.locator(f"#step-{step}")


def tick_all(page: Page, step: str) -> None:
    for box in within(page, step).get_by_role("checkbox").all():
        box.check()


def send(page: Page, step: str, button: str) -> None:
    """Press a button of a step, and read what comes of it."""
    with page.expect_navigation():
        within(page, step).get_by_role("button", name=button, exact=True).click()


def done(page: Page, step: str) -> None:
    expect(within(page, step).get_by_role("heading", level=2)).to_contain_text("done")


def begin(reader: Reader, stream: str, kind: str) -> str:
    """Begin a visit; its path."""
    reader.go(f"/visit/{stream}")
    reader.page.get_by_label("Begin a visit").select_option(kind)
    reader.press("Begin")
    return reader.page.url.removeprefix(reader.address).partition("#")[0]


def up_to_the_pump(page: Page) -> None:
    """The steps before the pump is asked."""
    tick_all(page, "before")
    send(page, "before", "Checked")
    within(page, "symptoms").get_by_role("combobox").first.select_option("0")
    send(page, "symptoms", "Write down")
    within(page, "scales").get_by_label("Ashworth, legs (mean)").fill("2.5")
    send(page, "scales", "Write down")
    tick_all(page, "reconciliation")
    send(page, "reconciliation", "Reconciled")
