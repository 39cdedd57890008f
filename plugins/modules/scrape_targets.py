#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: scrape_targets
short_description: Manage targets and rules of Prometheus, and wait until the targets are up
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Writes files with targets and rules into a separate directory, and adds them between two marker lines to the configuration of
    Prometheus. Every other byte of that file is kept.
  - Lets C(promtool) check a copy of all files before it writes anything, in check mode too. If the check fails, nothing is changed.
  - Reloads Prometheus if the configuration or a rule differs, and checks that the reload succeeded. If it failed, the old files are
    restored and loaded again. A change of targets needs no reload.
  - Waits until each target is up, also if nothing was written. Waiting is not a change. Check mode does not wait.
  - Removes jobs and rules that are no longer listed. Files that this module has not written are left unchanged.
extends_documentation_fragment:
  - gofleet.hosts._attributes
  - gofleet.hosts._attributes.actiongroup
requirements:
  - C(promtool) and Prometheus 2.42 or later, run by systemd with a reload command, as in the packages of Debian
options:
  targets:
    description:
      - The targets to scrape. Entries with the same job become groups of one job.
    type: list
    elements: dict
    default: []
    suboptions:
      job:
        description:
          - The label C(job) of the series. The name in the configuration is C(gofleet-<job>), so that it cannot conflict with an existing
            job.
        type: str
        required: true
      targets:
        description: Addresses as C(host:port), with brackets around an IPv6 address.
        type: list
        elements: str
        required: true
      labels:
        description:
          - Labels of these targets. Labels that start with two underscores, such as C(__metrics_path__) and C(__scheme__), configure the
            scrape.
        type: dict
        default: {}
  rules:
    description: Rule files.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the file without its suffix.
        type: str
        required: true
      content:
        description: The content of the file, as text or as a dictionary with C(groups).
        type: raw
        required: true
  config:
    description:
      - The configuration of Prometheus. Its lists C(scrape_configs) and C(rule_files), if present, must be YAML block lists.
    type: path
    default: /etc/prometheus/prometheus.yml
  directory:
    description: The directory for the files, with C(targets/<job>.json) and C(rules/<name>.yml).
    type: path
    default: /etc/prometheus/gofleet
  url:
    description: Address of this Prometheus server as seen on its host.
    type: str
    default: http://127.0.0.1:9090
  unit:
    description: The systemd unit to reload.
    type: str
    default: prometheus.service
  scrape_interval:
    description: Scrape interval of these jobs, as a PromQL duration.
    type: str
    default: 15s
  wait_up:
    description:
      - How long to wait for the targets, in seconds. V(0) does not wait.
      - A new target is scraped within one O(scrape_interval).
    type: int
    default: 120
"""

EXAMPLES = r"""
- name: Scrape two hosts and one service
  gofleet.hosts.scrape_targets:
    targets:
      - job: node
        targets: [10.0.0.11:9100, 10.0.0.12:9100]
      - job: hello
        targets: [10.0.0.11:8080]
        labels:
          host: web1
          __metrics_path__: /internal/metrics
    rules:
      - name: targets
        content:
          groups:
            - name: targets
              rules:
                - alert: TargetDown
                  expr: up == 0
                  for: 2m

- name: Remove everything that this module has written
  gofleet.hosts.scrape_targets:
    targets: []
"""

RETURN = r"""
up:
  description:
    - Health of each target in Prometheus after the run. RV(up[].health) is V(up), V(down), V(unknown) (not scraped yet) or V(absent)
      (not listed).
  returned: success
  type: list
  elements: dict
  sample: [{job: node, instance: "10.0.0.11:9100", health: up, last_error: ""}]
  contains:
    job:
      description: The job.
      returned: success
      type: str
    instance:
      description: The address as given.
      returned: success
      type: str
    health:
      description: The health.
      returned: success
      type: str
    last_error:
      description: The error of the last scrape, empty if there was none.
      returned: success
      type: str
reloaded:
  description: Whether Prometheus was reloaded.
  returned: success
  type: bool
  sample: true
unchecked:
  description: What could not be checked in check mode, because the host has no Prometheus yet.
  returned: success
  type: list
  elements: str
  sample: [promtool is not on this host yet, so the files were not checked]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._converge import converge
from ..module_utils._errors import HostError
from ..module_utils._prometheus.api import http_fetch
from ..module_utils._prometheus.files import parse_scraping
from ..module_utils._prometheus.plan import Server, plan_scraping
from ..module_utils._run import host_runner

TARGET = {
    "job": {"type": "str", "required": True},
    "targets": {"type": "list", "elements": "str", "required": True},
    "labels": {"type": "dict", "default": {}},
}
RULE = {
    "name": {"type": "str", "required": True},
    "content": {"type": "raw", "required": True},
}
ARGUMENTS = {
    "targets": {"type": "list", "elements": "dict", "options": TARGET, "default": []},
    "rules": {"type": "list", "elements": "dict", "options": RULE, "default": []},
    "config": {"type": "path", "default": "/etc/prometheus/prometheus.yml"},
    "directory": {"type": "path", "default": "/etc/prometheus/gofleet"},
    "url": {"type": "str", "default": "http://127.0.0.1:9090"},
    "unit": {"type": "str", "default": "prometheus.service"},
    "scrape_interval": {"type": "str", "default": "15s"},
    "wait_up": {"type": "int", "default": 120},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    options = module.params
    try:
        plan = plan_scraping(
            parse_scraping(options["targets"], options["rules"], interval=options["scrape_interval"]),
            Server(**{name: options[name] for name in Server._fields}),
            run=host_runner(module),
            fetch=http_fetch(options["url"]),
        )
        converge(module, plan)
    except HostError as error:
        module.fail_json(**error.report())


if __name__ == "__main__":
    main()
