# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import typing as t

from ansible.errors import AnsibleError

from ..module_utils._errors import HostError
from ..module_utils._units.sets import units_spec
from ..plugin_utils._action import HostAction, Result


class ActionModule(HostAction):
    """Read the credentials on the controller, also from vaults, and send only their contents to the host."""

    MODULE = "gofleet.hosts.systemd_units"

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(argument_spec=units_spec())
        for each in options["sets"]:
            each["credentials"] = [self._encoded(item, owner=each["name"]) for item in each["credentials"]]
        return self.run_module(_given(options))

    def _encoded(self, item: dict[str, t.Any], *, owner: str) -> dict[str, t.Any]:
        """Return a credential in Base64.

        Ansible hides every occurrence of a secret text in the output, and a short secret occurs in many places.
        """
        if item["data"] is not None:
            return {"name": item["name"], "data": item["data"]}
        if (item["content"] is None) == (item["src"] is None):
            raise HostError(
                f"credential {item['name']!r} of {owner}",
                wanted="one source of the secret: content or src",
                found="both" if item["src"] else "neither",
                remedy="Set `content` to the text, or `src` to a file on the controller.",
            )
        data = str(item["content"]).encode() if item["src"] is None else self._read(item["src"])
        return {"name": item["name"], "data": base64.b64encode(data).decode()}

    def _read(self, src: str) -> bytes:
        path = self.playbook_path(src)
        try:
            with open(self._loader.get_real_file(path), "rb") as file:
                return file.read()
        except (AnsibleError, OSError) as error:
            raise HostError(
                path,
                wanted="a file that the controller can read",
                found=getattr(error, "strerror", None) or str(error),
                remedy="Correct `src`. Relative paths start at the playbook. A file in a vault needs its password.",
            )


def _given(value: t.Any) -> t.Any:
    """Remove omitted options, because the module on the host refuses None for an option with choices."""
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None}
    return [_given(each) for each in value] if isinstance(value, list) else value
