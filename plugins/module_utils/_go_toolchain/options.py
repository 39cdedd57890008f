# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What the host's half and the controller's half of go_toolchain share: options, requests and offers.

The controller runs the module on the host with an Offer. The host answers with a Request if something is missing. The
controller then looks it up, sends files where that is better than a download, and runs the module again with a complete
Offer.
"""

from __future__ import annotations

import typing as t

from .index import Archive

__all__ = [
    "DELTA_REFUSED",
    "REQUIRED_IF",
    "Offer",
    "Payload",
    "Request",
    "bundle_spec",
    "mirror_spec",
    "toolchain_spec",
]

REQUIRED_IF = ("state", "present", ("versions",))

# The key of a failed result that says that a delta did not apply.
DELTA_REFUSED = "delta_refused"
_REQUEST = "request"


class Request(t.NamedTuple):
    """What a host needs to know from the controller."""

    arch: str  # in go.dev's words
    queries: list[str]  # floating version queries whose release the host does not know
    versions: list[str]  # releases whose archives the host needs
    installed: dict[str, dict[str, t.Any]]  # ``sha256`` and ``size`` of the archive of each complete release

    def report(self) -> dict[str, t.Any]:
        """The result of the module that carries this request."""
        return {_REQUEST: self._asdict()}

    @classmethod
    def taken_from(cls, result: dict[str, t.Any]) -> Request | None:
        """Remove the request from a result of the module, and return it, or None if it has none."""
        found = result.pop(_REQUEST, None)
        return None if found is None else cls(**found)


class Payload(t.NamedTuple):
    """A file that the controller sends for a release: its archive, or a delta to its tree.

    The controller has checked the archive's signature, if one is required.
    """

    path: str  # on the controller before it is sent, on the host after that
    base: str | None = None  # the release that the delta starts from; None for an archive
    root: str | None = None  # Merkle root of the tree that the delta leads to


class Offer(t.NamedTuple):
    """What the controller tells a host."""

    resolved: t.Mapping[str, str] = {}  # releases by the floating queries that resolve to them
    newest: int | None = None  # N of the newest 1.N with a stable release
    archives: t.Mapping[str, Archive] | None = None  # by version; None before the host's request
    payloads: t.Mapping[str, Payload] = {}  # the files that were sent, by version

    def option(self) -> dict[str, t.Any]:
        """The offer as a value of the option ``offer``."""
        if self.archives is None:
            return {"resolved": dict(self.resolved), "newest": self.newest}
        items = []
        for version, archive in self.archives.items():
            payload = self.payloads.get(version)
            sent = {} if payload is None else payload._asdict()
            items.append({"version": version, **archive._asdict(), **sent})
        return {"resolved": dict(self.resolved), "newest": self.newest, "archives": items}

    @classmethod
    def of_option(cls, option: t.Mapping[str, t.Any] | None) -> Offer | None:
        """The offer in a validated value of the option ``offer``, or None without the option."""
        if option is None:
            return None
        items = option["archives"]
        return cls(
            option["resolved"],
            option["newest"],
            None
            if items is None
            else {item["version"]: Archive(item["filename"], item["sha256"], item["size"]) for item in items},
            {
                item["version"]: Payload(item["path"], item["base"], item["root"])
                for item in items or []
                if item["path"] is not None
            },
        )


def mirror_spec() -> dict[str, t.Any]:
    """The options that describe the mirror and the signing key."""
    signature = {
        "fingerprint": {"type": "str", "required": True},
        "key": {"type": "path", "required": True, "no_log": False},
        "data": {"type": "str"},
    }
    return {
        "mirror": {"type": "str", "default": "https://go.dev/dl"},
        "headers": {"type": "dict", "no_log": True},
        "ca_path": {"type": "path"},
        "timeout": {"type": "int", "default": 30},
        "signature": {"type": "dict", "options": signature},
    }


def bundle_spec() -> dict[str, t.Any]:
    """The options of go_bundle."""
    return {
        **mirror_spec(),
        "path": {"type": "path", "required": True},
        "versions": {"type": "list", "elements": "str", "required": True},
        "arches": {"type": "list", "elements": "str", "default": ["amd64", "arm64"]},
    }


def toolchain_spec() -> dict[str, t.Any]:
    """The options of go_toolchain."""
    archive = {
        "version": {"type": "str", "required": True},
        "filename": {"type": "str", "required": True},
        "sha256": {"type": "str", "required": True},
        "size": {"type": "int", "required": True},
        "path": {"type": "path"},
        "base": {"type": "str"},
        "root": {"type": "str"},
    }
    offer = {
        "resolved": {"type": "dict", "default": {}},
        "newest": {"type": "int"},
        "archives": {"type": "list", "elements": "dict", "options": archive},
    }
    return {
        **mirror_spec(),
        "versions": {"type": "list", "elements": "str"},
        "active": {"type": "str"},
        "update": {"type": "bool", "default": False},
        "lock": {"type": "path"},
        "root": {"type": "path", "default": "/usr/local/lib/go"},
        "bin_dir": {"type": "path", "default": "/usr/local/bin"},
        "adopt": {"type": "path"},
        "delivery": {"type": "str", "choices": ["auto", "host", "controller"], "default": "auto"},
        "keep": {"type": "int"},
        "state": {"type": "str", "choices": ["present", "absent", "rolled_back"], "default": "present"},
        "offer": {"type": "dict", "options": offer},
    }
