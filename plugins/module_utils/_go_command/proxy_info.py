# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""How a user's go command fetches modules on this host: the settings, their origins, and the ways out."""

from __future__ import annotations

import os
import re
import typing as t

from .._account import account_of, acting_as
from .._errors import HostError
from .env import effective, read_sources
from .goproxy import userinfo_of
from .proxy_diagnosis import Wanted, diagnose
from .proxy_request import Asker

__all__ = ["read_go_proxy_info"]

_SETTINGS = ("GOPROXY", "GOSUMDB", "GOPRIVATE", "GONOPROXY", "GONOSUMDB")
_PATH = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/[A-Za-z0-9._~+-]+)*")


def read_go_proxy_info(
    params: t.Mapping[str, t.Any], *, environment: t.Mapping[str, str]
) -> tuple[dict[str, t.Any], set[str]]:
    """The return values of go_proxy_info, and texts that must not be shown.

    :param environment: variables of this process; those in the file of the machine count before them, as a session
        that was opened before that file was changed still has the old ones
    """
    path, dummy, version = params["module"].partition("@")
    if _PATH.fullmatch(path) is None:
        raise HostError(
            "module",
            wanted="the path of a module, such as golang.org/x/text, perhaps with @version",
            found=path or "nothing",
            remedy="Give the path as go.mod has it.",
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
        report = diagnose(wanted, asker=Asker(params["timeout"], variables, netrc))
    report["settings"] = settings
    texts = [*variables.values(), *wanted.settings.values()]
    return report, {secret for text in texts for secret in userinfo_of(text)}


def _settings(
    params: t.Mapping[str, t.Any],
    found: dict[str, dict[str, t.Any]],
    environment: t.Mapping[str, str],
) -> dict[str, dict[str, str]]:
    """Each setting with its origin: an option, the environment, a file, or none."""
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
                wanted="a value of it in the environment, in a file of settings or in go.env of a release",
                found="none",
                remedy=f"Name the tree of the release with goroot, or give {name.lower()}.",
            )
    return settings
