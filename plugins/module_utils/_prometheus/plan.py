# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Compare the wanted jobs and rules with Prometheus and plan what to change, without losing a scrape."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from .._atomic import read_text, write_text
from .._converge import Plan
from .._errors import HostError
from .._run import Runner
from .api import Fetch, ReloadStatus, target_health, wait_ready, wait_reloaded, wait_up
from .config import edit_config, marked_paths
from .files import Scraping
from .promtool import check_staged

__all__ = ["Server", "plan_scraping"]


class Server(t.NamedTuple):
    """The files, the address and the systemd unit of a Prometheus server."""

    config: str
    directory: str
    url: str
    unit: str
    wait_up: int  # seconds; 0 does not wait


Files = t.Dict[str, t.Optional[str]]  # path -> text, or None where there is no file


def plan_scraping(scraping: Scraping, server: Server, *, run: Runner, fetch: Fetch) -> Plan:
    """Compare with the host, let promtool check what would be written, and return the plan.

    :raises HostError: promtool refuses the files, or prometheus.yml cannot be edited
    """
    # Writing replaces a link, so resolve it here.
    server = server._replace(config=os.path.realpath(server.config))
    text = read_text(server.config)
    wanted: Files = dict(scraping.files(server.directory))
    ours = [path for path in marked_paths(text or "") if path.startswith(f"{server.directory}/")]
    before: Files = {path: read_text(path) for path in {*wanted, *ours}}
    after: Files = {path: wanted.get(path) for path in before}
    before[server.config] = text
    after[server.config] = (
        edit_config(text or "", scraping.items(server.directory), path=server.config) or text
    )
    changed = {path for path in after if after[path] != before[path]}
    unchecked = None
    if changed:
        unchecked = check_staged(text, scraping, config=server.config, directory=server.directory, run=run)
    targets = scraping.targets()

    def apply() -> dict[str, t.Any]:
        if unchecked is not None:
            raise HostError(
                "promtool",
                wanted="the command, to check the files",
                found=unchecked,
                remedy="Install Prometheus first.",
            )
        return {"reloaded": _apply(before, after, server, run=run, fetch=fetch)}

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
            "unchecked": [unchecked] if unchecked else [],
        },
    )


def _existing(files: Files) -> dict[str, str]:
    return {path: text for path, text in files.items() if text is not None}


def _apply(before: Files, after: Files, server: Server, *, run: Runner, fetch: Fetch) -> bool:
    """Write what differs and reload Prometheus.

    Files of targets need no reload, because Prometheus watches them.

    :returns: whether it was reloaded
    """
    changed = [path for path in after if after[path] != before[path]]
    reload = any(not path.endswith(".json") for path in changed)
    since = wait_ready(fetch, url=server.url) if reload else None
    try:
        # Files to remove stay until the configuration no longer names them.
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


def _reload(server: Server, *, since: ReloadStatus, run: Runner, fetch: Fetch) -> None:
    done = run(["systemctl", "reload", server.unit])
    if done.rc == 0 and wait_reloaded(fetch, since=since):
        return
    found = done.err.strip()
    if done.rc == 0:
        log = run(["journalctl", "--unit", server.unit, "--lines", "5", "--output", "cat", "--no-pager"])
        found = f"a failed reload; its log ends with: {log.out.strip()}"
    raise HostError(
        server.unit,
        wanted="a reload with the new configuration",
        found=found,
        remedy=f"The old files are restored. Correct the cause, or `unit` and `url` ({server.url}).",
    )


def _write(files: Files, server: Server) -> None:
    # Write the configuration last, because it names the other files.
    for path in sorted(files, key=lambda name: name == server.config):
        text = files[path]
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        else:
            _write_readable(path, text, server)


def _write_readable(path: str, text: str, server: Server) -> None:
    """Write a file that Prometheus can read as its own user.

    The owner and mode of an existing file are kept.
    """
    parent = os.path.dirname(path)
    missing = [item for item in (server.directory, parent) if not os.path.isdir(item)]
    os.makedirs(parent, exist_ok=True)
    for directory in missing:
        os.chmod(directory, 0o755)  # independent of the umask
    try:
        kept = os.stat(path)
    except FileNotFoundError:
        write_text(path, text)
    else:
        write_text(path, text, mode=stat.S_IMODE(kept.st_mode))
        os.chown(path, kept.st_uid, kept.st_gid)
