# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""The options of the modules that get Go releases, the same on the host and on the controller."""

from __future__ import annotations

import typing as t

__all__ = ["REQUIRED_IF", "bundle_spec", "mirror_spec", "toolchain_spec"]

REQUIRED_IF = ("state", "present", ("versions",))


def mirror_spec() -> dict[str, t.Any]:
    """Where releases come from, and how they are trusted."""
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
