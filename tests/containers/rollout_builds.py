# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds of examples/hello, among them such as fail on some hosts and not on others, as real ones do."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import typing as t

__all__ = ["build"]

ROUTE = 'mux.HandleFunc("GET /{$}", s.hello)'
FAULTS = """package main

import (
\t"net/http"
\t"os"
\t"strings"
\t"time"
)

// faults are pairs host=kind, with commas between them.
var faults string

func fault() string {
\thost, _ := os.Hostname()
\tfor _, pair := range strings.Split(faults, ",") {
\t\tif name, kind, _ := strings.Cut(pair, "="); name == host {
\t\t\treturn kind
\t\t}
\t}
\treturn ""
}

func init() {
\tswitch fault() {
\tcase "exit":
\t\tos.Exit(3)
\tcase "crash":
\t\ttime.AfterFunc(4*time.Second, func() { os.Exit(4) })
\tcase "unhealthy":
\t\tos.Setenv("HELLO_FAIL_HEALTH", "1")
\t}
}

func faulty(next http.HandlerFunc) http.HandlerFunc {
\treturn func(w http.ResponseWriter, r *http.Request) {
\t\tswitch fault() {
\t\tcase "errors":
\t\t\thttp.Error(w, "this build fails here", http.StatusInternalServerError)
\t\t\treturn
\t\tcase "slow":
\t\t\ttime.Sleep(300 * time.Millisecond)
\t\t}
\t\tnext(w, r)
\t}
}
"""


def build(sources: pathlib.Path, place: pathlib.Path, *, version: str, faults: t.Mapping[str, str]) -> str:
    """
    The program, static and stripped; made once.

    :param faults: host -> exit, crash, unhealthy, errors or slow
    """
    module = place / "sources"
    if not module.exists():
        shutil.copytree(sources, module)
        main = (module / "main.go").read_text()
        assert main.count(ROUTE) == 1
        (module / "main.go").write_text(main.replace(ROUTE, ROUTE.replace("s.hello", "faulty(s.hello)")))
        (module / "faults.go").write_text(FAULTS)
    pairs = ",".join(f"{host}={kind}" for host, kind in faults.items())
    program = place / "-".join(("hello", version, *pairs.replace("=", "-").split(",")))
    if program.exists():
        return str(program)
    flags = f"-s -w -X main.version={version} -X main.faults={pairs}"
    argv = ["go", "build", "-trimpath", "-buildvcs=false", f"-ldflags={flags}", "-o", str(program), "."]
    subprocess.run(argv, cwd=module, env={**os.environ, "CGO_ENABLED": "0"}, check=True, timeout=600)
    return str(program)
