# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_report
short_description: Make the files of the fleet report from the facts of the hosts
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Takes the fact C(gofleet) of each host and returns the text of C(fleet.json) and C(fleet.html).
  - If the report would differ from O(existing) only in its time, O(existing) is returned with its time, so that writing it changes nothing.
  - The page is one file that makes no request. It is made from C(fleet.json) alone.
positional: _input, hosts
options:
  _input:
    description: The variables of the hosts by host name, such as C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts of the report. A host without the fact is reported as unreachable.
    type: list
    elements: str
    required: true
  groups:
    description: The hosts of each group by group name, such as C(groups). Hosts of one group are compared with each other.
    type: dict
    default: {}
  existing:
    description:
      - Text of the C(fleet.json) that will be overwritten. Empty if there is none.
      - Without O(previous), the report is compared with it, unless it has another schema.
    type: str
    default: ""
  previous:
    description: Text of an earlier C(fleet.json) to compare with.
    type: str
    default: ""
  previous_path:
    description: Where O(previous) comes from, for messages.
    type: str
    default: previous
  generated:
    description: The time of the report, in UTC, for example V(2026-11-22T22:00:00Z). The default is the current time.
    type: str
seealso:
  - plugin: gofleet.hosts.fleet_host
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the report
  ansible.builtin.copy:
    dest: "/srv/report/{{ item.name }}"
    content: "{{ item.content }}"
    mode: "0644"
  loop: "{{ hostvars | gofleet.hosts.fleet_report(ansible_play_hosts_all, groups=groups) }}"
  loop_control:
    label: "{{ item.name }}"
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The files, each with C(name) and C(content).
  type: list
  elements: dict
  sample:
    - {name: fleet.json, content: "{...}"}
    - {name: fleet.html, content: "<!doctype html>..."}
"""

import pathlib
import time
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import HostError
from ..module_utils._iso_time import iso_time
from ..plugin_utils._fleet.files import fleet_files
from ..plugin_utils._fleet.host import no_facts
from ..plugin_utils._fleet.schema import SCHEMA
from ..plugin_utils._fleet.untag import untag

_TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "playbooks" / "templates"


def _filter(
    hostvars: t.Any,
    hosts: t.Any,
    *,
    groups: t.Any = None,
    existing: str = "",
    previous: str = "",
    previous_path: str = "previous",
    generated: str | None = None,
) -> list[dict[str, str]]:
    """Return the name and the content of each file, for the options of the documentation."""
    if not isinstance(hostvars, Mapping) or not isinstance(hosts, (list, tuple)):
        raise AnsibleFilterError(
            "gofleet.hosts.fleet_report: wanted hostvars and a list of host names; found "
            f"{type(hostvars).__name__} and {type(hosts).__name__}. "
            "Write hostvars | gofleet.hosts.fleet_report(ansible_play_hosts_all)."
        )
    try:
        return fleet_files(
            {str(host): _facts(hostvars, host) for host in hosts},
            groups={str(group): untag(members) for group, members in (groups or {}).items()},
            existing=str(existing),
            previous=str(previous),
            previous_path=str(previous_path),
            generated=generated or iso_time(time.time()),
            templates=_TEMPLATES,
        )
    except HostError as error:
        raise AnsibleFilterError(str(error))


def _facts(hostvars: t.Mapping[str, t.Any], host: str) -> dict[str, t.Any]:
    """Return the fact of a host, or that of an unreachable host if it has none."""
    variables = hostvars.get(host) or {}
    facts = variables.get("gofleet") or variables.get("ansible_facts", {}).get("gofleet")
    # A fact cache may contain a fact from another version of the collection.
    if not isinstance(facts, Mapping) or facts.get("schema") != SCHEMA:
        return no_facts("unreachable")
    return t.cast("dict[str, t.Any]", untag(facts))


class FilterModule:
    """The filter of the collection with this name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_report": _filter}
