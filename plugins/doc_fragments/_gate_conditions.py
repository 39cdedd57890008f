# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What a condition can look at, and what it can ask of it."""

    DOCUMENTATION = r"""
options:
  conditions:
    description: What has to hold, all of it.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the condition, for the evidence and for O(baseline).
        type: str
        required: true
      kind:
        description:
          - V(value), each series at each sample.
          - V(delta), what counters grew by in the window, all series together; V(rate), the same per second.
          - V(ratio), what O(conditions[].metric) grew by as a share of what O(conditions[].of) grew by.
          - V(quantile), of a histogram with buckets, out of what was observed in the window.
          - V(present) and V(absence), at each sample, of any series.
          - V(status), the HTTP status of O(conditions[].http).
        type: str
        choices: [value, delta, rate, ratio, quantile, present, absence, status]
        default: value
      metric:
        description: Name of a metric on the page at O(url). For V(quantile) without C(_bucket).
        type: str
      labels:
        description:
          - Labels that the series have to have. A value that begins with C(!=), C(=~) or C(!~) means what it means in
            PromQL, so that V(=~5..) is every status from 500 to 599. Regular expressions are those of Python.
        type: dict
        default: {}
      of:
        description: For V(ratio), the metric of the whole. Without it the same as O(conditions[].metric).
        type: str
      of_labels:
        description: Labels of O(conditions[].of), as O(conditions[].labels).
        type: dict
        default: {}
      query:
        description: A PromQL query that gives an instant vector or a scalar.
        type: str
      unit:
        description: A systemd unit.
        type: str
      property:
        description:
          - Which property of the unit, as C(systemctl show) names it.
          - V(Executable), which systemd does not have, is the file that the main process runs, links resolved.
        type: str
        default: NRestarts
      http:
        description: An address for V(status).
        type: str
      url:
        description: Where this condition's metrics are read, in place of O(url).
        type: str
      unix_socket:
        description: A Unix socket to ask the O(conditions[].url) or O(conditions[].http) of this condition on.
        type: path
      equals:
        description: The text that the property has to be; for V(status), the status, by default 200.
        type: str
      quantile:
        description: Which quantile, as a share.
        type: float
        default: 0.99
      min:
        description: The least value.
        type: float
      max:
        description: The highest value.
        type: float
      max_ratio:
        description:
          - How many times the value in O(baseline) it may be. Together with O(conditions[].max_increase) both count,
            the product and then the sum.
        type: float
      max_increase:
        description: How much above the value in O(baseline) it may be.
        type: float
      min_ratio:
        description: The least share of the value in O(baseline).
        type: float
      min_count:
        description:
          - For V(ratio) and V(quantile), how many requests or observations the window needs. Of fewer the answer is
            V(unknown), so that an idle service does not pass by accident. It is V(no) if those that were seen are too
            bad even then.
          - Without it 1, and for V(quantile) as many as it takes for the quantile to be another than the largest one,
            100 for 0.99.
        type: int
      for:
        description:
          - For V(value), V(present), V(absence) and V(status), how many seconds up to the last sample it has to have
            held.
          - With 0 every sample counts.
        type: float
        default: 0
      required:
        description: Whether V(unknown) fails the gate.
        type: bool
        default: true
      precise:
        description:
          - For V(quantile), whether a limit inside of the bucket that the quantile is in makes the answer V(unknown).
            If not, it is interpolated, as PromQL does. A limit that is a bound of a bucket is always told precisely.
        type: bool
        default: true
      missing_is_zero:
        description: Whether a counter that is nowhere on the page is taken for 0, for those that only appear with
          their first event.
        type: bool
        default: false
"""
