# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a real browser, and make pages of fleets to open in it."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import sys
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.comparison import compare
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.host import host_facts
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.page import page_of
from ansible_collections.gofleet.hosts.plugins.plugin_utils._fleet.report import fleet_of
from lab.packages import install
from playwright.sync_api import Browser, Page, sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATES = HERE.parents[1] / "playbooks" / "templates"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
sys.path.insert(0, str(HERE))

import synthetic_fleet  # noqa: E402 pytest does not add this directory to the path


def _chromium() -> str:
    """Return the path of the distribution's Chromium, and install it if it is missing."""
    for attempt in range(2):
        found = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if found:
            return found
        if attempt == 0 and shutil.which("apt-get"):
            install(["chromium"])
    pytest.fail("Chromium is not installed. Run as root: apt-get install --no-install-recommends chromium")


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's sandbox needs user namespaces, which root and some distributions lack. The pages are our own.
        started = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield started
        started.close()


class OpenPage(t.NamedTuple):
    """An open page, the URLs that it requested, and its messages on the console, in errors and in dialogs."""

    page: Page
    requests: list[str]
    messages: list[str]


@pytest.fixture
def open_page(browser: Browser) -> t.Iterator[t.Callable[..., OpenPage]]:
    """Return a function that opens a file with the properties of a screen.

    The test fails if the page requested anything else or wrote a message.
    """
    with contextlib.ExitStack() as stack:
        opened: list[tuple[pathlib.Path, OpenPage]] = []

        def open_file(
            path: pathlib.Path, *, width: int = 1280, height: int = 900, **screen: t.Any
        ) -> OpenPage:
            context = browser.new_context(viewport={"width": width, "height": height}, **screen)
            stack.callback(context.close)
            page = context.new_page()
            opened_page = OpenPage(page, [], [])
            page.on("request", lambda request: opened_page.requests.append(request.url))
            page.on("console", lambda message: opened_page.messages.append(message.text))
            page.on("pageerror", lambda error: opened_page.messages.append(str(error)))
            page.on("dialog", lambda dialog: (opened_page.messages.append(dialog.message), dialog.dismiss()))
            page.goto(path.as_uri())
            opened.append((path, opened_page))
            return opened_page

        yield open_file
        for path, opened_page in opened:
            assert opened_page.requests == [path.as_uri()]
            assert opened_page.messages == []


def fleet(count: int, *, seed: int = 1, compared: bool = False) -> dict[str, t.Any]:
    """Return the report of a synthetic fleet, on request compared with that of another seed."""
    groups = synthetic_fleet.inventory(count)
    results = {host: synthetic_fleet.results_of(host, seed=seed) for host in groups["all"]}
    made = fleet_of(
        {host: host_facts(one) for host, one in results.items()},
        groups=groups,
        generated="2026-11-22T22:00:00Z",
    )
    if compared:
        made["comparison"] = compare(fleet(count, seed=seed + 1), made)
    return made


@pytest.fixture(scope="session")
def page_file(
    tmp_path_factory: pytest.TempPathFactory,
) -> t.Callable[[str, t.Mapping[str, t.Any]], pathlib.Path]:
    """Return a function that writes the page of a report and returns its path."""
    directory = tmp_path_factory.mktemp("fleet")

    def write(name: str, made: t.Mapping[str, t.Any]) -> pathlib.Path:
        path = directory / f"{name}.html"
        path.write_text(page_of(made, templates=TEMPLATES), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def large(page_file: t.Callable[..., pathlib.Path]) -> pathlib.Path:
    """Return the page of 1,000 hosts, compared with an earlier run."""
    return page_file("large", fleet(1000, compared=True))


@pytest.fixture(scope="session")
def small(page_file: t.Callable[..., pathlib.Path]) -> pathlib.Path:
    """Return the page of 30 hosts, compared with an earlier run."""
    return page_file("small", fleet(30, compared=True))
