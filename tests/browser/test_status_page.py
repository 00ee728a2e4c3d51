"""The status page of a real server in a real browser: what a person sees, and that no name of a file gets to act.

The browser is any Chromium or Firefox with its driver that is installed; nothing is downloaded, and the browser
reaches this machine only. Without a browser the tests are skipped, or, where B2PURE_BROWSER is `required`
(`make browser`), they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from b2pure.effects.simulator import Simulator
from b2pure.model.names import printable
from b2pure.shell.clock import SystemClock
from b2pure.shell.connect import connect
from b2pure.shell.serve import RunningServer, serve_in_thread

SCRIPT = "<script>document.title='owned'</script>.html"
HOSTILE = [
    SCRIPT,
    "<img src=x onerror=document.title='owned'>",
    "</bdi></table><h1>gone",
    "a\u202egpj.exe",
    "&lt;b&gt;",
]
MANY = 101

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FIREFOX = ("firefox", "firefox-esr")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--window-size=1280,1000",
)


def _installed(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def _chromium(program: str, driver: str, profile: Path) -> WebDriver:
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def _firefox(program: str, driver: str, profile: Path) -> WebDriver:
    options = webdriver.FirefoxOptions()
    options.binary_location = program
    for flag in ("-headless", "-profile", str(profile)):
        options.add_argument(flag)
    for setting in (
        "app.update.enabled",
        "network.captive-portal-service.enabled",
        "network.connectivity-service.enabled",
    ):
        options.set_preference(setting, False)
    log = str(profile / "geckodriver.log")
    return webdriver.Firefox(options=options, service=webdriver.FirefoxService(driver, log_output=log))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    profile = tmp_path_factory.mktemp("profile")
    for names, driver_name, start in ((_CHROMIUM, "chromedriver", _chromium), (_FIREFOX, "geckodriver", _firefox)):
        program, driver = _installed(*names), _installed(driver_name)
        if program is not None and driver is not None:
            found = start(program, driver, profile)
            break
    else:
        missing = "no Chromium with chromedriver and no Firefox with geckodriver is installed"
        if os.environ.get("B2PURE_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    yield found
    found.quit()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    simulator = Simulator(SystemClock().now_millis)
    photos = simulator.add_bucket("photos").bucket_id
    for name in HOSTILE:
        simulator.put(photos, name, b"x" * 1500)
    public = simulator.add_bucket("public-site", "allPublic").bucket_id
    for n in range(MANY):
        simulator.put(public, f"page-{n:03}.html", b"hello")
    with serve_in_thread(simulator) as running:
        yield running


@pytest.fixture
def page(browser: WebDriver, server: RunningServer) -> WebDriver:
    browser.set_window_size(1280, 1000)
    browser.get(server.url + "/")
    return browser


def rows(page: WebDriver, section: str) -> list[list[str]]:
    """What stands in the cells of the tables of a section, as the browser shows it."""
    found: list[list[str]] = page.execute_script(_ROWS, section)
    return found


_ROWS = """
    const rows = document.querySelectorAll(`#${arguments[0]} tbody tr`);
    return [...rows].map(row => [...row.children].map(cell => cell.innerText));
"""


def open_bucket(page: WebDriver, name: str) -> None:
    page.find_element(By.LINK_TEXT, name).click()


def test_it_shows_the_buckets(page: WebDriver, server: RunningServer) -> None:
    assert page.title == "b2pure: simulated B2"
    photos, public = rows(page, "buckets")
    assert (photos[0], photos[1], photos[3:]) == ("photos", "allPrivate", ["5", "5", "7.50 kB", "0"])
    assert (public[0], public[1], public[3:]) == ("public-site", "allPublic", [str(MANY), str(MANY), "505 B", "0"])
    shown = page.find_element(By.TAG_NAME, "body").text
    assert server.url in shown
    assert server.simulator.master_key not in page.page_source


def test_hostile_names_are_shown_and_do_nothing(page: WebDriver) -> None:
    open_bucket(page, "photos")
    assert {row[0] for row in rows(page, "files")} == {printable(name) for name in HOSTILE}
    assert page.title == "b2pure: simulated B2"
    assert page.find_elements(By.CSS_SELECTOR, "script, img") == []
    assert len(page.find_elements(By.TAG_NAME, "h1")) == 1


def test_files_are_turned_over_page_by_page(page: WebDriver) -> None:
    open_bucket(page, "public-site")
    first = [row[0] for row in rows(page, "files")]
    page.find_element(By.LINK_TEXT, "Next page").click()
    assert first + [row[0] for row in rows(page, "files")] == [f"page-{n:03}.html" for n in range(MANY)]
    page.find_element(By.LINK_TEXT, "First page").click()
    assert [row[0] for row in rows(page, "files")] == first


def test_requests_grow_with_what_is_asked(page: WebDriver, server: RunningServer) -> None:
    before = len(rows(page, "requests"))
    with connect(server.simulator.master_key_id, server.simulator.master_key, realm=server.url).unwrap() as client:
        client.buckets().unwrap()
    page.refresh()
    after = rows(page, "requests")
    assert len(after) == before + 2
    assert [row[2].split()[-1] for row in after[:2]] == ["b2_list_buckets", "b2_authorize_account"]
    assert [row[5] for row in after[:2]] == ["200", "200"]
    calls = {row[0]: row[1] for row in rows(page, "usage") if len(row) == 2}
    assert calls["b2_list_buckets"] == "1"


def test_the_style_is_taken_and_the_console_stays_empty(page: WebDriver) -> None:
    body = page.find_element(By.TAG_NAME, "body")
    assert body.value_of_css_property("font-size") == "15px"
    assert body.value_of_css_property("margin-top") == "0px"
    if isinstance(page, webdriver.Chrome):
        chrome: Any = page
        assert chrome.get_log("browser") == []


def test_it_follows_the_wish_for_dark_or_light(page: WebDriver) -> None:
    if not isinstance(page, webdriver.Chrome):
        pytest.skip("only Chromium can be told the wish")
    colours = set()
    for scheme in ("light", "dark"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        colours.add(page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color"))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert len(colours) == 2


def test_a_narrow_window_does_not_scroll_sideways(page: WebDriver) -> None:
    page.set_window_size(500, 900)
    open_bucket(page, "photos")
    width, room = page.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert width <= room
