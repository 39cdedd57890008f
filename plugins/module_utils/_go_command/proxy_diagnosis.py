# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Diagnose why a Go module proxy does not answer, and say what to do."""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import typing as t

from .._download import redacted
from .goproxy import (
    ProxyEntry,
    SettingError,
    escaped,
    matches_pattern,
    parse_goproxy,
    parse_gosumdb,
)
from .proxy_request import Answer, Asker, ask

__all__ = ["KINDS", "Wanted", "advice", "diagnose", "first_problem"]

# Nothing here turns off a check: a way around it is not a remedy.
_ADVICE = {
    "answered": "Nothing to do.",
    "private": "Nothing to do: private modules are not known to a public checksum database.",
    "syntax": "Correct the setting; the module go_env checks it before it writes it.",
    "off": "Name a proxy before off, or put the module into the cache or the vendor directory.",
    "dns": "Check the name, and the resolvers in /etc/resolv.conf; behind an HTTP proxy set HTTPS_PROXY.",
    "refused": "Nothing listens there: check the port and whether the server runs, or a firewall that rejects.",
    "unreachable": "Check routes and the firewall; a host without IPv6 or a default route has none to the outside.",
    "timeout": "A firewall drops the packets, or the server is overloaded: open the way, or set HTTPS_PROXY.",
    "broken": "Something between speaks another protocol: check scheme and port, and middle boxes.",
    "tls": "The server or a middle box does not speak TLS 1.2 or newer here: check scheme and port.",
    "tls_unknown_authority": (
        "Install the authority's certificate on this host (update-ca-certificates), the one of the company if a"
        " middle box opens TLS; or name its file in SSL_CERT_FILE."
    ),
    "tls_expired": "If the clock is right, the server needs a new certificate; if not, set the clock (timedatectl).",
    "tls_not_yet_valid": "The clock of this host is behind: set it (timedatectl), and have it kept by NTP.",
    "tls_wrong_name": "Use the name that the certificate has, or have it issued for this name.",
    "tls_certificate": "Have the server send a valid certificate with its intermediates.",
    "proxy_address": "Correct HTTPS_PROXY or HTTP_PROXY.",
    "proxy_unspoken": "Go can take this way, this probe cannot: ask {subject} with curl, by the same variables.",
    "proxy_login": "The HTTP proxy wants a login: put it into HTTPS_PROXY, or have this host let through.",
    "proxy_refused": "The HTTP proxy does not lead there: have {subject} allowed in it, or add it to NO_PROXY.",
    "login": "Put a machine line for the host into .netrc of the user who builds (mode 0600), or renew what is there.",
    "not_found": "Check path and version of {module}; if it is private, put its prefix into GOPRIVATE.",
    "status": "The server has a fault of its own: see its log, and try again later.",
    "redirects": "The server sends in circles: mend it, or use the address it should have.",
    "page": "A login page or a captive portal answers in place of the proxy: log in there, or correct the address.",
    "not_a_proxy": "Correct the address: it must end where <module>/@v/list begins.",
    "file": "Have the user who builds read the directory.",
    "no_git": "Install git, or name a proxy that has the module.",
    "no_import": "Check the path of {module}: its server knows no repository for it.",
    "database_off": "Take GOSUMDB=off away; for private modules set GOPRIVATE to their prefix.",
    "not_a_database": "Correct the URL in GOSUMDB: it must have /latest below it.",
    "other_key": "Do not go on: ask the owner of the database for its key, and set GOSUMDB to name+hash+key.",
}
KINDS = frozenset(_ADVICE)


def advice(kind: str, *, subject: str, module: str) -> str:
    """A sentence that says what to do."""
    return _ADVICE[kind].format(subject=subject, module=module)


_DATABASE_HEAD = "go.sum database tree\n"
_SIGNATURE = 68  # bytes: the hash of the key, and an Ed25519 signature


class Wanted(t.NamedTuple):
    """A module, perhaps in a version, and the settings that it is to come by."""

    path: str
    version: str | None
    settings: t.Mapping[str, str]  # GOPROXY, GOSUMDB, GOPRIVATE, GONOPROXY, GONOSUMDB

    def setting(self, name: str) -> str:
        """GONOPROXY and GONOSUMDB are GOPRIVATE where they are not set."""
        fallback = self.settings.get("GOPRIVATE", "") if name in ("GONOPROXY", "GONOSUMDB") else ""
        return self.settings.get(name) or fallback


class _Asked(t.NamedTuple):
    """An entry of GOPROXY and what came of it."""

    entry: ProxyEntry
    answer: Answer


def diagnose(wanted: Wanted, *, asker: Asker) -> dict[str, t.Any]:
    """The return values of go_proxy_info."""
    proxies: list[dict[str, t.Any]] = []
    asked: list[_Asked] = []
    private = matches_pattern(wanted.setting("GONOPROXY"), wanted.path)
    text = "direct" if private else wanted.setting("GOPROXY")
    verdict: dict[str, t.Any]
    try:
        entries = parse_goproxy(text)
    except SettingError as error:
        entries = []
        verdict = _finding("GOPROXY", Answer("syntax", str(error)), wanted)
    else:
        for entry in entries:
            asked.append(_Asked(entry, _ask_entry(entry, wanted, asker=asker)))
        verdict = _verdict(asked, wanted)
        proxies = [
            {
                **_finding(redacted(item.entry.url), item.answer, wanted),
                "next_on": "every error" if item.entry.on_error else "404 and 410",
                "reached": item in _reached(asked),
            }
            for item in asked
        ]
    database = _database(entries, wanted, asker=asker)
    return {"proxies": proxies, "modules": verdict, "database": database, "private": private}


def first_problem(report: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """What keeps a module from coming, modules before checksums; None when nothing does."""
    for part in (report["modules"], report["database"]):
        # A database that is off keeps nothing from coming.
        if part["kind"] not in ("answered", "private", "database_off"):
            return dict(part)
    return None


def _finding(subject: str, answer: Answer, wanted: Wanted) -> dict[str, t.Any]:
    return {
        "subject": subject,
        "kind": answer.kind,
        "found": answer.found,
        "remedy": advice(answer.kind, subject=subject, module=wanted.path),
    }


def _ask_entry(entry: ProxyEntry, wanted: Wanted, *, asker: Asker) -> Answer:
    if entry.url == "off":
        return Answer("off", "GOPROXY says that nothing may be fetched from here on")
    if entry.url == "direct":
        return _ask_direct(wanted, asker=asker)
    base = f"{entry.url.rstrip('/')}/{escaped(wanted.path)}"
    if wanted.version is None:
        answer = ask(f"{base}/@v/list", asker=asker)
        if answer.kind != "answered" or _page(answer):
            return _module_answer(answer)
        if answer.body.strip():
            return answer
        return _module_answer(ask(f"{base}/@latest", asker=asker), form="info")
    return _module_answer(ask(f"{base}/@v/{escaped(wanted.version)}.info", asker=asker), form="info")


def _module_answer(answer: Answer, *, form: str = "") -> Answer:
    """An answer as a proxy of modules gives it, or that it is something else."""
    if answer.kind != "answered":
        return answer
    if _page(answer):
        return answer._replace(
            kind="page", found=f"{answer.found}, but with a web page ({answer.media_type})"
        )
    if form == "info":
        try:
            known = isinstance(json.loads(answer.body).get("Version"), str)
        except (ValueError, AttributeError):
            known = False
        if not known:
            return answer._replace(
                kind="not_a_proxy", found=f"{answer.found}, but not with a version of a module"
            )
    return answer


def _page(answer: Answer) -> bool:
    return "html" in answer.media_type.lower() or answer.body.lstrip()[:1] == "<"


def _ask_direct(wanted: Wanted, *, asker: Asker) -> Answer:
    answer = ask(f"https://{wanted.path}?go-get=1", asker=asker)
    hosted = wanted.path.split("/")[0] in ("github.com", "bitbucket.org")
    if answer.kind == "answered" and not hosted and "go-import" not in answer.body:
        answer = answer._replace(
            kind="no_import", found=f"{answer.found}, without a go-import line for {wanted.path}"
        )
    if answer.kind == "answered" and shutil.which("git") is None:
        return Answer("no_git", "the module is at its origin, but git is not on this host")
    return answer


def _reached(asked: list[_Asked]) -> list[_Asked]:
    """The entries that go comes to: it stops at one that answers, and at an error that its separator does not pass."""
    reached = []
    for item in asked:
        reached.append(item)
        absent = item.answer.kind in ("not_found", "off")
        if item.answer.kind == "answered" or (not absent and not item.entry.on_error):
            break
    return reached


def _verdict(asked: list[_Asked], wanted: Wanted) -> dict[str, t.Any]:
    """What go ends with: an answer, else the first error that is more than an absence, else the absence."""
    reached = _reached(asked)
    last = reached[-1]
    if last.answer.kind != "answered":
        real = [item for item in reached if item.answer.kind not in ("not_found", "off")]
        direct = [item for item in real if item.entry.url == "direct"]
        # go tells the last of these; the cause is the one before which others could still have helped
        last = (direct or real or reached)[0]
    finding = _finding(redacted(last.entry.url), last.answer, wanted)
    unreached = [redacted(item.entry.url) for item in asked if item not in reached]
    if unreached and last.answer.kind != "answered":
        finding["remedy"] += (
            f" After a comma the next entry ({unreached[0]}) is asked on 404 and 410 alone;"
            " after | it is asked on every error."
        )
    return finding


def _database(entries: list[ProxyEntry], wanted: Wanted, *, asker: Asker) -> dict[str, t.Any]:
    text = wanted.setting("GOSUMDB")
    try:
        database = parse_gosumdb(text)
    except SettingError as error:
        return _finding("GOSUMDB", Answer("syntax", str(error)), wanted)
    if matches_pattern(wanted.setting("GONOSUMDB"), wanted.path):
        return _finding(
            "GOSUMDB",
            Answer("private", "GONOSUMDB or GOPRIVATE has the module, so it is not asked for"),
            wanted,
        )
    if database is None:
        return _finding("GOSUMDB", Answer("database_off", "GOSUMDB=off: no checksum is compared"), wanted)
    base = database.url or f"https://{database.name}"
    for entry in entries if database.url is None else []:
        if entry.url in ("direct", "off"):
            break
        offered = f"{entry.url.rstrip('/')}/sumdb/{database.name}"
        supported = ask(f"{offered}/supported", asker=asker)
        if supported.kind == "answered" and not _page(supported):
            # From here on go asks this proxy alone.
            base = offered
            break
        if supported.kind != "not_found" and not entry.on_error:
            return _finding(f"{redacted(entry.url)} for {database.name}", _module_answer(supported), wanted)
    return _latest(base, database.name, database.key_hash, wanted, asker=asker)


def _latest(base: str, name: str, key_hash: str, wanted: Wanted, *, asker: Asker) -> dict[str, t.Any]:
    """Whether a database tells the state of its tree, signed with the key that was expected."""
    answer = ask(f"{base.rstrip('/')}/latest", asker=asker)
    if answer.kind == "answered":
        if _page(answer) or not answer.body.startswith(_DATABASE_HEAD):
            answer = _module_answer(answer)
            answer = (
                answer
                if answer.kind == "page"
                else answer._replace(
                    kind="not_a_database",
                    found=f"{answer.found}, but not with the tree of a checksum database",
                )
            )
        elif not _signed_by(answer.body, name, key_hash):
            answer = answer._replace(
                kind="other_key", found=f"{answer.found}, signed with another key than {name}+{key_hash}"
            )
    return _finding(redacted(base), answer, wanted)


def _signed_by(note: str, name: str, key_hash: str) -> bool:
    for line in note.splitlines():
        words = line.split(" ")
        if len(words) == 3 and words[0] == "\u2014" and words[1] == name:
            try:
                signature = base64.b64decode(words[2], validate=True)
            except (binascii.Error, ValueError):
                continue
            if len(signature) == _SIGNATURE and signature[:4].hex() == key_hash:
                return True
    return False
