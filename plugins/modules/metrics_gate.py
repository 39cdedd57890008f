#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_gate
short_description: Let a play go on only while metrics, units and health checks are as they should be
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Looks at conditions several times, judges each, and fails when one does not hold. What decided is returned either way.
  - A condition looks at series of a page in the Prometheus text format, at a query to a Prometheus server, at a property of a systemd
    unit, or at the HTTP status of an address. Pages are read from where the module runs, so what listens on the host alone can be read.
  - Each condition is answered V(yes), V(no) or V(unknown). Too few requests, a metric that is not there and buckets too wide for the
    limit are unknown, and fail as V(no) does unless O(conditions[].required) is false.
  - Counters may start again at 0 meanwhile. A series that was not there before counts from 0.
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._gate_conditions
notes:
  - It waits O(interval) seconds between samples. With more hosts than forks that adds up; then take one sample before and one after a
    pause of the whole play, and hand RV(began) of the first to O(since) of the second.
options:
  url:
    description: Where metrics are read, a page in the Prometheus text format.
    type: str
  unix_socket:
    description: A Unix socket to ask for O(url) on.
    type: path
  prometheus:
    description: Address of the Prometheus server that queries go to.
    type: str
  samples:
    description:
      - How often to look.
      - With 1 and without O(since), counters count from the start of the process, when they were 0.
    type: int
    default: 3
  interval:
    description: Seconds between two samples.
    type: float
    default: 5
  since:
    description: RV(began) of an earlier run, where the window then begins.
    type: dict
  baseline:
    description:
      - RV(values) of an earlier run with conditions of the same names, to compare with.
      - Left out, conditions that compare only measure. A value that is missing in it makes the answer V(unknown).
    type: dict
  headers:
    description: HTTP headers of each request, such as an C(Authorization).
    type: dict
    default: {}
  validate_certs:
    description: Whether certificates of HTTPS addresses are checked.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of authorities to check them by.
    type: path
  timeout:
    description: Seconds that an address has for its answer.
    type: float
    default: 10
seealso:
  - module: gofleet.hosts.systemd_units
"""

EXAMPLES = r"""
- name: Measure the old version for half a minute
  gofleet.hosts.metrics_gate:
    url: http://127.0.0.1:8080/metrics
    samples: 2
    interval: 30
    conditions:
      - name: errors
        kind: ratio
        metric: http_requests_total
        labels: {code: "=~5.."}
        max: 0.01
        min_count: 100
      - name: latency
        kind: quantile
        metric: http_request_duration_seconds
        quantile: 0.99
        max_ratio: 1.2
        precise: false
  register: old

- name: Go on only if the new version is no slower, and did not restart
  gofleet.hosts.metrics_gate:
    url: http://127.0.0.1:8080/metrics
    baseline: "{{ old['values'] }}"
    conditions:
      - name: latency
        kind: quantile
        metric: http_request_duration_seconds
        max_ratio: 1.2
        precise: false
      - name: restarts
        kind: delta
        unit: hello.service
        max: 0

- name: Fetch Prometheus whether all of the fleet is well, for a minute
  gofleet.hosts.metrics_gate:
    prometheus: http://prometheus.example.com:9090
    samples: 7
    interval: 10
    conditions:
      - name: up
        query: min(up{job="hello"})
        min: 1
        for: 60
      - name: version
        kind: present
        query: hello_build_info{version="1.4.2"}
  delegate_to: localhost
  become: false
"""

RETURN = r"""
passed:
  description: Whether every condition held. If not, the task has failed.
  returned: always
  type: bool
  sample: true
failed_conditions:
  description: Names of the conditions that made it fail.
  returned: always
  type: list
  elements: str
  sample: []
conditions:
  description: The evidence, in the order of O(conditions).
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the condition.
      type: str
      sample: latency
    kind:
      description: Its kind.
      type: str
      sample: quantile
    subject:
      description: What was looked at.
      type: str
      sample: http_request_duration_seconds_bucket
    required:
      description: Whether V(unknown) makes it fail.
      type: bool
      sample: true
    answer:
      description: V(yes), V(no) or V(unknown).
      type: str
      sample: "yes"
    decided_by:
      description:
        - What decided, V(max), V(min), V(equals), V(series) or V(status).
        - V(nothing) where there was only something to measure. For V(unknown), what was missing, V(source), V(count), V(buckets),
          V(baseline) or V(duration). V(buckets) with V(yes) is a quantile in the same bucket as before.
      type: str
      sample: max
    reason:
      description: The same as a sentence.
      type: str
      sample: quantile 0.99 about 0.0093, at most 0.012
    value:
      description: The value at the end, in the unit of the metric. V(null) where there is none.
      type: float
      sample: 0.0093
    limit:
      description: The limit that it was held against.
      type: float
      sample: 0.012
    observed:
      description: Requests or observations in the window.
      type: float
      sample: 5981
    lower:
      description: Lower bound of the bucket that a quantile is in.
      type: float
      sample: 0.005
    upper:
      description: Its upper bound. V(null) for the highest bucket.
      type: float
      sample: 0.01
    seconds:
      description: Length of the window. V(null) where it goes back to the start of the process.
      type: float
      sample: 30.2
    samples:
      description: What each sample saw, C(at) in seconds since the epoch, C(value) the sum of all series, C(text) of a property or status.
      type: list
      elements: dict
      sample: [{at: 1767225600.1, value: 120345}, {at: 1767225630.3, value: 126326}]
values:
  description: What was measured, by name of the condition, as a later run takes it in O(baseline).
  returned: always
  type: dict
  sample:
    latency: {value: 0.0093, lower: 0.005, upper: 0.01, observed: 5981}
began:
  description: The first sample, as a later run takes it in O(since), or the one that was given there.
  returned: always
  type: dict
  sample:
    at: 1767225600.1
    readings: {restarts: {series: {"": 0.0}, of: {}}}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._errors import HostError
from ..module_utils._gate.gate import gate_error, gate_spec, run_gate
from ..module_utils._gate.sample import http_fetch
from ..module_utils._run import host_runner


def main() -> None:
    module = AnsibleModule(argument_spec=gate_spec(), supports_check_mode=True)
    fetch = http_fetch(
        timeout=module.params["timeout"],
        headers=module.params["headers"],
        validate_certs=module.params["validate_certs"],
        ca_path=module.params["ca_path"],
    )
    try:
        report = run_gate(module.params, fetch=fetch, run=host_runner(module))
        if not report["passed"]:
            module.fail_json(**gate_error(report).report(), **report)
        module.exit_json(changed=False, **report)
    except HostError as error:
        module.fail_json(passed=False, **error.report())


if __name__ == "__main__":
    main()
