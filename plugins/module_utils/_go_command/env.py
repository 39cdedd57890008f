# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Manage settings of the go command in the files of the machine and of its users, and find where each one comes from.

The go command takes a setting from its environment, else from the user's file, else from go.env of its release, else
its default. This module never writes to the tree of a release, because the tree must stay as published, and the next
release would not have the setting.
"""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from .._account import Account, account_of, acting_as
from .._atomic import read_text, write_text
from .._converge import Plan
from .._errors import HostError
from .env_file import Line, managed, parse_lines, with_managed
from .env_values import KNOWN, check_setting, read_debug_keys
from .goproxy import SettingError, userinfo_of

__all__ = [
    "MACHINE_FILE",
    "Source",
    "effective",
    "machine_environment",
    "plan_go_env",
    "read_sources",
    "user_file",
]

MACHINE_FILE = "/etc/environment"
_OPEN_MODE = 0o644
_SECRET_MODE = 0o600
_ENVIRONMENT_ONLY = ("GODEBUG", "GOENV", "GOWORK")  # the go command does not read these from a user's file


class Source(t.NamedTuple):
    """A file that settings come from."""

    name: str  # machine, user or release
    path: str
    lines: list[Line]


class _File(t.NamedTuple):
    """A file to manage, with the settings that it must have."""

    path: str
    owner: Account | None  # None: the file of the machine
    settings: dict[str, str]
    secret: bool  # whether a setting is secret
    text: str  # now; empty if there is no file
    mode: int | None  # now; None if there is no file


def user_file(account: Account) -> str:
    """The file that `go env -w` writes for a user without XDG_CONFIG_HOME."""
    return os.path.join(account.home, ".config", "go", "env")


def plan_go_env(params: t.Mapping[str, t.Any]) -> Plan:
    """Read the files and decide what to write, without writing anything.

    :param params: the options of go_env
    :raises HostError: a setting is not valid, a user is unknown, or a file cannot be read
    """
    files = []
    if params["machine"] is not None:
        keys = read_debug_keys(params["goroot"])
        settings = _checked("machine", params["machine"], environment=True, debug_keys=keys)
        files.append(_read(params["machine_file"], None, settings, secret=False))
    accounts = [account_of(user["name"]) for user in params["users"]]
    _refuse_duplicates([account.name for account in accounts])
    for account, user in zip(accounts, params["users"]):
        settings = _checked(f"users: {account.name}", user["settings"])
        secret = _checked(f"users: {account.name}", user["secret_settings"])
        with acting_as(account):
            files.append(_read(user_file(account), account, {**settings, **secret}, secret=bool(secret)))
    after = {file.path: with_managed(file.text, file.settings) for file in files}
    values = [line.value for file in files for line in parse_lines(file.text)]
    values += [value for file in files for value in file.settings.values()]
    return Plan(
        before={file.path: _state(file, file.text, file.mode) for file in files},
        after={
            file.path: _state(file, after[file.path], _SECRET_MODE if file.secret else file.mode)
            for file in files
        },
        apply=lambda: _apply(files, after),
        result={"effective": _effective_for_all(params, accounts, after)},
        secrets={text for value in values for text in userinfo_of(value)},
    )


def _checked(subject: str, given: t.Mapping[str, t.Any] | None, **place: t.Any) -> dict[str, str]:
    """Check settings, and convert their values to text.

    :param subject: names the option in errors
    :param place: further arguments of check_setting
    :raises HostError: a setting is not valid
    """
    settings = {}
    for name, raw in (given or {}).items():
        # YAML has numbers and booleans, the go command has only texts.
        value = str(int(raw)) if isinstance(raw, bool) else str(raw)
        try:
            check_setting(name, value, **place)
        except SettingError as error:
            raise HostError(
                f"{subject}: {name}",
                wanted="a setting that the go command accepts",
                found=str(error),
                remedy="Correct the setting. Nothing was written."
                if not userinfo_of(value)
                else "Put the password into the user's .netrc, or into `secret_settings` of the user.",
            )
        settings[name] = value
    return settings


def _refuse_duplicates(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise HostError(
            "users",
            wanted="each user once",
            found=f"{', '.join(twice)} twice",
            remedy="Merge the entries of the user.",
        )


def _read(path: str, owner: Account | None, settings: dict[str, str], *, secret: bool) -> _File:
    real = os.path.realpath(path)
    try:
        text = read_text(real)
        mode = None if text is None else stat.S_IMODE(os.stat(real).st_mode)
    except OSError as error:
        raise HostError(
            path,
            wanted="a file with settings of the go command that can be read",
            found=str(error),
            remedy="Make it a regular file that its owner can read, or remove it.",
        )
    return _File(real, owner, settings, secret, text or "", mode)


def _state(file: _File, text: str, mode: int | None) -> dict[str, t.Any]:
    lines = parse_lines(text)
    return {
        "settings": managed(text),
        # Lines outside our markers that set one of our settings. They are removed, because the last line of two counts.
        "elsewhere": {
            line.name: line.value for line in lines if not line.ours and line.name in file.settings
        },
        "others_may_read": file.secret and mode is not None and bool(mode & 0o077),
    }


def _apply(files: list[_File], texts: dict[str, str]) -> dict[str, t.Any]:
    done: list[_File] = []
    try:
        for file in files:
            if _state(file, file.text, file.mode) != _state(file, texts[file.path], _SECRET_MODE):
                done.append(file)
                mode = _OPEN_MODE if file.mode is None else file.mode
                # A user's file that becomes empty is removed. The file of the machine belongs to others and stays.
                remove = not texts[file.path] and (file.owner is not None or file.mode is None)
                text = None if remove else texts[file.path]
                _write(file, text, _SECRET_MODE if file.secret else mode)
    except HostError:
        for file in done:
            with contextlib.suppress(HostError):
                _write(file, None if file.mode is None else file.text, file.mode or _OPEN_MODE)
        raise
    return {}


def _write(file: _File, text: str | None, mode: int) -> None:
    """Write a file, or remove it if the text is None."""
    try:
        with acting_as(file.owner) if file.owner is not None else contextlib.nullcontext():
            if text is not None:
                write_text(file.path, text, mode=mode)
            elif os.path.exists(file.path):
                os.unlink(file.path)
    except OSError as error:
        raise HostError(
            file.path,
            wanted="a file with settings of the go command that can be written",
            found=str(error),
            remedy="Run with `become: true`, or correct the permissions of the directory. No file was changed.",
        )


def read_sources(*, account: Account | None, machine_file: str, goroot: str) -> list[Source]:
    """The files that settings come from, in the order of their precedence. Files that do not exist are left out.

    :param account: the user; None leaves out the user's file
    :param goroot: the tree of the release, for its go.env
    """
    paths = [("machine", machine_file), ("release", os.path.join(goroot, "go.env"))]
    if account is not None:
        paths.insert(1, ("user", user_file(account)))
    sources = []
    for name, path in paths:
        try:
            with acting_as(account) if account is not None and name == "user" else contextlib.nullcontext():
                text = read_text(path)
        except OSError:
            continue  # the go command ignores a file that it cannot read, too
        if text is not None:
            sources.append(Source(name, path, parse_lines(text)))
    return sources


def machine_environment(path: str) -> dict[str, str]:
    """The settings of the go command and the HTTP proxies in the file of the machine, or none if it cannot be read.

    The environment of this process may have older values, because a session reads the file only when it starts.
    """
    try:
        lines = parse_lines(read_text(path) or "")
    except OSError:
        return {}
    return {line.name: line.value for line in lines if line.name in KNOWN or line.name.endswith("_PROXY")}


def effective(sources: list[Source]) -> dict[str, dict[str, t.Any]]:
    """The value of each setting, its source, and the lower-precedence sources that it hides.

    :param sources: in the order of their precedence
    :returns: by name: ``source``, ``path``, ``line``, ``value``, and a list ``hides`` of the same
    """
    found: dict[str, dict[str, t.Any]] = {}
    for source in sources:
        last = {
            line.name: line for line in source.lines if line.name in KNOWN or line.name in _ENVIRONMENT_ONLY
        }
        for name, line in last.items():
            place = {"source": source.name, "path": source.path, "line": line.number, "value": line.value}
            if not line.value and source.name == "machine":
                continue  # the go command treats an empty variable of the environment as unset
            if name in found:
                found[name]["hides"].append(place)
            else:
                found[name] = {**place, "hides": []}
    return found


def _effective_for_all(
    params: t.Mapping[str, t.Any], accounts: list[Account], after: dict[str, str]
) -> dict[str, t.Any]:
    result = {}
    for account in accounts or [account_of(None)]:
        sources = read_sources(account=account, machine_file=params["machine_file"], goroot=params["goroot"])
        planned = {os.path.realpath(source.path): source for source in sources}
        for name, path in (("machine", params["machine_file"]), ("user", user_file(account))):
            real = os.path.realpath(path)
            if real in after:
                planned[real] = Source(name, path, parse_lines(after[real]))
        order = ("machine", "user", "release")
        result[account.name] = effective(
            sorted(planned.values(), key=lambda source: order.index(source.name))
        )
    return result
