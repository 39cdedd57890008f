# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real programs of the real Go, built once for all tests."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

__all__ = ["VARIANTS", "Variant", "build", "sources"]

MAIN = """package main

import (
\t"fmt"

\t"example.com/local"
)

var version = "none"

func main() { fmt.Println(version, local.Name) }
"""
CGO = """package main

// #include <stdlib.h>
import "C"

func init() { C.free(nil) }
"""
GO_MOD = """module example.com/app

go 1.22

require example.com/local v0.1.0

replace example.com/local => ./local
"""
FILES = {
    "go.mod": GO_MOD,
    "main.go": MAIN,
    "local/go.mod": "module example.com/local\n\ngo 1.22\n",
    "local/local.go": 'package local\n\nconst Name = "local"\n',
}


class Variant(t.NamedTuple):
    """How to build, and what must come of it."""

    flags: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    cgo: bool = False
    facts: tuple[tuple[str, t.Any], ...] = ()


# What every build without anything special is.
PLAIN = {"pie": False, "static": True, "stripped": False, "dwarf": True, "goamd64": "v1", "interpreter": None}
VARIANTS = {
    "static": Variant(facts=tuple({**PLAIN, "cgo": False, "libraries": []}.items())),
    "stripped": Variant(
        flags=("-trimpath", '-ldflags=-s -w -X "main.version=a b=c"'),
        facts=tuple({**PLAIN, "stripped": True, "dwarf": False}.items()),
    ),
    "pie": Variant(
        flags=("-buildmode=pie",),
        facts=(("pie", True), ("static", False), ("libraries", []), ("glibc_needed", None)),
    ),
    "v3": Variant(environment=(("GOAMD64", "v3"),), facts=(("goamd64", "v3"), ("level", "v3"))),
    "arm64": Variant(
        environment=(("GOARCH", "arm64"),),
        facts=(("goarch", "arm64"), ("goamd64", None), ("level", "v8.0"), ("starts", ("no", "arch"))),
    ),
    "s390x": Variant(
        environment=(("GOARCH", "s390x"),), facts=(("goarch", "s390x"), ("starts", ("no", "arch")))
    ),
    "freebsd": Variant(
        environment=(("GOOS", "freebsd"),), facts=(("goos", "freebsd"), ("starts", ("no", "kernel")))
    ),
    "vcs": Variant(flags=("-buildvcs=true",), facts=(("vcs", "git"),)),
    "cgo": Variant(cgo=True, facts=(("static", False), ("cgo", True), ("libraries", ["libc.so.6"]))),
}


def sources(directory: pathlib.Path, *, cgo: bool, repository: bool) -> pathlib.Path:
    """A module with a dependency that is replaced."""
    for name, text in {**FILES, **({"cgo.go": CGO} if cgo else {})}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for arguments in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "x"]):
        if repository:
            subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True)
    return directory


def build(name: str, directory: pathlib.Path) -> str:
    """The path of a variant, built from sources of its own under a directory."""
    variant = VARIANTS[name]
    vcs = () if any("buildvcs" in flag for flag in variant.flags) else ("-buildvcs=false",)
    module = sources(directory / name, cgo=variant.cgo, repository=not vcs)
    program = directory / f"{name}.out"
    environment = {
        **os.environ,
        **{"GOFLAGS": "", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOARCH": "amd64", "GOOS": "linux"},
        **{"CGO_ENABLED": str(int(variant.cgo)), **dict(variant.environment)},
    }
    argv = ["go", "build", *vcs, *variant.flags, "-o", str(program), "."]
    done = subprocess.run(argv, cwd=module, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"go build of {name} ended with {done.returncode}: {done.stderr}")
    return str(program)
