#!/usr/bin/env python3
"""Opens pages of `tracer report --html` in a headless Chromium and uses every control.

    pip install playwright && playwright install chromium
    tracer report --html samples/sockmap.rec -o page.html
    python3 tracer-user/tests/page/check.py page.html --screenshots shots

A page of two recordings is checked as such. It fails if the console has an error, if the page asks for anything but itself, if
it takes more than 3 s to open, or if a control does not do what it says. The browser is Playwright's own, or the one that
--browser or a `chromium` on the PATH names. With --screenshots, pictures in light and dark and a PDF of the print are left there.
"""

import argparse
import json
import pathlib
import re
import shutil
import time

from playwright.sync_api import Page, expect, sync_playwright

VIEWPORT = {"width": 1366, "height": 768}
LONGEST_S = 3.0


class Watch:
    """What goes wrong while a page is open."""

    def __init__(self, page: Page, url: str):
        self.troubles = []
        page.on("console", lambda message: self.note(message.type, message.text))
        page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        page.on("request", lambda request: self.asked(request.url, url))

    def note(self, kind, text):
        if kind in ("error", "warning"):
            self.troubles.append(f"console: {text}")

    def asked(self, asked, url):
        if asked != url:
            self.troubles.append(f"asked for {asked[:100]}")


def histogram(page: Page, data):
    buckets = page.locator(".histogram .bucket")
    assert buckets.count() >= 12
    choice = page.locator("#root-choice")
    if choice.count():
        before = page.locator(".histogram").inner_html()
        choice.select_option(index=1)
        assert page.locator(".histogram").inner_html() != before
        choice.select_option(index=0)
    first = data["recordings"][0]
    assert sum(b["calls"] for b in first["roots"][0]["spread"]) == first["roots"][0]["calls"]


def flame(page: Page, data):
    graph = page.locator(".flame").first
    bars = graph.locator("div")
    all_bars = bars.count()
    about = page.locator(".flame-about").first
    # Zoom by a click on a bar below the root, and back by the button and by Escape.
    inner = graph.locator("div:not(.thin)").nth(1)
    name = inner.inner_text()
    inner.hover()
    assert about.inner_text().startswith(name + ":"), about.inner_text()
    inner.click()
    assert graph.locator(".above").count() >= 1
    assert about.inner_text().startswith(name + ":")
    page.locator("#flame-all").click()
    assert bars.count() == all_bars and page.locator("#flame-all").is_disabled()
    inner.click()
    graph.press("Escape")
    assert bars.count() == all_bars
    # The keyboard: down to a callee, beside it, up again, and zoom.
    graph.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Enter"):
        graph.press(key)
    assert not page.locator("#flame-all").is_disabled()
    graph.press("Escape")
    search = page.locator("#flame-search")
    search.fill(f"^{re.escape(name)}$|no such function")
    assert page.locator(".flame .found").count() > 0
    assert "of the time" in page.locator("#flame-found").inner_text()
    search.fill("[")  # no regular expression, and no such name
    assert page.locator(".flame .found").count() == 0
    search.fill("")
    assert page.locator("#flame-found").inner_text() == ""


def call_trees(page: Page, data):
    calls = page.locator("details.call")
    assert calls.count() == sum(len(r["slowest"]) + len(r["failed"]) for r in data["recordings"])
    first = calls.first
    first.locator("> summary").click()
    lines = len(data["recordings"][0]["slowest"][0]["nodes"])
    # A tree is made when it is opened.
    expect(first.locator(".tree .line")).to_have_count(lines)
    first.get_by_role("button", name="Unfold all").click()
    assert first.locator(".tree .line:visible").count() == lines
    first.get_by_role("button", name="Fold all", exact=True).click()
    assert first.locator(".tree .line:visible").count() == 1
    first.locator(".tree summary").first.click()
    assert first.locator(".tree .line:visible").count() > 1
    first.locator("> summary").click()
    for number in range(calls.count()):
        calls.nth(number).locator("> summary").click()
        calls.nth(number).locator("> summary").click()


def sorted_table(page: Page, place: str, rows: int):
    table = page.locator(place)
    heads = table.locator("th button")
    for number in range(heads.count()):
        heads.nth(number).click()
        order = table.locator("th").nth(number).get_attribute("aria-sort")
        cells = table.locator(f"tbody td:nth-child({number + 1})").all_inner_texts()
        heads.nth(number).click()
        other = table.locator("th").nth(number).get_attribute("aria-sort")
        assert {order, other} == {"ascending", "descending"}, (order, other)
        turned = table.locator(f"tbody td:nth-child({number + 1})").all_inner_texts()
        assert len(set(cells)) < 2 or cells != turned, f"{place}: column {number} does not sort"
    more = table.locator("button.more")
    if more.is_visible():
        more.click()
    assert table.locator("tbody tr").count() == rows
    search = table.locator("input[type=search]")
    if search.count():
        search.fill("no such function anywhere")
        assert table.locator("tbody tr").count() == 0
        search.fill("")
        assert table.locator("tbody tr").count() == rows


def tables(page: Page, data):
    names = {row[0] for recording in data["recordings"] for row in recording["rows"]}
    sorted_table(page, "#function-table", len(names))
    sorted_table(page, "#root-table", sum(len(r["roots"]) for r in data["recordings"]))
    if data["changes"] and data["changes"]["rows"]:
        sorted_table(page, "#change-table", len(data["changes"]["rows"]))


def fits(page: Page):
    """Nothing stands out to the right."""
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1], widths


def pictures(page: Page, url: str, directory: pathlib.Path, stem: str):
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(url)
        page.screenshot(path=directory / f"{stem}-{scheme}.png")
        page.locator("details.call > summary").first.click()
        page.screenshot(path=directory / f"{stem}-{scheme}-whole.png", full_page=True)
    page.pdf(path=directory / f"{stem}.pdf", format="A4", print_background=False)


def check(browser, path: pathlib.Path, screenshots):
    url = path.resolve().as_uri()
    page = browser.new_page(viewport=VIEWPORT)
    watch = Watch(page, url)
    began = time.monotonic()
    page.goto(url)
    page.locator("#function-table tbody tr").first.wait_for(state="attached")
    opened_s = time.monotonic() - began
    data = json.loads(page.locator("#data").text_content())
    for part in (histogram, flame, call_trees, tables):
        part(page, data)
    fits(page)
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
        pictures(page, url, screenshots, path.stem)
    assert not watch.troubles, watch.troubles
    assert opened_s < LONGEST_S, f"{opened_s:.2f} s to open"
    print(f"{path.name}: opened in {opened_s:.2f} s, {path.stat().st_size / 1024:.0f} KiB; every control works")
    page.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=pathlib.Path, metavar="PAGE")
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="DIRECTORY")
    parser.add_argument("--browser", default=shutil.which("chromium"), metavar="PATH")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.browser)
        for path in arguments.pages:
            check(browser, path, arguments.screenshots)
        browser.close()


if __name__ == "__main__":
    main()
