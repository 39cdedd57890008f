# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import importlib
import json
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._probe import identity_child

SOURCES = {
    "far": None,
    "far.errors": (
        "class HostError(Exception):\n    def report(self): return {'error': {'subject': str(self)}}\n"
    ),
    "far.deep": None,
    "far.deep.work": (
        "from __future__ import annotations\n"
        "from ..errors import HostError\n"
        "def add(*, left: int, right: int) -> dict: return {'sum': left + right}\n"
        "def refuse() -> dict: raise HostError('the host')\n"
        "def fail() -> dict: return {'never': 1 // 0}\n"
    ),
}


def sent(function: str, **arguments: t.Any) -> dict[str, t.Any]:
    return {
        "sources": SOURCES,
        "errors": "far.errors",
        "module": "far.deep.work",
        "function": function,
        "arguments": arguments,
    }


@pytest.fixture(autouse=True)
def _modules_are_unloaded(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield
    for name in SOURCES:
        sys.modules.pop(name, None)


def test_the_function_runs_from_the_sources_sent() -> None:
    result = identity_child.call(sent("add", left=1, right=2))
    assert result["returned"] == {"sum": 3}
    assert "CapEff:" in result["status"]
    assert isinstance(sys.modules["far.deep.work"].__loader__, identity_child.SourceImporter)


def test_a_host_error_is_returned() -> None:
    result = identity_child.call(sent("refuse"))
    assert result["error"] == {"subject": "the host"}
    assert "returned" not in result


def test_any_other_exception_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        identity_child.call(sent("fail"))


def test_modules_that_were_not_sent_are_not_found() -> None:
    finder = identity_child.SourceImporter(SOURCES)
    assert finder.find_spec("near") is None
    assert finder.find_spec("far.deepest") is None
    spec = finder.find_spec("far.deep")
    assert spec is not None
    assert spec.submodule_search_locations == []
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("far.away")


def test_the_file_runs_without_the_collection() -> None:
    source = pathlib.Path(identity_child.__file__).read_text(encoding="utf-8")
    start = (
        "import json,sys;sent=json.load(sys.stdin);exec(sent['start'],{'__name__':'__main__','sent':sent})"
    )
    text = json.dumps({"start": source, **sent("add", left=20, right=22)})
    done = subprocess.run(
        [sys.executable, "-I", "-c", start],
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    mark, answer = done.stdout.split(" ", 1)
    assert mark + " " == identity_child.MARK
    assert json.loads(answer)["returned"] == {"sum": 42}
