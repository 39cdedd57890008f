# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os

from ..module_utils._download import FetchError
from ..module_utils._go_toolchain.index import Archive
from ..module_utils._go_toolchain.mirror import mirror_of
from ..module_utils._go_toolchain.options import REQUIRED_IF, toolchain_spec
from ..module_utils._go_toolchain.selection import plain_wishes
from ..module_utils._signature import signer_of
from ..plugin_utils._action import HostAction, Result
from ..plugin_utils._go_toolchain.delivery import Courier, Packed
from ..plugin_utils._go_toolchain.go_mod import is_go_mod, read_go_mod
from ..plugin_utils._go_toolchain.index_cache import CACHE, Index, index_once, this_run
from ..plugin_utils._go_toolchain.lock_file import VersionLock
from ..plugin_utils._go_toolchain.resolver import Resolver

_TRIES = 3  # by itself, then from the controller as a delta, then as an archive


class ActionModule(HostAction):
    """Answers what a host asks: which release a name means, and its archive or what differs from the one there."""

    MODULE = "gofleet.hosts.go_toolchain"
    TRANSFERS_FILES = True

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(
            argument_spec=toolchain_spec(), required_if=[REQUIRED_IF]
        )
        if options["state"] != "present":
            return _told(self._module({}), sent=0)
        return self._present(options)

    def _present(self, options: Result) -> Result:
        changes = self._read_here(options)
        options.update(changes)
        wishes, dummy = plain_wishes(options["versions"], options["active"])
        resolver = self._resolver(options)
        try:
            known = resolver.resolve(wishes) if resolver.needs_no_host else {}
            first = self._module({**changes, "offer": {"resolved": known}})
            asked = first.pop("asked", None)
            if asked is None:
                return _told(first, sent=0)
            known.update(resolver.resolve(asked["wishes"]))
            meant = [version for version in known.values() if version not in asked["installed"]]
            archives = resolver.archives(dict.fromkeys([*asked["versions"], *meant]), arch=asked["arch"])
        except FetchError as error:
            if options["lock"] is not None:
                raise
            self._display.warning(
                f"The controller has no list of Go releases, so each host reads it: {error}"
            )
            return _told(self._module(changes), sent=0)
        if not self._task.check_mode:
            resolver.keep(known, archives, arch=asked["arch"])
        offer = {"resolved": known, "newest": resolver.newest()}
        return self._deliver(options, changes, offer, archives, asked)

    def _deliver(
        self, options: Result, changes: Result, offer: Result, archives: dict[str, Archive], asked: Result
    ) -> Result:
        """Have the host install the archives, in the dearer way where a cheap one fails."""
        courier = self._courier(options)
        installed = {
            version: Archive(f"go{version}.linux-{asked['arch']}.tar.gz", told["sha256"], told["size"])
            for version, told in asked["installed"].items()
        }
        sent = 0
        for _try in range(_TRIES):
            packed = {} if self._task.check_mode else courier.pack(archives, installed=installed)
            items = [self._item(version, one, packed.get(version)) for version, one in archives.items()]
            sent += sum(one.size for one in packed.values())
            result = self._module({**changes, "offer": {**offer, "archives": items}})
            if result.get("delta_refused"):
                courier.whole = True
                self._display.warning(f"The delta was not taken, the whole archive is sent: {result['msg']}")
            elif result.get("not_fetched") and options["delivery"] == "auto" and not courier.forced:
                courier.forced = True
                self._display.warning(
                    f"The host could not download, so the controller sends: {result['msg']}"
                )
            else:
                break
        return _told(result, sent=sent)

    def _item(self, version: str, archive: Archive, packed: Packed | None) -> Result:
        item: Result = {"version": version, **archive._asdict()}
        if packed is None:
            return item
        remote = self.transfer(packed.path, name=f"go{version}.{'delta' if packed.base else 'archive'}")
        return {**item, "path": remote, "base": packed.base, "root": packed.root}

    def _read_here(self, options: Result) -> Result:
        """The options whose files are on the controller, with what those say in their place."""
        changes: Result = {"versions": [self._wish(name) for name in options["versions"] or []]}
        if options["active"] is not None:
            changes["active"] = self._wish(options["active"])
        if options["signature"] is not None:
            told = {**options["signature"], "key": self.playbook_path(options["signature"]["key"])}
            signer = signer_of(told)
            data = base64.b64encode(signer.key).decode() if signer is not None else None
            changes["signature"] = {**told, "data": data}
        return changes

    def _wish(self, name: str) -> str:
        return read_go_mod(self.playbook_path(name)) if is_go_mod(name) else name

    def _resolver(self, options: Result) -> Resolver:
        mirror = mirror_of(options)
        lock = None
        if options["lock"] is not None:
            lock = VersionLock(self.playbook_path(options["lock"]), cache=_cache())

        def index() -> Index:
            found = index_once(mirror, cache=_cache(), run=this_run())
            if found.warning is not None:
                self._display.warning(found.warning)
            return found

        return Resolver(index=index, lock=lock, update=options["update"])

    def _courier(self, options: Result) -> Courier:
        return Courier(
            options["delivery"],
            mirror=mirror_of(options),
            signer=signer_of(options["signature"]),
            hosts=len((self._task_vars or {}).get("ansible_play_hosts", [])) or 1,
            cache=_cache(),
            warn=self._display.warning,
        )

    def _module(self, changes: Result) -> Result:
        # The arguments as they were given: paths on the host are for the host to expand.
        return self.run_module({**self._task.args, **changes})


def _cache() -> str:
    return os.path.expanduser(CACHE)


def _told(result: Result, *, sent: int) -> Result:
    """The result as users see it."""
    if not result.get("failed"):
        result["bytes_sent"] = sent
    for name in ("asked", "delta_refused"):
        result.pop(name, None)
    return result
