# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.
"""Import the sources that run_as sends, and call a function as the other identity."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import types
import typing as t

__all__ = ["MARK", "SourceImporter", "call"]

# This file is sent to the host as text, so it must not import another file of the collection.

# Marks the result, which is the last line of the output.
MARK = "gofleet-answer "


class SourceImporter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import modules from a mapping of name -> source. None stands for a package without a source file."""

    def __init__(self, sources: t.Mapping[str, str | None]) -> None:
        self._sources = sources

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._sources:
            return None
        package = any(name.startswith(fullname + ".") for name in self._sources)
        return importlib.util.spec_from_loader(fullname, self, is_package=package)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        exec(compile(self._sources[name] or "", f"<sent {name}>", "exec"), module.__dict__)


def call(sent: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Call the requested function and return its result, or the HostError that it raised.

    :returns: ``status`` (the text of /proc/self/status), and ``returned`` or ``error``
    """
    sys.meta_path.insert(0, SourceImporter(sent["sources"]))
    host_error = importlib.import_module(sent["errors"]).HostError
    function = getattr(importlib.import_module(sent["module"]), sent["function"])
    with open("/proc/self/status", encoding="utf-8") as file:
        result: dict[str, t.Any] = {"status": file.read()}
    try:
        result["returned"] = function(**sent["arguments"])
    except host_error as error:
        result["error"] = error.report()["error"]
    return result


def main(sent: t.Mapping[str, t.Any]) -> None:
    sys.stdout.write(MARK + json.dumps(call(sent)) + "\n")


if __name__ == "__main__":
    main(globals()["sent"])  # set by the command line, which reads standard input
