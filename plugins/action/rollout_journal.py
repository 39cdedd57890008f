# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._atomic import write_text
from ..module_utils._errors import HostError
from ..plugin_utils._rollout.journal import Journal, Writer, this_writer, timestamp
from ..plugin_utils._rollout.release_id import release_id, services_of
from ..plugin_utils._rollout.report import report_lines, rollout_report
from ..plugin_utils._rollout.run import Opened, Wish, open_rollout
from ..plugin_utils._rollout.spec import journal_spec
from ..plugin_utils._rollout.state import fold, fold_host
from ..plugin_utils._rollout.waves import part_of, rollout_waves

Result = t.Dict[str, t.Any]


class ActionModule(ActionBase):
    """Writes the journal of a rollout on the controller; nothing runs on the host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        super().run(tmp, task_vars)
        dummy, options = self.validate_argument_spec(**journal_spec())
        directory = os.path.abspath(os.path.expanduser(options["directory"]))
        # A task runs in a child of ansible-playbook, and ends with it; whose child was left behind writes no more.
        writer = None if self._task.check_mode else this_writer(os.getppid())
        try:
            if options["plan"] is not None:
                return self._open(directory, options, writer=writer)
            if writer is None:
                return _nothing_written()
            journal = Journal(directory, options["run"])
            if options["host"] is not None:
                return _of_host(journal, options, writer=writer)
            return _judge(journal, end=options["end"], writer=writer)
        except HostError as error:
            return {"failed": True, **error.report()}

    def _open(self, directory: str, options: Result, *, writer: Writer | None) -> Result:
        plan = options["plan"]
        services = services_of(plan["described"], plan["services"])
        hosts = list(plan["described"])
        names = sorted({service["name"] for service in services})
        _refuse_nothing(names, plan["services"])
        release = release_id(services, base=self._loader.get_basedir())
        salt = plan["salt"] or release
        waves = rollout_waves(
            hosts,
            salt=salt,
            canary=plan["canary"],
            canary_min=plan["canary_min"],
            canary_hosts=plan["canary_hosts"],
            waves=plan["waves"],
        )
        wish = Wish(
            directory=directory,
            hosts=hosts,
            services=names,
            release=release,
            salt=salt,
            budget=part_of(plan["budget"], len(hosts), option="rollout_budget"),
            waves=waves,
            run=options["run"] or "",
            abandon=plan["abandon"],
            takeover=plan["takeover"],
        )
        return _planned(open_rollout(wish, writer=writer))


def _planned(opened: Opened) -> Result:
    rollout = opened.rollout
    return {
        "changed": False,
        "run": opened.journal.run,
        "path": opened.journal.path,
        "resumed": opened.resumed,
        "release": rollout.release,
        "services": rollout.services,
        "hosts": list(rollout.hosts),
        "budget": rollout.budget,
        "halted": rollout.halted,
        "waves": rollout.remaining(),
    }


def _refuse_nothing(found: t.Sequence[str], wanted: t.Sequence[str]) -> None:
    lost = sorted(set(wanted) - set(found))
    if lost or not found:
        raise HostError(
            "rollout_services",
            wanted="services that are described in go_service_services",
            found=f"no {', '.join(lost) or 'service at all'}",
            remedy="Correct the names, or describe them.",
        )


def _nothing_written() -> Result:
    """Check mode: no journal, every host as if the run had just begun."""
    return {
        "changed": False,
        "halted": False,
        "revert": [],
        "decision": "keep",
        "state": fold_host([])._asdict(),
    }


def _of_host(journal: Journal, options: Result, *, writer: Writer) -> Result:
    """Write where a host is, or read it together with whether the run goes on."""
    host = options["host"]
    if options["state"] is not None:
        event = {"event": "host", "host": host, "state": options["state"], **(options["facts"] or {})}
        journal.append(event, writer=writer)
        return {"changed": False, "state": fold_host(journal.events(host=host))._asdict()}
    rollout = fold(journal.events())
    return {"changed": False, "halted": rollout.halted, "state": rollout.hosts[host]._asdict()}


def _judge(journal: Journal, *, end: bool, writer: Writer) -> Result:
    """Decide, once, whether the run is kept; at the end write the report and leave the journal."""
    rollout = fold(journal.events())
    if not rollout.decision:
        decision = "revert" if len(rollout.failures) > rollout.budget else "keep"
        journal.append({"event": "verdict", "decision": decision, "failed": rollout.failures}, writer=writer)
        rollout = fold(journal.events())
    result: Result = {"changed": False, "decision": rollout.decision, "revert": rollout.to_revert()}
    if end:
        report = rollout_report(rollout, run=journal.run, ended=timestamp())
        path = os.path.join(journal.directory, f"{journal.run}.json")
        write_text(path, json.dumps(report, indent=1) + "\n", mode=0o600)
        journal.append({"event": "end", "outcome": report["outcome"]}, writer=writer)
        journal.release()
        result.update(report=report, path=path, lines=report_lines(report))
    return result
