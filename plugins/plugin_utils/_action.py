# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Provide the base class of the action plugins, which run the controller's part of a module."""

from __future__ import annotations

import abc
import os
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._errors import HostError

__all__ = ["HostAction", "Result"]

Result = t.Dict[str, t.Any]


class HostAction(ActionBase):
    """Run the controller's part of a module, and report a HostError as a failed task.

    A subclass sets ``MODULE`` to the module that runs on the host and implements ``act``.
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
        """Copy a file from the controller into the temporary directory of the task on the host.

        :param name: the file name on the host
        :returns: the path on the host
        """
        shell = self._connection._shell
        if not shell.tmpdir:
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, name)
        self._transfer_file(path, remote)
        self._fixup_perms2((shell.tmpdir, remote))
        return remote

    def playbook_path(self, path: str) -> str:
        """Return the absolute path of a file on the controller.

        A relative path starts at the playbook.
        """
        return os.path.join(self._loader.get_basedir(), os.path.expanduser(path))
