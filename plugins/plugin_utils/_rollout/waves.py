# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Divide hosts into waves by a stable hash. A greater share takes all hosts of a smaller one and more."""

from __future__ import annotations

import hashlib
import re
import typing as t

from ...module_utils._errors import HostError

__all__ = ["part_of", "rollout_waves"]

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(%?)")


def rollout_waves(
    hosts: t.Iterable[str],
    *,
    salt: str,
    canary: t.Any,
    canary_min: int,
    canary_hosts: t.Collection[str],
    waves: t.Sequence[t.Any],
) -> list[list[str]]:
    """
    Order the hosts by a hash of their name and the salt, and cut the order into waves.

    :param salt: each salt gives another order
    :param canary: the size of the first wave, as a number of hosts or as a share such as "5%"
    :param canary_hosts: hosts that are in the first wave whatever their hash is
    :param waves: how many hosts, or which share of them, have been moved after each later wave
    :raises HostError: a size is neither a number nor a share, or a host in ``canary_hosts`` is not in ``hosts``
    """
    everyone = set(hosts)
    missing = sorted(set(canary_hosts) - everyone)
    if missing:
        raise HostError(
            "rollout_canary_hosts",
            wanted="hosts of this rollout",
            found=", ".join(missing),
            remedy="Correct the names, or add these hosts to rollout_hosts or --limit.",
        )
    scores = {host: _score(host, salt) for host in everyone}
    ranked = sorted(everyone, key=lambda host: (host not in canary_hosts, scores[host], host))
    ends = [max(_end(canary, ranked, scores), canary_min, len(set(canary_hosts)), 1)]
    ends += [_end(wave, ranked, scores) for wave in waves]
    ends.append(len(ranked))
    found: list[list[str]] = []
    begin = 0
    for end in ends:
        if end > begin:
            found.append(ranked[begin:end])
            begin = end
    return [wave for wave in found if wave]


def part_of(text: t.Any, total: int, *, option: str) -> int:
    """Return a number of hosts. A share of ``total`` is rounded down."""
    number, is_share = _read(text, option=option)
    return int(total * number / 100) if is_share else int(number)


def _end(text: t.Any, ranked: t.Sequence[str], scores: t.Mapping[str, float]) -> int:
    """Return where a wave ends in the order. A share takes each host whose hash is below it."""
    number, is_share = _read(text, option="rollout_canary and rollout_waves")
    if not is_share:
        return int(number)
    return sum(scores[host] < number for host in ranked)


def _read(text: t.Any, *, option: str) -> tuple[float, bool]:
    match = _PART.fullmatch(str(text).strip())
    if match is None or (match[2] and float(match[1]) > 100) or (not match[2] and "." in match[1]):
        raise HostError(
            option,
            wanted='a number of hosts, or a share of at most 100% such as "25%"',
            found=repr(text),
            remedy="Correct the value.",
        )
    return float(match[1]), bool(match[2])


def _score(host: str, salt: str) -> float:
    """Return a number from 0 to 100. The numbers of many hosts are evenly distributed."""
    return int(hashlib.sha256(f"{host}:{salt}".encode()).hexdigest()[:8], 16) / 2**32 * 100
