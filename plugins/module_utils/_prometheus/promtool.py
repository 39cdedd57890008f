# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check configuration and rules with promtool before they are written."""

from __future__ import annotations

import os
import shutil
import tempfile

from .._atomic import write_text
from .._errors import HostError
from .._run import Runner
from .config import edit_config
from .files import Scraping

__all__ = ["NO_PROMTOOL", "check_staged"]

NO_PROMTOOL = "promtool is not on this host yet, so the files were not checked"


def check_staged(
    text: str | None, scraping: Scraping, *, config: str, directory: str, run: Runner
) -> str | None:
    """Let promtool check a copy of the configuration with our changes.

    :param text: the configuration as it is
    :param directory: where our files will be
    :returns: None, or why the files were not checked
    :raises HostError: promtool refuses the files, or there is no configuration
    """
    if run(["promtool", "--version"]).rc == 127:
        return NO_PROMTOOL
    if text is None:
        raise HostError(
            config,
            wanted="the configuration of Prometheus",
            found="no such file",
            remedy="Correct `config`, or install Prometheus.",
        )
    stage = tempfile.mkdtemp(prefix="gofleet-scrape-")
    try:
        _stage(stage, text, scraping, config=config)
        staged = os.path.join(stage, "config", os.path.basename(config))
        done = run(["promtool", "check", "config", staged])
    finally:
        shutil.rmtree(stage)
    if done.rc != 0:
        message = done.err.strip() or done.out.strip()
        message = message.replace(os.path.join(stage, "ours"), directory)
        message = message.replace(os.path.join(stage, "config"), os.path.dirname(config))
        raise HostError(
            config,
            wanted="files that promtool accepts",
            found=f"exit status {done.rc}: {message}",
            remedy="Correct the named file. Nothing was changed.",
        )
    return None


def _stage(stage: str, text: str, scraping: Scraping, *, config: str) -> None:
    home, copy, ours = os.path.dirname(config), os.path.join(stage, "config"), os.path.join(stage, "ours")
    os.mkdir(copy)
    for name in os.listdir(home):
        # Paths in the configuration are relative to its directory.
        if name != os.path.basename(config):
            os.symlink(os.path.join(home, name), os.path.join(copy, name))
    write_text(
        os.path.join(copy, os.path.basename(config)),
        edit_config(text, scraping.items(ours), path=config),
        mode=0o600,
    )
    for path, content in scraping.files(ours).items():
        write_text(path, content)
