# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Render targets and rules as files, and as items for prometheus.yml."""

from __future__ import annotations

import json
import os
import re
import typing as t

from .._errors import HostError
from .api import Target
from .config import job_lines, rule_lines

__all__ = ["Scraping", "parse_scraping"]

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):[0-9]{1,5}\Z")
LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
HEADER = "# Managed by gofleet.hosts.scrape_targets: changes made here are lost.\n"


class Scraping(t.NamedTuple):
    """The wanted jobs and rules.

    jobs: name -> target groups in the form of file_sd
    rules: name -> text of the rule file
    interval: the scrape interval as a PromQL duration
    """

    jobs: dict[str, list[dict[str, t.Any]]]
    rules: dict[str, str]
    interval: str

    def files(self, directory: str) -> dict[str, str]:
        """Return path -> text of every file below the directory."""
        texts = {_targets_file(directory, job): _json(groups) for job, groups in self.jobs.items()}
        texts.update({_rules_file(directory, name): text for name, text in self.rules.items()})
        return texts

    def items(self, directory: str) -> dict[str, list[str]]:
        """Return the lines of our items for each top-level key of prometheus.yml."""
        rules: list[str] = []
        jobs: list[str] = []
        for name in self.rules:
            rules += rule_lines(_rules_file(directory, name))
        for job in self.jobs:
            jobs += job_lines(_pool(job), file=_targets_file(directory, job), interval=self.interval)
        return {"rule_files": rules, "scrape_configs": jobs}

    def targets(self) -> list[Target]:
        """Return every target once."""
        found = (
            Target(_pool(job), job, address)
            for job, groups in self.jobs.items()
            for group in groups
            for address in group["targets"]
        )
        return list(dict.fromkeys(found))


def parse_scraping(
    targets: t.Iterable[t.Mapping[str, t.Any]], rules: t.Iterable[t.Mapping[str, t.Any]], *, interval: str
) -> Scraping:
    """Return the wanted jobs and rules, sorted by name, with the groups of each job together.

    :raises HostError: an invalid name, address, label, rule or interval
    """
    jobs: dict[str, list[dict[str, t.Any]]] = {}
    texts: dict[str, str] = {}
    for item in targets:
        _check(NAME, item["job"], "a job name of letters, digits, '_', '.' and '-'")
        for address in item["targets"]:
            _check(ADDRESS, address, "host:port without scheme and path")
        for label in item["labels"]:
            _check(LABEL, label, "a label name of letters, digits and '_'")
        # The scrape pool has another name, so that it cannot collide with a job of the user. The label is the job.
        labels = {"job": item["job"], **{name: str(value) for name, value in item["labels"].items()}}
        jobs.setdefault(item["job"], []).append({"targets": item["targets"], "labels": labels})
    for item in rules:
        _check(NAME, item["name"], "a name of letters, digits, '_', '.' and '-'")
        if item["name"] in texts:
            raise HostError(
                item["name"],
                wanted="one entry for each rule file",
                found="two entries with this name",
                remedy="Rename one of them.",
            )
        texts[item["name"]] = _rule_text(item["name"], item["content"])
    _check(re.compile(r"[0-9a-z]+\Z"), interval, "a duration such as 15s")
    return Scraping(dict(sorted(jobs.items())), dict(sorted(texts.items())), interval)


def _check(pattern: t.Pattern[str], value: str, wanted: str) -> None:
    if not pattern.match(value):
        raise HostError(repr(value), wanted=wanted, found=value, remedy="Correct it. Nothing was changed.")


def _rule_text(name: str, content: object) -> str:
    if isinstance(content, dict):
        return HEADER + _json(content)  # JSON is YAML too
    if isinstance(content, str):
        return HEADER + content.rstrip("\n") + "\n"
    raise HostError(
        f"rules, {name}",
        wanted="content as text or as a dictionary with groups",
        found=type(content).__name__,
        remedy="Set `content` to the content of the rule file.",
    )


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _pool(job: str) -> str:
    return f"gofleet-{job}"


def _targets_file(directory: str, job: str) -> str:
    return os.path.join(directory, "targets", f"{job}.json")


def _rules_file(directory: str, name: str) -> str:
    return os.path.join(directory, "rules", f"{name}.yml")
