#!/usr/bin/python
# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: metrics_gate
short_description: Check conditions on metrics, units and health checks over time
version_added: 0.1.0
author: The gofleet authors (@gofleet)
description:
  - Samples conditions several times, judges each of them, and fails if one does not hold. The evidence is returned in both cases.
  - A condition reads series of a page in the Prometheus text format, a query to a Prometheus server, a property of a systemd unit, or
    the HTTP status of an address. Pages are read from the host on which the module runs, so they can listen only on that host.
  - The answer for each condition is V(yes), V(no) or V(unknown). It is unknown if there are too few requests, if a metric is missing, or
    if the buckets are too wide for the limit. V(unknown) fails as V(no) does, unless O(conditions[].required) is false.
  - Counter resets are handled as in PromQL. A series that was missing in the first sample counts from 0.
extends_documentation_fragment:
  - gofleet.hosts._attributes.info
  - gofleet.hosts._attributes.actiongroup
  - gofleet.hosts._gate_conditions
notes:
  - The module waits O(interval) seconds between samples. With more hosts than forks these times add up. To avoid this, take one sample
    before and one after a pause of the whole play, and pass RV(began) of the first to O(since) of the second.
options:
  url:
    description: URL of a page in the Prometheus text format, from which metrics are read.
    type: str
  unix_socket:
    description: Path of a Unix socket to connect to for O(url).
    type: path
  prometheus:
    description: Address of the Prometheus server for queries.
    type: str
  samples:
    description:
      - Number of samples.
      - With 1 and without O(since), counters count from the start of the process, when they were 0.
    type: int
    default: 3
  interval:
    description: Seconds between two samples.
    type: float
    default: 5
  since:
    description: RV(began) of an earlier run. The window begins with that sample.
    type: dict
  baseline:
    description:
      - RV(values) of an earlier run with conditions of the same names, to compare with.
      - If omitted, conditions that compare only measure. If a value is missing in it, the answer is V(unknown).
    type: dict
  headers:
    description: HTTP headers of each request, such as C(Authorization).
    type: dict
    default: {}
  validate_certs:
    description: Whether to verify the certificates of HTTPS addresses.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities that are trusted.
    type: path
  timeout:
    description: Timeout of one request in seconds.
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

- name: Continue only if the new version is not slower and did not restart
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

- name: Check in Prometheus for a minute that the whole fleet is up
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
  description: Whether every condition held. If not, the task fails.
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
      description: What the condition reads.
      type: str
      sample: http_request_duration_seconds_bucket
    required:
      description: Whether V(unknown) makes the gate fail.
      type: bool
      sample: true
    answer:
      description: V(yes), V(no) or V(unknown).
      type: str
      sample: "yes"
    decided_by:
      description:
        - What decided, V(max), V(min), V(equals), V(series) or V(status).
        - V(nothing) for a condition that only measures. For V(unknown), what was missing, V(source), V(count), V(buckets), V(baseline)
          or V(duration). V(buckets) with V(yes) means that the quantile is in the same bucket as in the baseline.
      type: str
      sample: max
    reason:
      description: The reason as a sentence.
      type: str
      sample: quantile 0.99 about 0.0093, at most 0.012
    value:
      description: The value at the end, in the unit of the metric. V(null) if there is none.
      type: float
      sample: 0.0093
    limit:
      description: The limit that applied.
      type: float
      sample: 0.012
    observed:
      description: Number of requests or observations in the window.
      type: float
      sample: 5981
    lower:
      description: Lower bound of the bucket of a quantile.
      type: float
      sample: 0.005
    upper:
      description: Upper bound of the bucket of a quantile. V(null) for the highest bucket.
      type: float
      sample: 0.01
    seconds:
      description: Length of the window. V(null) if it begins with the start of the process.
      type: float
      sample: 30.2
    samples:
      description: What each sample read. C(at) is in seconds since the epoch, C(value) is the sum of all series, C(text) is the property or
        status.
      type: list
      elements: dict
      sample: [{at: 1767225600.1, value: 120345}, {at: 1767225630.3, value: 126326}]
values:
  description: The measured values by name of the condition, in the form of O(baseline).
  returned: always
  type: dict
  sample:
    latency: {value: 0.0093, lower: 0.005, upper: 0.01, observed: 5981}
began:
  description: The first sample, in the form of O(since). If O(since) is set, its value.
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
