# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Render the page as one HTML file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import pathlib
import typing as t

import jinja2
from markupsafe import Markup

from .view import data_of, view_of

__all__ = ["page_of"]

_SYMBOLS = {"yes": "✓", "no": "✗", "unknown": "?"}


def page_of(fleet: t.Mapping[str, t.Any], *, templates: pathlib.Path) -> str:
    """Return the text of fleet.html.

    The content security policy of the page forbids every request. It allows the style sheet and the scripts by their
    hashes, so that a text that was not escaped does not run either.

    :param fleet: a report as fleet_of() returns it
    :param templates: the directory with fleet.html.j2, fleet.css and fleet.js
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(templates)),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = lambda number: f"{number:,}"
    style, script = ((templates / name).read_text(encoding="utf-8") for name in ("fleet.css", "fleet.js"))
    # This runs before the body is drawn, so that the page does not move when the main script opens and closes parts.
    early = 'document.documentElement.classList.add("js");'
    return environment.get_template("fleet.html.j2").render(
        view_of(fleet),
        symbols=_SYMBOLS,
        style=Markup(style),
        script=Markup(script),
        early=Markup(early),
        data=Markup(data_of(fleet)),
        policy=(
            f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(early)}' '{_hash(script)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
