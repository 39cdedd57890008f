# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What has to change so that Prometheus scrapes what is wanted, and how to change it without losing a scrape."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from .._atomic import read_text, write_text
from .._converge import Plan
from .._errors import HostError
from .._run import Runner
from .api import Fetch, Loaded, target_health, wait_answer, wait_loaded, wait_up
from .config import edit, marked_paths
from .files import Scraping
from .promtool import check_staged

__all__ = ["Server", "plan_scraping"]


class Server(t.NamedTuple):
    """Where Prometheus is, and how to ask it."""

    config: str
    directory: str
    url: str
    unit: str
    wait_up: int  # seconds; 0: do not wait


Files = t.Dict[str, t.Optional[str]]  # path -> text; None: no such file


def plan_scraping(scraping: Scraping, server: Server, *, run: Runner, fetch: Fetch) -> Plan:
    """Compare with the host, and have promtool check whatever would be written."""
    # A link is followed here, since writing replaces it.
    server = server._replace(config=os.path.realpath(server.config))
    text = read_text(server.config)
    wanted: Files = dict(scraping.files(server.directory))
    ours = [path for path in marked_paths(text or "") if path.startswith(f"{server.directory}/")]
    before: Files = {path: read_text(path) for path in {*wanted, *ours}}
    after: Files = {path: wanted.get(path) for path in before}
    before[server.config] = text
    after[server.config] = edit(text or "", scraping.items(server.directory), path=server.config) or text
    changed = {path for path in after if after[path] != before[path]}
    hidden = None
    if changed:
        hidden = check_staged(text, scraping, config=server.config, directory=server.directory, run=run)
    targets = scraping.targets()

    def apply() -> dict[str, t.Any]:
        if hidden is not None:
            raise HostError(
                "promtool", wanted="it, to check the files", found=hidden, remedy="Install Prometheus first."
            )
        return {"reloaded": _put_in_force(before, after, server, run=run, fetch=fetch)}

    def hold() -> dict[str, t.Any]:
        if not (server.wait_up and targets):
            return {"up": [item.report() for item in target_health(fetch, targets)]}
        return {"up": [item.report() for item in wait_up(fetch, targets, seconds=server.wait_up)]}

    return Plan(
        before=_existing(before),
        after=_existing(after),
        apply=apply,
        hold=hold,
        result={
            "reloaded": False,
            "up": [item.report() for item in target_health(fetch, targets)],
            "unchecked": [hidden] if hidden else [],
        },
    )


def _existing(files: Files) -> dict[str, str]:
    return {path: text for path, text in files.items() if text is not None}


def _put_in_force(before: Files, after: Files, server: Server, *, run: Runner, fetch: Fetch) -> bool:
    """Write what differs, and have it loaded. Targets alone need no reload: Prometheus watches their files."""
    changed = [path for path in after if after[path] != before[path]]
    reload = any(not path.endswith(".json") for path in changed)
    since = wait_answer(fetch, url=server.url) if reload else None
    try:
        # Files that go wait until nothing names them any more.
        _write({path: after[path] for path in changed if after[path] is not None}, server)
        if since is not None:
            _reload(server, since=since, run=run, fetch=fetch)
    except (HostError, OSError):
        _write({path: before[path] for path in changed}, server)
        if since is not None:
            run(["systemctl", "reload", server.unit])
        raise
    _write({path: None for path in changed if after[path] is None}, server)
    return reload


def _reload(server: Server, *, since: Loaded, run: Runner, fetch: Fetch) -> None:
    done = run(["systemctl", "reload", server.unit])
    if done.rc == 0 and wait_loaded(fetch, since=since):
        return
    found = done.err.strip()
    if done.rc == 0:
        log = run(["journalctl", "--unit", server.unit, "--lines", "5", "--output", "cat", "--no-pager"])
        found = f"none; its log ends with: {log.out.strip()}"
    raise HostError(
        server.unit,
        wanted="a reload that takes the new configuration",
        found=found,
        remedy=f"The old files are back. Correct the cause, or unit and url ({server.url}).",
    )


def _write(files: Files, server: Server) -> None:
    # The configuration last, since it names the others.
    for path in sorted(files, key=lambda name: name == server.config):
        text = files[path]
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        else:
            _write_readable(path, text, server)


def _write_readable(path: str, text: str, server: Server) -> None:
    """Prometheus runs as a user of its own: what it could read before, it can read afterwards."""
    parent = os.path.dirname(path)
    missing = [item for item in (server.directory, parent) if not os.path.isdir(item)]
    os.makedirs(parent, exist_ok=True)
    for directory in missing:
        os.chmod(directory, 0o755)  # whatever the umask says
    try:
        kept = os.stat(path)
    except FileNotFoundError:
        write_text(path, text)
    else:
        write_text(path, text, mode=stat.S_IMODE(kept.st_mode))
        os.chown(path, kept.st_uid, kept.st_gid)
