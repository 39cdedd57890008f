# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Read what go_proxy_info returns: how the go command of a user fetches modules on this host."""

from __future__ import annotations

import os
import re
import typing as t

from .._account import account_of, acting_as
from .._errors import HostError
from .env import effective, read_sources
from .goproxy import userinfo_of
from .proxy_diagnosis import Wanted, diagnose
from .proxy_request import Client

__all__ = ["read_go_proxy_info"]

_SETTINGS = ("GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB")
_PATH = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~+-]+)*")


def read_go_proxy_info(
    params: t.Mapping[str, t.Any], *, environment: t.Mapping[str, str]
) -> tuple[dict[str, t.Any], set[str]]:
    """Find the settings of a user, and diagnose proxies and the checksum database with them.

    :param params: the options of go_proxy_info
    :param environment: of this process. The file of the machine takes precedence, because a session that was opened
        before the file changed still has the old values.
    :returns: the return values of go_proxy_info, and secrets that must not be shown
    :raises HostError: the module path is not valid, the user is unknown, or GOPROXY or GOSUMDB has no value
    """
    path, dummy, version = params["module"].partition("@")
    if _PATH.fullmatch(path) is None:
        raise HostError(
            "module",
            wanted="the path of a module, such as golang.org/x/text, optionally with @version",
            found=path or "nothing",
            remedy="Write the path as in go.mod.",
        )
    account = account_of(params["user"])
    sources = read_sources(account=account, machine_file=params["machine_file"], goroot=params["goroot"])
    variables = dict(environment)
    for source in sources:
        if source.name == "machine":
            variables.update({line.name: line.value for line in source.lines if line.value})
    settings = _settings(params, effective(sources), variables)
    netrc = variables.get("NETRC") or os.path.join(account.home, ".netrc")
    wanted = Wanted(path, version or None, {name: setting["value"] for name, setting in settings.items()})
    with acting_as(account):
        report = diagnose(wanted, client=Client(params["timeout"], variables, netrc))
    report["settings"] = settings
    texts = [*variables.values(), *wanted.settings.values()]
    return report, {secret for text in texts for secret in userinfo_of(text)}


def _settings(
    params: t.Mapping[str, t.Any],
    found: dict[str, dict[str, t.Any]],
    environment: t.Mapping[str, str],
) -> dict[str, dict[str, str]]:
    """The value and the source of each setting: an option, the environment, or a file.

    :raises HostError: GOPROXY or GOSUMDB has no value
    """
    settings = {}
    for name in _SETTINGS:
        option = params.get(name.lower())
        if option is not None:
            settings[name] = {"value": option, "source": "option"}
        elif name in found and (found[name]["source"] == "machine" or not environment.get(name)):
            settings[name] = {"value": found[name]["value"], "source": found[name]["path"]}
        elif environment.get(name):
            settings[name] = {"value": environment[name], "source": "environment"}
    for name in ("GOPROXY", "GOSUMDB"):
        if name not in settings:
            raise HostError(
                name,
                wanted="a value in the environment, in a file of settings or in go.env of a release",
                found="none",
                remedy=f"Set `goroot` to the tree of the release, or set `{name.lower()}`.",
            )
    return settings
