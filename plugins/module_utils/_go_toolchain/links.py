# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Manage the links to go and gofmt through which shells and services use a store of Go releases."""

from __future__ import annotations

import os

from .._atomic import replace_link
from .._errors import HostError

__all__ = ["links_of", "make_links", "read_links"]

_PROGRAMS = ("go", "gofmt")


def links_of(store: str, bin_dir: str) -> dict[str, str]:
    """The target that each link must have, by the path of the link."""
    return {os.path.join(bin_dir, name): os.path.join(store, "current", "bin", name) for name in _PROGRAMS}


def read_links(
    store: str, bin_dir: str, *, adopted: str | None = None, foreign_allowed: bool = False
) -> dict[str, str | None]:
    """The target that each link has now, by the path of the link, or None where there is no link.

    :param adopted: a tree that is being taken over: links into it may be replaced
    :param foreign_allowed: report files and links of others as None instead of refusing them
    :raises HostError: a file or a link of somebody else is there
    """
    return {
        path: _own_link(store, path, adopted=adopted, foreign_allowed=foreign_allowed)
        for path in links_of(store, bin_dir)
    }


def make_links(store: str, bin_dir: str, *, adopted: str | None = None) -> None:
    """Create the directory and the links, and correct those that lead elsewhere.

    :param adopted: a tree that is being taken over: links into it may be replaced
    :raises HostError: a link cannot be made, or a file or a link of somebody else is there
    """
    try:
        os.makedirs(bin_dir, mode=0o755, exist_ok=True)
        there = read_links(store, bin_dir, adopted=adopted)
        for path, target in links_of(store, bin_dir).items():
            if there[path] != target:
                replace_link(path, target)
    except OSError as error:
        raise HostError(
            bin_dir,
            wanted="links to go and gofmt",
            found=str(error),
            remedy="Run with `become: true`, or choose another `bin_dir`.",
        )


def _own_link(store: str, path: str, *, adopted: str | None, foreign_allowed: bool) -> str | None:
    try:
        target = os.readlink(path)
        found = f"a link to {target}"
    except FileNotFoundError:
        return None
    except OSError:
        target, found = "", "something that is not a link"
    leads_to = os.path.normpath(os.path.join(os.path.dirname(path), target))
    if any(leads_to.startswith(f"{tree}/") for tree in (store, adopted) if tree is not None):
        return target
    if foreign_allowed:
        return None
    raise HostError(
        path,
        wanted=f"nothing, or a link into {store}",
        found=found,
        remedy="Left unchanged, because this module did not make it. Move it away, or choose another `bin_dir`. "
        "If it leads into a Go that was installed by hand, `adopt` takes both over.",
    )
