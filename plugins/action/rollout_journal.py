# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ..module_utils._errors import HostError
from ..plugin_utils._action import HostAction, Result
from ..plugin_utils._rollout.journal import Journal, Writer, this_writer
from ..plugin_utils._rollout.report import report_lines
from ..plugin_utils._rollout.run import OpenedRun, RunRequest, open_rollout
from ..plugin_utils._rollout.state import STATES, fold, fold_host
from ..plugin_utils._rollout.verdict import decide, end_run
from ..plugin_utils._rollout.waves import part_of, rollout_waves
from ..plugin_utils._service.release_id import release_id, services_of, versions_of


def journal_spec() -> dict[str, t.Any]:
    """Return the arguments for ``validate_argument_spec``."""
    plan = {
        "described": {"type": "dict", "required": True},
        "services": {"type": "list", "elements": "str", "default": []},
        "salt": {"type": "str", "default": ""},
        "canary": {"type": "str", "default": "1"},
        "canary_min": {"type": "int", "default": 1},
        "canary_hosts": {"type": "list", "elements": "str", "default": []},
        "waves": {"type": "list", "elements": "str", "default": ["25%", "100%"]},
        "budget": {"type": "str", "default": "0"},
        "takeover": {"type": "bool", "default": False},
        "abandon": {"type": "str", "default": ""},
    }
    return {
        "argument_spec": {
            "directory": {"type": "path", "required": True},
            "run": {"type": "str"},
            "plan": {"type": "dict", "options": plan},
            "host": {"type": "str"},
            "state": {"type": "str", "choices": list(STATES)},
            "facts": {"type": "dict"},
            "end": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [("plan", "host")],
        "required_by": {"state": ("host",), "facts": ("state",)},
        "required_one_of": [("plan", "run")],
    }


class ActionModule(HostAction):
    """
    Write the journal of a rollout on the controller. Nothing runs on the host.

    What identifies a release comes from _service; _rollout does not know what it rolls out.
    """

    _requires_connection = False

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(**journal_spec())
        directory = os.path.abspath(os.path.expanduser(options["directory"]))
        # A task runs in a child process of ansible-playbook. A child that outlives ansible-playbook gets another
        # parent, and the journal then refuses it.
        writer = None if self._task.check_mode else this_writer(os.getppid())
        if options["plan"] is not None:
            return self._open(directory, options, writer=writer)
        if writer is None:
            return _nothing_written()
        journal = Journal(directory, options["run"])
        if options["host"] is not None:
            return _of_host(journal, options, writer=writer)
        return _judge(journal, end=options["end"], writer=writer)

    def _open(self, directory: str, options: Result, *, writer: Writer | None) -> Result:
        plan = options["plan"]
        services = services_of(plan["described"], plan["services"])
        hosts = list(plan["described"])
        names = sorted({service["name"] for service in services})
        _refuse_unknown(names, plan["services"])
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
        request = RunRequest(
            directory=directory,
            hosts=hosts,
            components=names,
            release=release,
            salt=salt,
            budget=part_of(plan["budget"], len(hosts), option="rollout_budget"),
            waves=waves,
            run=options["run"] or "",
            abandon=plan["abandon"],
            takeover=plan["takeover"],
        )
        return _planned(open_rollout(request, writer=writer))


def _planned(opened: OpenedRun) -> Result:
    rollout = opened.rollout
    return {
        "changed": False,
        "run": opened.journal.run,
        "path": opened.journal.path,
        "resumed": opened.resumed,
        "release": rollout.release,
        "services": rollout.components,
        "hosts": list(rollout.hosts),
        "budget": rollout.budget,
        "halted": rollout.halted,
        "waves": rollout.remaining(),
    }


def _refuse_unknown(found: t.Sequence[str], wanted: t.Sequence[str]) -> None:
    unknown = sorted(set(wanted) - set(found))
    if unknown or not found:
        raise HostError(
            "rollout_services",
            wanted="services that are described in go_service_services",
            found=f"no {', '.join(unknown) or 'service at all'}",
            remedy="Correct the names, or describe the services.",
        )


def _nothing_written() -> Result:
    """Return the answer of check mode, which has no journal: each host is as at the beginning of a run."""
    return {
        "changed": False,
        "halted": False,
        "revert": [],
        "decision": "keep",
        "state": fold_host([])._asdict(),
    }


def _of_host(journal: Journal, options: Result, *, writer: Writer) -> Result:
    """Write the state of a host; without a state, read it and whether the run is halted."""
    host = options["host"]
    if options["state"] is not None:
        event = {"event": "host", "host": host, "state": options["state"], **(options["facts"] or {})}
        journal.append(event, writer=writer)
        return {"changed": False, "state": fold_host(journal.events(host=host))._asdict()}
    rollout = fold(journal.events())
    return {"changed": False, "halted": rollout.halted, "state": rollout.hosts[host]._asdict()}


def _judge(journal: Journal, *, end: bool, writer: Writer) -> Result:
    """Decide whether the run is kept. With ``end``, end it as well."""
    rollout = decide(journal, writer=writer)
    result: Result = {"changed": False, "decision": rollout.decision, "revert": rollout.to_revert()}
    if end:
        ended = end_run(journal, versions_of=versions_of, writer=writer)
        result.update(report=ended.report, path=ended.path, lines=report_lines(ended.report))
    return result
