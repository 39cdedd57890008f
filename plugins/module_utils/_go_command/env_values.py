# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check the values of Go environment variables before they are written."""

from __future__ import annotations

import difflib
import os
import re
import typing as t

from .goproxy import SettingError, parse_goproxy, parse_gosumdb, userinfo_of

__all__ = ["KNOWN", "DebugKeys", "check_godebug", "check_setting", "read_debug_keys", "split_quoted"]

# Go 1.21 and newer have a table of compatibility settings. The settings of the runtime are in another file.
_SETTINGS = "src/internal/godebugs/table.go"
_RUNTIME = "src/runtime/runtime1.go"
_KNOWN = re.compile(r'^\s*\{[Nn]ame: "(\w+)"(?!, Removed)', re.MULTILINE)
_REMOVED = re.compile(r'^\s*\{Name: "(\w+)", Removed: (\d+)', re.MULTILINE)
# A setting of the runtime that is not in its table.
_EXTRA = frozenset(["memprofilerate"])
_CPU = re.compile(r"cpu\.\w+")
_PAIR = re.compile(r"([\w.]+)=([^=,\s]+)")

_VERSION = r"go1\.\d+(?:\.\d+|(?:beta|rc)\d+)?(?:-[\w.-]+)?"
_LEVELS = {
    "CGO_ENABLED": r"[01]",
    "GO_EXTLINK_ENABLED": r"[01]",
    "GO111MODULE": r"on|off|auto",
    "GO386": r"sse2|softfloat",
    "GOAMD64": r"v[1-4]",
    "GOARM": r"[567](,(soft|hard)float)?",
    "GOARM64": r"v(8\.\d|9\.[0-5])(,(lse|crypto))*",
    "GOMIPS": r"(hard|soft)float",
    "GOMIPS64": r"(hard|soft)float",
    "GOPPC64": r"power(8|9|10)",
    "GORISCV64": r"rva2[023]u64",
    "GOWASM": r"(satconv|signext)(,(satconv|signext))*",
    "GOOS": r"[a-z][a-z0-9]*",
    "GOARCH": r"[a-z][a-z0-9]*",
    "GOEXPERIMENT": r"none|[a-z0-9]+(,[a-z0-9]+)*",
    "GOFIPS140": r"off|latest|inprocess|certified|v\d+\.\d+\.\d+(-\w+)?",
    "GOTOOLCHAIN": rf"auto|path|(local|{_VERSION})(\+(auto|path))?",
}
_FORMS = {
    "GOFIPS140": "off, latest, inprocess, certified or a version such as v1.0.0",
    "GOTOOLCHAIN": "auto, path, local[+auto|+path], or a version such as go1.27.3[+auto|+path]",
}
_PATHS = ("GOBIN", "GOCACHE", "GOMODCACHE", "GOTMPDIR", "GOROOT")
_PATTERNS = ("GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOINSECURE")
_COMMANDS = ("AR", "CC", "CXX", "FC", "GCCGO", "PKG_CONFIG", "GOCACHEPROG")
_CGO = tuple(
    f"CGO_{kind}FLAGS{suffix}"
    for kind in ("C", "CPP", "CXX", "F", "LD")
    for suffix in ("", "_ALLOW", "_DISALLOW")
)
_VCS = r"(git|hg|svn|bzr|fossil|mod)(\|(git|hg|svn|bzr|fossil|mod))*|all|off"
_NOT_SETTABLE = {
    **dict.fromkeys(
        ("GOEXE", "GOGCCFLAGS", "GOHOSTARCH", "GOHOSTOS", "GOMOD", "GOTOOLDIR", "GOVERSION"),
        "the go command computes it",
    ),
    **dict.fromkeys(("GOTELEMETRY", "GOTELEMETRYDIR"), "it is set with `go telemetry`"),
    "GOWORK": "it is for one directory; the module go_workspace writes go.work",
    "GOENV": "the go command would ignore the user's file of settings",
}
_DEBUG = "GODEBUG"
KNOWN = frozenset(
    [
        *_LEVELS, *_PATHS, *_PATTERNS, *_COMMANDS, *_CGO,
        "GOAUTH", "GOFLAGS", "GOPATH", "GOPROXY", "GOSUMDB", "GOVCS",
    ]
)  # fmt: skip


class DebugKeys(t.NamedTuple):
    """The keys of GODEBUG in one release of Go."""

    known: frozenset[str]
    removed: dict[str, int]  # removed keys, with N of the release 1.N that removed them


def read_debug_keys(goroot: str) -> DebugKeys | None:
    """Read the keys of GODEBUG from the sources of a release, or None if they are not there."""
    texts = []
    for name in (_SETTINGS, _RUNTIME):
        try:
            with open(os.path.join(goroot, name), encoding="utf-8") as file:
                texts.append(file.read())
        except (OSError, UnicodeDecodeError):
            return None
    known = frozenset(name for text in texts for name in _KNOWN.findall(text)) | _EXTRA
    return DebugKeys(known, {name: int(minor) for name, minor in _REMOVED.findall(texts[0])})


def check_godebug(value: str, keys: DebugKeys | None) -> None:
    """Check a value of GODEBUG.

    :param keys: of the release in use; with None only the form is checked
    :raises SettingError: not of the form key=value,key=value, or the release does not have a key
    """
    for part in value.split(","):
        pair = _PAIR.fullmatch(part)
        if pair is None:
            raise SettingError(f"{part or 'nothing'} is not of the form key=value")
        name = pair.group(1)
        if keys is None or name in keys.known or _CPU.fullmatch(name):
            continue
        if name in keys.removed:
            raise SettingError(f"Go 1.{keys.removed[name]} removed the key {name}")
        near = difflib.get_close_matches(name, keys.known, n=1)
        raise SettingError(
            f"this release of Go has no key {name}" + (f"; the nearest key is {near[0]}" if near else "")
        )


def check_setting(
    name: str, value: str, *, environment: bool = False, debug_keys: DebugKeys | None = None
) -> None:
    """Check a setting of the go command.

    :param environment: whether it is set in the environment of all users, which everybody can read, and whose files
        have no common rules for quotes
    :param debug_keys: of GODEBUG in the release in use
    :raises SettingError: with a reason that contains no password
    """
    if name in _NOT_SETTABLE:
        raise SettingError(f"{name} cannot be set: {_NOT_SETTABLE[name]}")
    if name == _DEBUG and not environment:
        raise SettingError(
            "go reads it only from the environment; set it for the machine, or for one service"
        )
    if name not in KNOWN and name != _DEBUG:
        near = difflib.get_close_matches(name, KNOWN, n=1)
        raise SettingError(
            "not a setting of the go command" + (f"; the nearest one is {near[0]}" if near else "")
        )
    if not value or value != value.strip():
        raise SettingError("it is empty, or starts or ends with a blank")
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", value):
        raise SettingError("it contains a line break or another control character")
    if environment:
        _check_for_environment(value)
    if name == _DEBUG:
        check_godebug(value, debug_keys)
    elif name in _LEVELS:
        _match(name, value)
    elif name in _CHECKS:
        _CHECKS[name](value)


def _check_for_environment(value: str) -> None:
    if userinfo_of(value):
        raise SettingError("it contains a password, and everybody can read the environment of the machine")
    if re.search(r"[#\"'\\]", value):
        raise SettingError("it contains one of # \" ' \\, which readers of the file treat in different ways")


def _match(name: str, value: str) -> None:
    if re.fullmatch(_LEVELS[name], value) is None:
        raise SettingError(f"not of the form {_FORMS.get(name, _LEVELS[name])}")


def split_quoted(text: str) -> list[str]:
    """Split a text into words like the go command.

    Quotes must enclose a whole word, and there are no escapes.

    :raises SettingError: a quote is not closed
    """
    words = []
    rest = text.strip(" \t\r\n")
    while rest:
        if rest[0] in "\"'":
            word, quote, rest = rest[1:].partition(rest[0])
            if not quote:
                raise SettingError("a quote is not closed")
        else:
            word = re.split(r"[ \t\r\n]", rest, maxsplit=1)[0]
            rest = rest[len(word) :]
        words.append(word)
        rest = rest.lstrip(" \t\r\n")
    return words


def _check_flags(value: str) -> None:
    for word in split_quoted(value):
        if re.fullmatch(r"--?[A-Za-z][\w.-]*(=.*)?", word) is None:
            raise SettingError(
                f"{word} is not a flag; write -name=value, and quote all of it if the value has blanks"
            )


def _check_path(value: str) -> None:
    if not value.startswith("/"):
        raise SettingError("not an absolute path; ~ and variables are not expanded")


def _check_gopath(value: str) -> None:
    for part in value.split(":"):
        _check_path(part)


def _check_command(value: str) -> None:
    words = split_quoted(value)
    if not words or ("/" in words[0] and not words[0].startswith("/")):
        raise SettingError("neither the name of a program nor an absolute path")


def _check_patterns(value: str) -> None:
    for pattern in value.split(","):
        if "://" in pattern or re.search(r"\s", pattern) or pattern.count("[") != pattern.count("]"):
            raise SettingError(
                f"{pattern.rpartition('@')[2]} is not a pattern of module paths, such as *.example.com/team"
            )


def _check_vcs(value: str) -> None:
    for rule in value.split(","):
        pattern, colon, systems = rule.strip().rpartition(":")
        if not colon or not pattern or re.fullmatch(_VCS, systems) is None:
            raise SettingError(f"{rule} is not of the form pattern:git|hg, pattern:all or pattern:off")


def _check_auth(value: str) -> None:
    commands = [command.split() for command in value.split(";")]
    names = [words[0] if words else "" for words in commands]
    if "off" in names and names != ["off"]:
        raise SettingError("off must be the only command")
    for words in commands:
        if not words:
            raise SettingError("an empty command")
        if words[0] == "git" and (len(words) != 2 or not words[1].startswith("/")):
            raise SettingError("git needs the absolute path of a directory")


_CHECKS: dict[str, t.Callable[[str], t.Any]] = {
    **dict.fromkeys(_PATHS, _check_path),
    **dict.fromkeys(_PATTERNS, _check_patterns),
    **dict.fromkeys(_COMMANDS, _check_command),
    **dict.fromkeys([name for name in _CGO if not name.endswith("ALLOW")], split_quoted),
    "GOAUTH": _check_auth,
    "GOFLAGS": _check_flags,
    "GOPATH": _check_gopath,
    "GOPROXY": parse_goproxy,
    "GOSUMDB": parse_gosumdb,
    "GOVCS": _check_vcs,
}
