# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""The file beside an inventory that says which releases a fleet has: what moving names mean, and hashes of archives."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from ...module_utils._atomic import write_text
from ...module_utils._errors import HostError
from ...module_utils._go_toolchain.index import Archive
from ...module_utils._lock import exclusive_lock

__all__ = ["VersionLock"]

_LIMIT = 1 << 24  # bytes
_WAIT = 60  # seconds


class VersionLock:
    """``pins`` by moving name; ``archives`` by version and architecture."""

    def __init__(self, path: str, *, cache: str) -> None:
        self.path = path
        self._cache = cache
        self._told = self._read()

    def pin(self, wish: str) -> str | None:
        version: str | None = self._told["pins"].get(wish)
        return version

    def archive(self, version: str, arch: str) -> Archive | None:
        told = self._told["archives"].get(version, {}).get(arch)
        return None if told is None else Archive(told["filename"], told["sha256"], told["size"])

    def keep(self, pins: t.Mapping[str, str], archives: t.Mapping[tuple[str, str], Archive]) -> None:
        """Add to the file, which another host's process may have written in between.

        :param archives: by version and architecture
        :raises HostError: it cannot be written
        """
        with self._alone():
            now = self._read()
            wanted = json.loads(json.dumps(now))
            wanted["pins"].update(pins)
            for (version, arch), archive in archives.items():
                wanted["archives"].setdefault(version, {})[arch] = archive._asdict()
            if wanted != now:
                self._write(wanted)
            self._told = wanted

    def _alone(self) -> t.ContextManager[None]:
        # Not beside the file, which stands in somebody's repository.
        folder = os.path.join(self._cache, "locks")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        name = hashlib.sha256(os.path.realpath(self.path).encode()).hexdigest()[:32]
        return exclusive_lock(os.path.join(folder, name), wait_seconds=_WAIT)

    def _read(self) -> dict[str, t.Any]:
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.loads(file.read(_LIMIT))
            return {"pins": _pins(found["pins"]), "archives": _archives(found["archives"])}
        except FileNotFoundError:
            return {"pins": {}, "archives": {}}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise HostError(
                self.path,
                wanted="a lock file that an earlier run has written, or none",
                found=f"one that cannot be read: {error!r}",
                remedy="Put it back from version control, or remove it to have all names looked up anew.",
            )

    def _write(self, wanted: dict[str, t.Any]) -> None:
        try:
            write_text(self.path, json.dumps(wanted, indent=2, sort_keys=True) + "\n")
        except OSError as error:
            raise HostError(
                self.path,
                wanted="to write down which releases were chosen",
                found=str(error),
                remedy="Let the controller's user write there, or leave lock out.",
            )


def _pins(found: dict[str, t.Any]) -> dict[str, str]:
    return {str(wish): str(version) for wish, version in found.items()}


def _archives(found: dict[str, t.Any]) -> dict[str, dict[str, dict[str, t.Any]]]:
    return {
        str(version): {
            str(arch): {
                "filename": str(told["filename"]),
                "sha256": str(told["sha256"]),
                "size": int(told["size"]),
            }
            for arch, told in arches.items()
        }
        for version, arches in found.items()
    }
