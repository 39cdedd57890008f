# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The base of the action plugins: the controller's half of a module."""

from __future__ import annotations

import abc
import os
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._errors import HostError

__all__ = ["HostAction", "Result"]

Result = t.Dict[str, t.Any]


class HostAction(ActionBase):
    """Report a HostError as a failed task, and offer what an action plugin does with its host.

    A subclass names the module of its host's half in ``MODULE`` and does its work in ``act``.
    """

    MODULE: t.ClassVar[str]

    def run(self, tmp: str | None = None, task_vars: Result | None = None) -> Result:
        super().run(tmp, task_vars)
        self._task_vars = task_vars
        try:
            return self.act()
        except HostError as error:
            return {"failed": True, **error.report()}

    @abc.abstractmethod
    def act(self) -> Result:
        """Validate the options, do the controller's part, and return the result of the task."""

    def run_module(self, options: Result) -> Result:
        """Run the module on the host and return its result."""
        result: Result = self._execute_module(
            module_name=self.MODULE, module_args=options, task_vars=self._task_vars
        )
        return result

    def transfer(self, path: str, *, name: str) -> str:
        """Copy a file of the controller into the temporary directory of the task on the host.

        :param name: of the file there
        :returns: its path there
        """
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, name)
        self._transfer_file(path, remote)
        self._fixup_perms2((shell.tmpdir, remote))
        return remote

    def playbook_path(self, path: str) -> str:
        """The absolute path of a file on the controller; a relative one starts at the playbook."""
        return os.path.join(self._loader.get_basedir(), os.path.expanduser(path))
