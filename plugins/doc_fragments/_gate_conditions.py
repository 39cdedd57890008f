# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Document the option ``conditions`` of a gate."""

    DOCUMENTATION = r"""
options:
  conditions:
    description: The conditions. All of them must hold.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the condition in the evidence and in O(baseline).
        type: str
        required: true
      kind:
        description:
          - V(value) is the value of each series in each sample.
          - V(delta) is the increase of counters in the window, summed over all series. V(rate) is the same per second.
          - V(ratio) is the increase of O(conditions[].metric) divided by the increase of O(conditions[].of).
          - V(quantile) is a quantile of a histogram with buckets, from the observations in the window.
          - V(present) means that each sample has a series, V(absence) that no sample has one.
          - V(status) is the HTTP status of O(conditions[].http).
        type: str
        choices: [value, delta, rate, ratio, quantile, present, absence, status]
        default: value
      metric:
        description: Name of a metric on the page at O(url). Omit C(_bucket) for V(quantile).
        type: str
      labels:
        description:
          - Label matchers of the series. A value that begins with C(!=), C(=~) or C(!~) works as in PromQL, so
            V(=~5..) matches every status from 500 to 599. Regular expressions are those of Python.
        type: dict
        default: {}
      of:
        description: For V(ratio), the metric of the denominator. The default is O(conditions[].metric).
        type: str
      of_labels:
        description: Label matchers of O(conditions[].of), as in O(conditions[].labels).
        type: dict
        default: {}
      query:
        description: A PromQL query that returns an instant vector or a scalar.
        type: str
      unit:
        description: A systemd unit.
        type: str
      property:
        description:
          - Name of the property of the unit, as in C(systemctl show).
          - V(Executable) is not a property of systemd. It is the file that the main process runs, with links resolved.
        type: str
        default: NRestarts
      http:
        description: An address for V(status).
        type: str
      url:
        description: URL of the metrics page for this condition, instead of O(url).
        type: str
      unix_socket:
        description: Path of a Unix socket to connect to for O(conditions[].url) or O(conditions[].http) of this
          condition.
        type: path
      equals:
        description: The required text of the property. For V(status), the required status, by default 200.
        type: str
      quantile:
        description: The quantile, as a share between 0 and 1.
        type: float
        default: 0.99
      min:
        description: The lowest allowed value.
        type: float
      max:
        description: The highest allowed value.
        type: float
      max_ratio:
        description:
          - The highest allowed multiple of the value in O(baseline). With O(conditions[].max_increase), the limit is
            the product plus that increase.
        type: float
      max_increase:
        description: The highest allowed increase over the value in O(baseline).
        type: float
      min_ratio:
        description: The lowest allowed share of the value in O(baseline).
        type: float
      min_count:
        description:
          - For V(ratio) and V(quantile), the number of requests or observations that the window needs. With fewer, the
            answer is V(unknown), so that an idle service does not pass by accident. The answer is V(no) if so many of
            them are bad that the missing ones could not change it.
          - The default is 1. For V(quantile) it is the number from which the quantile can differ from the largest
            observation, 100 for 0.99.
        type: int
      for:
        description:
          - For V(value), V(present), V(absence) and V(status), for how many seconds before the last sample the
            condition must have held.
          - With 0 it must hold in every sample.
        type: float
        default: 0
      required:
        description: Whether V(unknown) fails the gate.
        type: bool
        default: true
      precise:
        description:
          - For V(quantile), whether the answer is V(unknown) if the limit is inside the bucket of the quantile. If
            V(false), the quantile is interpolated as in PromQL. A limit that equals the bound of a bucket always gives
            a precise answer.
        type: bool
        default: true
      missing_is_zero:
        description: Whether a counter that is missing on the page counts as 0. Use it for counters that appear with
          their first event.
        type: bool
        default: false
"""
