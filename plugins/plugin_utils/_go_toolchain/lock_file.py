# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: it can change at any time.

"""Read and write the lock file: the releases of floating version queries and the hashes of archives, for all hosts.

The file usually lies beside the inventory, under version control.
"""

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
    """The lock file: ``pins`` by floating version query, and ``archives`` by version and architecture.

    :param path: of the file, which need not exist
    :param cache: a directory of the controller for the file that is locked
    :raises HostError: the file is not a lock file
    """

    def __init__(self, path: str, *, cache: str) -> None:
        self.path = path
        self._cache = cache
        self._content = self._read()

    def pin(self, query: str) -> str | None:
        """The release of a floating version query, or None if the file has none."""
        version: str | None = self._content["pins"].get(query)
        return version

    def archive(self, version: str, arch: str) -> Archive | None:
        """The archive of a release for an architecture, or None if the file has none."""
        found = self._content["archives"].get(version, {}).get(arch)
        return None if found is None else Archive(found["filename"], found["sha256"], found["size"])

    def add(self, pins: t.Mapping[str, str], archives: t.Mapping[tuple[str, str], Archive]) -> None:
        """Add entries to the file. Entries that another process has written meanwhile stay.

        :param archives: by version and architecture
        :raises HostError: the file cannot be written
        """
        with self._exclusive():
            before = self._read()
            after = json.loads(json.dumps(before))
            after["pins"].update(pins)
            for (version, arch), archive in archives.items():
                after["archives"].setdefault(version, {})[arch] = archive._asdict()
            if after != before:
                self._write(after)
            self._content = after

    def _exclusive(self) -> t.ContextManager[None]:
        # Not beside the file, which usually is in a repository.
        folder = os.path.join(self._cache, "locks")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        name = hashlib.sha256(os.path.realpath(self.path).encode()).hexdigest()[:32]
        return exclusive_lock(os.path.join(folder, name), wait_seconds=_WAIT)

    def _read(self) -> dict[str, t.Any]:
        try:
            with open(self.path, encoding="utf-8") as file:
                found = json.loads(file.read(_LIMIT))
            return {"pins": _parse_pins(found["pins"]), "archives": _parse_archives(found["archives"])}
        except FileNotFoundError:
            return {"pins": {}, "archives": {}}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise HostError(
                self.path,
                wanted="a lock file that an earlier run has written, or no file",
                found=f"a file that cannot be read: {error!r}",
                remedy="Restore it from version control, or remove it: the next run then looks all versions up again.",
            )

    def _write(self, content: dict[str, t.Any]) -> None:
        try:
            write_text(self.path, json.dumps(content, indent=2, sort_keys=True) + "\n")
        except OSError as error:
            raise HostError(
                self.path,
                wanted="a lock file that the controller can write",
                found=str(error),
                remedy="Let the controller's user write there, or omit `lock`.",
            )


def _parse_pins(found: dict[str, t.Any]) -> dict[str, str]:
    return {str(query): str(version) for query, version in found.items()}


def _parse_archives(found: dict[str, t.Any]) -> dict[str, dict[str, dict[str, t.Any]]]:
    return {
        str(version): {
            str(arch): {
                "filename": str(archive["filename"]),
                "sha256": str(archive["sha256"]),
                "size": int(archive["size"]),
            }
            for arch, archive in arches.items()
        }
        for version, arches in found.items()
    }
