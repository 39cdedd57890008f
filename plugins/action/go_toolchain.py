# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import os

from ..module_utils._download import NOT_FETCHED, FetchError
from ..module_utils._go_toolchain.index import Archive
from ..module_utils._go_toolchain.mirror import mirror_of
from ..module_utils._go_toolchain.options import (
    DELTA_REFUSED,
    REQUIRED_IF,
    Offer,
    Payload,
    Request,
    toolchain_spec,
)
from ..module_utils._go_toolchain.version_query import normalize_all
from ..module_utils._signature import signer_of
from ..plugin_utils._action import HostAction, Result
from ..plugin_utils._go_toolchain.delivery import Delivery
from ..plugin_utils._go_toolchain.go_mod import is_go_mod, read_go_mod
from ..plugin_utils._go_toolchain.index_cache import CACHE, Index, index_once, this_run
from ..plugin_utils._go_toolchain.lock_file import VersionLock
from ..plugin_utils._go_toolchain.resolver import Resolver

_TRIES = 3  # downloaded by the host, then sent by the controller as a delta, then as an archive


class ActionModule(HostAction):
    """Resolve version queries for a host, and send archives or deltas to it where that is better than a download."""

    MODULE = "gofleet.hosts.go_toolchain"
    TRANSFERS_FILES = True

    def act(self) -> Result:
        dummy, options = self.validate_argument_spec(
            argument_spec=toolchain_spec(), required_if=[REQUIRED_IF]
        )
        if options["state"] != "present":
            return _for_user(self._run_on_host({}), sent=0)
        return self._present(options)

    def _present(self, options: Result) -> Result:
        changes = self._read_files(options)
        options.update(changes)
        queries, dummy = normalize_all(options["versions"], options["active"])
        resolver = self._resolver(options)
        try:
            known = resolver.resolve(queries) if resolver.overrides_records else {}
            first = self._run_on_host(changes, Offer(known))
            request = Request.taken_from(first)
            if request is None:
                return _for_user(first, sent=0)
            known.update(resolver.resolve(request.queries))
            missing = [version for version in known.values() if version not in request.installed]
            archives = resolver.archives(dict.fromkeys([*request.versions, *missing]), arch=request.arch)
        except FetchError as error:
            if options["lock"] is not None:
                raise
            self._display.warning(
                f"The controller cannot read the list of Go releases, so each host reads it: {error}"
            )
            return _for_user(self._run_on_host(changes), sent=0)
        if not self._task.check_mode:
            resolver.record(known, archives, arch=request.arch)
        return self._deliver(options, changes, Offer(known, resolver.newest(), archives), request)

    def _deliver(self, options: Result, changes: Result, offer: Offer, request: Request) -> Result:
        """Have the host install the archives. If a way of delivery fails, try the next one.

        :param offer: without payloads, which are added here
        """
        delivery = self._delivery(options)
        archives = offer.archives or {}
        installed = {
            version: Archive(f"go{version}.linux-{request.arch}.tar.gz", source["sha256"], source["size"])
            for version, source in request.installed.items()
        }
        sent = 0
        for _try in range(_TRIES):
            payloads = {} if self._task.check_mode else delivery.payloads(archives, installed=installed)
            sent += sum(os.path.getsize(payload.path) for payload in payloads.values())
            there = {version: self._send(version, payload) for version, payload in payloads.items()}
            result = self._run_on_host(changes, offer._replace(payloads=there))
            if result.get(DELTA_REFUSED):
                delivery.no_deltas = True
                self._display.warning(
                    f"The host could not apply the delta, so the controller sends the archive: {result['msg']}"
                )
            elif result.get(NOT_FETCHED) and options["delivery"] == "auto" and not delivery.send_all:
                delivery.send_all = True
                self._display.warning(
                    f"The host could not download, so the controller sends the release: {result['msg']}"
                )
            else:
                break
        return _for_user(result, sent=sent)

    def _send(self, version: str, payload: Payload) -> Payload:
        """Copy a payload to the host, and return it with its path there."""
        name = f"go{version}.{'delta' if payload.base else 'archive'}"
        return payload._replace(path=self.transfer(payload.path, name=name))

    def _read_files(self, options: Result) -> Result:
        """The options that name files of the controller, with the content of the files in place of their paths."""
        changes: Result = {"versions": [self._query(name) for name in options["versions"] or []]}
        if options["active"] is not None:
            changes["active"] = self._query(options["active"])
        if options["signature"] is not None:
            signature = {**options["signature"], "key": self.playbook_path(options["signature"]["key"])}
            signer = signer_of(signature)
            data = base64.b64encode(signer.key).decode() if signer is not None else None
            changes["signature"] = {**signature, "data": data}
        return changes

    def _query(self, name: str) -> str:
        """The version query of an entry of ``versions``, which may be the path of a go.mod."""
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

    def _delivery(self, options: Result) -> Delivery:
        return Delivery(
            options["delivery"],
            mirror=mirror_of(options),
            signer=signer_of(options["signature"]),
            hosts=len((self._task_vars or {}).get("ansible_play_hosts", [])) or 1,
            cache=_cache(),
            warn=self._display.warning,
        )

    def _run_on_host(self, changes: Result, offer: Offer | None = None) -> Result:
        # The task's own arguments, not the validated options: the host expands the paths that are on the host.
        offered = {} if offer is None else {"offer": offer.option()}
        return self.run_module({**self._task.args, **changes, **offered})


def _cache() -> str:
    return os.path.expanduser(CACHE)


def _for_user(result: Result, *, sent: int) -> Result:
    """Add the bytes that were sent, and remove the keys that only the two halves use."""
    if not result.get("failed"):
        result["bytes_sent"] = sent
    Request.taken_from(result)
    result.pop(DELTA_REFUSED, None)
    return result
