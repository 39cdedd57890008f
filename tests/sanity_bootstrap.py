# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives ansible-test the pip bootstrap it would otherwise download from outside the package index.

ansible-test makes its environments without pip and fetches a get-pip script; Python's own ensurepip does the same
work without the network. The file name is the one that ansible-core 2.19 looks for in its cache.
"""

from __future__ import annotations

import pathlib

BOOTSTRAP = "import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n"
CACHE = pathlib.Path.home() / ".ansible" / "test" / "cache" / "get_pip_24_2.py"

if not CACHE.exists():
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    CACHE.write_text(BOOTSTRAP, encoding="utf-8")
