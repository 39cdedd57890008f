# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gofleet.hosts.plugins.module_utils._elf.file import goarches_of
from ansible_collections.gofleet.hosts.plugins.modules import release

PROGRAM = b"\x7fELF program"


def run(capsys: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        release.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def item(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    (tmp_path / "sent").write_bytes(PROGRAM)
    return {
        "name": "hello",
        "sha256": hashlib.sha256(PROGRAM).hexdigest(),
        "size": len(PROGRAM),
        "goarch": goarches_of(os.uname().machine)[-1],
        "artefact": str(tmp_path / "sent"),
    }


def test_changes_once_and_predicts_in_check_mode(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, item: dict[str, t.Any]
) -> None:
    options = {"releases": [item], "root": str(tmp_path / "opt"), "switch": True}
    predicted = run(capsys, _ansible_check_mode=True, **options)
    assert predicted["changed"]
    assert not (tmp_path / "opt").exists()
    first = run(capsys, **options)
    assert first["changed"]
    assert first["diff"] == predicted["diff"]
    program = pathlib.Path(first["releases"]["hello"]["executable"])
    assert program.read_bytes() == PROGRAM
    assert not run(capsys, **options)["changed"]


def test_a_refusal_is_a_clear_failure(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, item: dict[str, t.Any]
) -> None:
    refused = run(capsys, releases=[{**item, "goarch": "mips"}], root=str(tmp_path / "opt"))
    assert refused["failed"]
    assert "found one for GOARCH mips" in refused["msg"]
    assert refused["error"]["remedy"].endswith(".")
