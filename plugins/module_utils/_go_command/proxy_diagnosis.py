# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Diagnose why the go command cannot fetch a module, and say what to do."""

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
from .proxy_request import Answer, Client, ask

__all__ = ["KINDS", "Wanted", "advice", "diagnose", "first_problem"]

# No remedy turns off a check.
_ADVICE = {
    "answered": "Nothing to do.",
    "private": "Nothing to do: private modules are not known to a public checksum database.",
    "syntax": "Correct the setting. The module go_env checks a setting before it writes it.",
    "off": "Add a proxy before off, or put the module into the module cache or the vendor directory.",
    "dns": "Check the name, and the resolvers in /etc/resolv.conf. Behind an HTTP proxy, set HTTPS_PROXY.",
    "refused": "Nothing listens there, or a firewall rejects. Check the port, the server and the firewall.",
    "unreachable": "Check the routes and the firewall. The host may have no IPv6 or no default route.",
    "timeout": "A firewall drops the packets, or the server is overloaded. Open the firewall, or set HTTPS_PROXY.",
    "broken": "The server or a middlebox uses another protocol. Check the scheme and the port, and middleboxes.",
    "tls": "The server or a middlebox does not use TLS 1.2 or newer here. Check the scheme and the port.",
    "tls_unknown_authority": (
        "Install the certificate of the authority on this host (update-ca-certificates), or name its file in"
        " SSL_CERT_FILE. If a middlebox decrypts TLS, install the certificate of your company."
    ),
    "tls_expired": "If the clock is right, the server needs a new certificate. Else set the clock (timedatectl).",
    "tls_not_yet_valid": "The clock of this host is behind. Set it (timedatectl), and enable NTP.",
    "tls_wrong_name": "Use a name that the certificate has, or have a certificate issued for this name.",
    "tls_certificate": "Have the server send a valid certificate and its intermediate certificates.",
    "proxy_address": "Correct HTTPS_PROXY or HTTP_PROXY.",
    "proxy_unspoken": "Go can use this proxy, but this module cannot. Test {subject} with curl and the same variables.",
    "proxy_login": "The HTTP proxy requires a login. Put it into HTTPS_PROXY, or have the proxy allow this host.",
    "proxy_refused": "The HTTP proxy refuses this server. Have the proxy allow {subject}, or add it to NO_PROXY.",
    "login": "Add a machine line for the server to .netrc of the user who builds (mode 0600), or correct it.",
    "not_found": "Check the path and the version of {module}. If it is private, add its prefix to GOPRIVATE.",
    "status": "The server has an error. See its log, and try again later.",
    "redirects": "The server redirects in a circle. Correct the server, or use the right address.",
    "page": "A login page or a captive portal answers instead of the proxy. Log in there, or correct the address.",
    "not_a_proxy": "Correct the address. It must be the part of the URL before <module>/@v/list.",
    "file": "Let the user who builds read the directory.",
    "no_git": "Install git, or name a proxy that has the module.",
    "no_import": "Check the path of {module}. Its server names no repository for it.",
    "database_off": "Remove GOSUMDB=off. For private modules, set GOPRIVATE to their prefix.",
    "not_a_database": "Correct the URL in GOSUMDB. It must be the part of the URL before /latest.",
    "other_key": "Do not continue. Ask the owner of the database for its key, and set GOSUMDB to name+hash+key.",
}
KINDS = frozenset(_ADVICE)
_DATABASE_HEAD = "go.sum database tree\n"
_SIGNATURE = 68  # bytes: the hash of the key (4), and an Ed25519 signature


def advice(kind: str, *, subject: str, module: str) -> str:
    """What to do about a kind of answer, as sentences."""
    return _ADVICE[kind].format(subject=subject, module=module)


class Wanted(t.NamedTuple):
    """A module to fetch, and the settings to fetch it with."""

    path: str
    version: str | None
    settings: t.Mapping[str, str]  # GOPROXY, GOSUMDB, GOPRIVATE, GONOPROXY, GONOSUMDB

    def setting(self, name: str) -> str:
        """The value of a setting. GONOPROXY and GONOSUMDB default to GOPRIVATE."""
        fallback = self.settings.get("GOPRIVATE", "") if name in ("GONOPROXY", "GONOSUMDB") else ""
        return self.settings.get(name) or fallback


class _Attempt(t.NamedTuple):
    """An entry of GOPROXY, and its answer."""

    entry: ProxyEntry
    answer: Answer


def diagnose(wanted: Wanted, *, client: Client) -> dict[str, t.Any]:
    """Ask all proxies and the checksum database for a module, and return the values of go_proxy_info."""
    proxies: list[dict[str, t.Any]] = []
    attempts: list[_Attempt] = []
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
            attempts.append(_Attempt(entry, _ask_entry(entry, wanted, client=client)))
        verdict = _verdict(attempts, wanted)
        proxies = [
            {
                **_finding(redacted(item.entry.url), item.answer, wanted),
                "next_on": "every error" if item.entry.on_error else "404 and 410",
                "reached": item in _reached(attempts),
            }
            for item in attempts
        ]
    database = _database(entries, wanted, client=client)
    return {"proxies": proxies, "modules": verdict, "database": database, "private": private}


def first_problem(report: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """The problem that prevents fetching a module, that of the proxies first, or None if there is none."""
    for part in (report["modules"], report["database"]):
        # A module can be fetched without a checksum database.
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


def _ask_entry(entry: ProxyEntry, wanted: Wanted, *, client: Client) -> Answer:
    if entry.url == "off":
        return Answer("off", "GOPROXY forbids downloads after the entries before off")
    if entry.url == "direct":
        return _ask_direct(wanted, client=client)
    base = f"{entry.url.rstrip('/')}/{escaped(wanted.path)}"
    if wanted.version is None:
        answer = ask(f"{base}/@v/list", client=client)
        if answer.kind != "answered" or _page(answer):
            return _module_answer(answer)
        if answer.body.strip():
            return answer
        return _module_answer(ask(f"{base}/@latest", client=client), form="info")
    return _module_answer(ask(f"{base}/@v/{escaped(wanted.version)}.info", client=client), form="info")


def _module_answer(answer: Answer, *, form: str = "") -> Answer:
    """The answer itself if it is one of a module proxy, else an answer of the kind page or not_a_proxy.

    :param form: info, if the answer must be the JSON of a version
    """
    if answer.kind != "answered":
        return answer
    if _page(answer):
        return answer._replace(
            kind="page", found=f"{answer.found}, but sends a web page ({answer.media_type})"
        )
    if form == "info":
        try:
            known = isinstance(json.loads(answer.body).get("Version"), str)
        except (ValueError, AttributeError):
            known = False
        if not known:
            return answer._replace(
                kind="not_a_proxy", found=f"{answer.found}, but does not send a version of a module"
            )
    return answer


def _page(answer: Answer) -> bool:
    """Whether an answer is a web page."""
    return "html" in answer.media_type.lower() or answer.body.lstrip()[:1] == "<"


def _ask_direct(wanted: Wanted, *, client: Client) -> Answer:
    answer = ask(f"https://{wanted.path}?go-get=1", client=client)
    hosted = wanted.path.split("/")[0] in ("github.com", "bitbucket.org")
    if answer.kind == "answered" and not hosted and "go-import" not in answer.body:
        answer = answer._replace(
            kind="no_import", found=f"{answer.found}, without a go-import line for {wanted.path}"
        )
    if answer.kind == "answered" and shutil.which("git") is None:
        return Answer("no_git", "the module is at its origin, but git is not installed on this host")
    return answer


def _reached(attempts: list[_Attempt]) -> list[_Attempt]:
    """The entries that go tries until an answer, or until an error after which it does not try the next entry."""
    reached = []
    for item in attempts:
        reached.append(item)
        absent = item.answer.kind in ("not_found", "off")
        if item.answer.kind == "answered" or (not absent and not item.entry.on_error):
            break
    return reached


def _verdict(attempts: list[_Attempt], wanted: Wanted) -> dict[str, t.Any]:
    """The result of go: an answer, else the first error other than not_found and off, else one of these."""
    reached = _reached(attempts)
    last = reached[-1]
    if last.answer.kind != "answered":
        real = [item for item in reached if item.answer.kind not in ("not_found", "off")]
        direct = [item for item in real if item.entry.url == "direct"]
        # go prints the last error. The first one is the cause, because later entries are only tried after it.
        last = (direct or real or reached)[0]
    finding = _finding(redacted(last.entry.url), last.answer, wanted)
    unreached = [redacted(item.entry.url) for item in attempts if item not in reached]
    if unreached and last.answer.kind != "answered":
        finding["remedy"] += (
            f" After a comma, go tries the next entry ({unreached[0]}) only on 404 and 410."
            " After |, go tries it on every error."
        )
    return finding


def _database(entries: list[ProxyEntry], wanted: Wanted, *, client: Client) -> dict[str, t.Any]:
    text = wanted.setting("GOSUMDB")
    try:
        database = parse_gosumdb(text)
    except SettingError as error:
        return _finding("GOSUMDB", Answer("syntax", str(error)), wanted)
    if matches_pattern(wanted.setting("GONOSUMDB"), wanted.path):
        return _finding(
            "GOSUMDB",
            Answer("private", "GONOSUMDB or GOPRIVATE matches the module, so the database is not asked"),
            wanted,
        )
    if database is None:
        return _finding("GOSUMDB", Answer("database_off", "GOSUMDB=off: checksums are not verified"), wanted)
    base = database.url or f"https://{database.name}"
    for entry in entries if database.url is None else []:
        if entry.url in ("direct", "off"):
            break
        offered = f"{entry.url.rstrip('/')}/sumdb/{database.name}"
        supported = ask(f"{offered}/supported", client=client)
        if supported.kind == "answered" and not _page(supported):
            # go asks only this proxy for the database.
            base = offered
            break
        if supported.kind != "not_found" and not entry.on_error:
            return _finding(f"{redacted(entry.url)} for {database.name}", _module_answer(supported), wanted)
    return _latest(base, database.name, database.key_hash, wanted, client=client)


def _latest(base: str, name: str, key_hash: str, wanted: Wanted, *, client: Client) -> dict[str, t.Any]:
    """Read the latest tree of a database, and check that it is signed with the expected key."""
    answer = ask(f"{base.rstrip('/')}/latest", client=client)
    if answer.kind == "answered":
        if _page(answer) or not answer.body.startswith(_DATABASE_HEAD):
            answer = _module_answer(answer)
            answer = (
                answer
                if answer.kind == "page"
                else answer._replace(
                    kind="not_a_database",
                    found=f"{answer.found}, but does not send the tree of a checksum database",
                )
            )
        elif not _signed_by(answer.body, name, key_hash):
            answer = answer._replace(
                kind="other_key", found=f"{answer.found}, but signed with another key than {name}+{key_hash}"
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
