# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go programs of every kind that go_binary_info tells apart: python3 build_go.py DIRECTORY, on the controller."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCES = {
    "go.mod": "module example.com/probe\n\ngo 1.22\n",
    "main.go": """package main

import (
\t"fmt"
\t"os"
\t"time"
)

var version = "one"

func main() {
\tfmt.Println("started", version)
\tif len(os.Args) > 1 {
\t\ttime.Sleep(time.Hour)
\t}
}
""",
}
CGO = 'package main\n\n// #include <stdlib.h>\nimport "C"\n\nfunc init() { C.free(nil) }\n'
SMALL = "-ldflags=-s -w"
# Name -> flags, environment.
BUILDS: dict[str, tuple[list[str], dict[str, str]]] = {
    "static": (["-trimpath", SMALL], {}),
    "two": (["-ldflags=-s -w -X main.version=two"], {}),
    "whole": ([], {}),
    "pie": (["-buildmode=pie", SMALL], {}),
    "v3": ([SMALL], {"GOAMD64": "v3"}),
    "v4": ([SMALL], {"GOAMD64": "v4"}),
    "i386": ([SMALL], {"GOARCH": "386"}),
    "arm64": ([SMALL], {"GOARCH": "arm64"}),
    "s390x": ([SMALL], {"GOARCH": "s390x"}),
    "cgo": ([SMALL], {"CGO_ENABLED": "1"}),
}
PLAIN = {
    "GOFLAGS": "-buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOOS": "linux",
    "GOARCH": "amd64",
    "CGO_ENABLED": "0",
}


def main(directory: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        sources = pathlib.Path(temporary)
        for name, text in SOURCES.items():
            (sources / name).write_text(text)
        for name, (flags, environment) in BUILDS.items():
            if name == "cgo":
                if shutil.which("gcc") is None:
                    print("without gcc on this controller nothing is built with cgo")
                    continue
                (sources / "cgo.go").write_text(CGO)
            argv = ["go", "build", *flags, "-o", str(directory / name), "."]
            subprocess.run(argv, cwd=sources, env={**os.environ, **PLAIN, **environment}, check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
