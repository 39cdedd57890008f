# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Run commands on the host."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

__all__ = ["Completed", "Runner", "host_runner"]


class Completed(t.NamedTuple):
    """The exit status of a command, its standard output and its standard error."""

    rc: int
    out: str
    err: str


class Runner(t.Protocol):
    """A function that runs a command without a shell, in the C locale.

    A command that is not found gives ``rc`` 127.
    """

    def __call__(
        self,
        argv: list[str],
        *,
        stdin: str | None = None,
        env: t.Mapping[str, str] | None = None,
    ) -> Completed: ...


def host_runner(module: AnsibleModule) -> Runner:
    """Return a Runner that uses the module's run_command and also finds binaries in sbin directories."""

    def run(
        argv: list[str],
        *,
        stdin: str | None = None,
        env: t.Mapping[str, str] | None = None,
    ) -> Completed:
        binary = module.get_bin_path(argv[0])
        if binary is None:
            return Completed(127, "", f"{argv[0]}: not found on this host")
        environment = {"LC_ALL": "C", "LANG": "C", **(env or {})}
        return Completed(*module.run_command([binary, *argv[1:]], data=stdin, environ_update=environment))

    return run
