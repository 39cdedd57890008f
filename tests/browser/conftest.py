# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real browser, and pages of fleets to open in it."""

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

import synthetic_fleet  # noqa: E402 beside this file, which pytest does not put on the path


def _chromium() -> str:
    """The browser of the distribution, installed if it is not there."""
    for attempt in range(2):
        found = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if found:
            return found
        if attempt == 0 and shutil.which("apt-get"):
            install(["chromium"])
    pytest.fail("wanted Chromium, found none; as root: apt-get install --no-install-recommends chromium")


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Browser]:
    with sync_playwright() as playwright:
        # The browser's sandbox needs user namespaces, which root and some distributions lack; the pages are ours.
        started = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        yield started
        started.close()


class Watched(t.NamedTuple):
    """An open page with what it did beside being shown."""

    page: Page
    requests: list[str]
    complaints: list[str]


@pytest.fixture
def open_page(browser: Browser) -> t.Iterator[t.Callable[..., Watched]]:
    """Opens a file with the properties of a screen; the test fails if the page complained or asked for anything."""
    with contextlib.ExitStack() as stack:
        opened: list[tuple[pathlib.Path, Watched]] = []

        def open_file(
            path: pathlib.Path, *, width: int = 1280, height: int = 900, **screen: t.Any
        ) -> Watched:
            context = browser.new_context(viewport={"width": width, "height": height}, **screen)
            stack.callback(context.close)
            page = context.new_page()
            watched = Watched(page, [], [])
            page.on("request", lambda request: watched.requests.append(request.url))
            page.on("console", lambda message: watched.complaints.append(message.text))
            page.on("pageerror", lambda error: watched.complaints.append(str(error)))
            page.on("dialog", lambda dialog: (watched.complaints.append(dialog.message), dialog.dismiss()))
            page.goto(path.as_uri())
            opened.append((path, watched))
            return watched

        yield open_file
        for path, watched in opened:
            assert watched.requests == [path.as_uri()]
            assert watched.complaints == []


def fleet(count: int, *, seed: int = 1, compared: bool = False) -> dict[str, t.Any]:
    """The report of so many hosts."""
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
    """Writes the page of a report."""
    directory = tmp_path_factory.mktemp("fleet")

    def write(name: str, made: t.Mapping[str, t.Any]) -> pathlib.Path:
        path = directory / f"{name}.html"
        path.write_text(page_of(made, templates=TEMPLATES), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def large(page_file: t.Callable[..., pathlib.Path]) -> pathlib.Path:
    """The page of 1,000 hosts, compared with an earlier run."""
    return page_file("large", fleet(1000, compared=True))


@pytest.fixture(scope="session")
def small(page_file: t.Callable[..., pathlib.Path]) -> pathlib.Path:
    """The page of 30 hosts, compared with an earlier run."""
    return page_file("small", fleet(30, compared=True))
