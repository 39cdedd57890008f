# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Propose the AppArmor rules that would allow what was denied."""

from __future__ import annotations

import re
import typing as t

from .risks import (
    capability_danger,
    exec_danger,
    file_danger,
    mount_danger,
    network_danger,
    ptrace_danger,
    signal_danger,
    userns_danger,
)

if t.TYPE_CHECKING:
    from .denial import Denial

__all__ = ["Proposal", "Proposals", "base_profile", "pattern_of", "propose", "quoted"]

_PLAIN = re.compile(r"[A-Za-z0-9/._+:=@%~*{}-]+")
_GLOB = "*?[]{}"
_INIT = "1"
_WORD = re.compile(r"[a-z0-9_+]+")
# In the usual order. `ix` runs a program in the same profile.
_LETTERS = (("r", "r"), ("w", "w"), ("a", "a"), ("m", "m"), ("k", "k"), ("l", "l"), ("x", "ix"))
# Creating or deleting a file needs `w`. `a` alone allows neither.
_AS_LETTER = {"c": "w", "d": "w"}
# Running a program in the same profile needs to read and map it too.
_EXEC_LETTERS = frozenset("mrx")


class Proposal(t.NamedTuple):
    """A proposed rule with its comma.

    danger: why a person should review it, or None
    """

    rule: str
    danger: str | None
    denials: list[Denial]


class Proposals(t.NamedTuple):
    """The proposed rules, and the denials without a rule, each with the reason."""

    proposals: list[Proposal]
    unanswered: list[tuple[Denial, str]]


class _Part(t.NamedTuple):
    """What one denial adds to a rule.

    Parts with the same ``key`` become one rule.
    """

    key: tuple[str, ...]
    letters: frozenset[str]
    denial: Denial


def base_profile(name: str) -> str:
    """Return the profile that a rule belongs in, which is the parent for a ``//null-`` profile.

    In complain mode the kernel creates a ``//null-`` profile for a program that no rule mentions. A proposed rule
    runs that program in the parent profile, so its denials belong to the parent.
    """
    return name.split("//null-", 1)[0]


def propose(denials: t.Iterable[Denial], *, release_roots: t.Sequence[str]) -> Proposals:
    """Return the rules that would allow the denials of one profile.

    :param release_roots: directories of release stores; versions in paths below them become ``*``
    """
    parts: dict[tuple[str, ...], list[_Part]] = {}
    unanswered: list[tuple[Denial, str]] = []
    for denial in denials:
        part = _part(denial, release_roots=release_roots)
        if isinstance(part, str):
            unanswered.append((denial, part))
        else:
            parts.setdefault(part.key, []).append(part)
    return Proposals([_proposal(key, group) for key, group in _merge_owner_rules(parts).items()], unanswered)


def _part(denial: Denial, *, release_roots: t.Sequence[str]) -> _Part | str:
    """Return what a denial adds to a rule, or why there is no rule for it."""
    if denial.optional:
        return "optional: the kernel only checks for the capability and does not need it"
    if denial.kind in ("file", "exec"):
        return _file_part(denial, release_roots=release_roots)
    make = _KINDS.get(denial.kind)
    key = make(denial) if make else None
    if key is None:
        return f"no rule is known for {denial.kind} ({denial.get('operation')})"
    return _Part(key, frozenset([denial.get("signal")]) if denial.kind == "signal" else frozenset(), denial)


def _file_part(denial: Denial, *, release_roots: t.Sequence[str]) -> _Part | str:
    path = denial.get("name")
    if denial.get("info").startswith("Failed name lookup"):
        flag = "mediate_deleted" if "deleted" in denial.get("info") else "attach_disconnected"
        return f"no rule allows it: {denial.get('info')}; the profile needs flags=({flag})"
    if not path.startswith("/"):
        return f"no rule is known for {denial.get('operation')} without a path"
    pattern = pattern_of(path, release_roots=release_roots)
    owner = "owner" if denial.get("fsuid") and denial.get("fsuid") == denial.get("ouid") else ""
    if denial.get("operation") == "link" and denial.get("target"):
        return _Part(("link", owner, pattern, quoted(denial.get("target"))), frozenset("l"), denial)
    letters = _EXEC_LETTERS if denial.kind == "exec" else _letters(denial.mask)
    return _Part(("file", owner, pattern), letters, denial)


def _letters(mask: str) -> frozenset[str]:
    letters = {_AS_LETTER.get(letter, letter) for letter in mask if letter.isalpha()}
    return frozenset(letters - {"a"} if "w" in letters else letters)


def _words(*words: str) -> tuple[str, ...] | None:
    """Return words for a rule, or None where the kernel has no name for one of them, such as unknown(41)."""
    return words if all(_WORD.fullmatch(word) for word in words) else None


def _capability_key(denial: Denial) -> tuple[str, ...] | None:
    return _words("capability", denial.get("capname"))


def _network_key(denial: Denial) -> tuple[str, ...] | None:
    return _words("network", denial.get("family"), denial.get("sock_type"))


def _unix_key(denial: Denial) -> tuple[str, ...] | None:
    words = _words("unix", denial.get("sock_type"))
    finer = [denial.get(name) for name in ("addr", "peer_addr", "peer")]
    if words is None or not any(finer):
        # Only Ubuntu's kernels and Linux 6.17 or later mediate unix sockets by more than their type.
        return _words("network", "unix", denial.get("sock_type"))
    access = sorted(set(re.split(r"[\s,]+", denial.mask)))
    return (*words, ", ".join(access), *("" if value == "none" else value for value in finer))


def _signal_key(denial: Denial) -> tuple[str, ...] | None:
    words = _words("signal", denial.mask, denial.get("signal"))
    return ("signal", denial.mask, base_profile(denial.get("peer"))) if words else None


def _ptrace_key(denial: Denial) -> tuple[str, ...] | None:
    words = _words("ptrace", denial.mask)
    return (*words, base_profile(denial.get("peer"))) if words else None


def _mount_key(denial: Denial) -> tuple[str, ...]:
    names = ("fstype", "flags", "srcname", "name")
    return (denial.kind, *(denial.get(name) for name in names))


def _userns_key(denial: Denial) -> tuple[str, ...] | None:
    return ("userns",) if denial.mask == "userns_create" else None


_KINDS: dict[str, t.Callable[[Denial], t.Optional[t.Tuple[str, ...]]]] = {
    "capability": _capability_key,
    "network": _network_key,
    "unix": _unix_key,
    "signal": _signal_key,
    "ptrace": _ptrace_key,
    "mount": _mount_key,
    "umount": _mount_key,
    "pivot_root": _mount_key,
    "userns": _userns_key,
}


def _merge_owner_rules(parts: dict[tuple[str, ...], list[_Part]]) -> dict[tuple[str, ...], list[_Part]]:
    """Merge ``owner`` rules into rules without ``owner`` that cover them."""
    kept: dict[tuple[str, ...], list[_Part]] = {}
    for key, group in sorted(parts.items()):
        everyone = ("file", "", key[2]) if key[:2] == ("file", "owner") else key
        wider = _union(parts[everyone]) if everyone != key and everyone in parts else frozenset()
        covered = wider | ({"a"} if "w" in wider else set())
        # The keys are sorted, so the wider rule is already present.
        target = everyone if wider and _union(group) <= covered else key
        kept.setdefault(target, []).extend(group)
    return kept


def _union(group: t.Iterable[_Part]) -> frozenset[str]:
    letters = frozenset().union(*(part.letters for part in group))
    return letters - {"a"} if "w" in letters else letters


def _proposal(key: tuple[str, ...], group: list[_Part]) -> Proposal:
    denials = [part.denial for part in group]
    words, danger = _RULES[key[0]](key, _union(group), denials)
    return Proposal(" ".join(word for word in words if word) + ",", danger, denials)


_RuleWords = t.Tuple[t.List[str], t.Optional[str]]


def _file_rule(key: tuple[str, ...], letters: frozenset[str], denials: list[Denial]) -> _RuleWords:
    danger = file_danger(_others(denials), letters=letters)
    if danger is None and "x" in letters:
        danger = exec_danger(denials[0].get("name"))
    return [key[1], key[2], "".join(rule for letter, rule in _LETTERS if letter in letters)], danger


def _others(denials: t.Iterable[Denial]) -> list[str]:
    """Return the paths, except those of the process itself below /proc."""
    return [d.get("name") for d in denials if not d.get("name").startswith(f"/proc/{d.get('pid')}/")]


def _link_rule(key: tuple[str, ...], letters: frozenset[str], denials: list[Denial]) -> _RuleWords:
    return [key[1], "link", key[2], "->", key[3]], file_danger(_others(denials), letters=letters)


def _capability_rule(key: tuple[str, ...], _letters: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    return ["capability", key[1]], capability_danger(key[1])


def _network_rule(key: tuple[str, ...], _letters: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    return ["network", key[1], key[2]], network_danger(key[1], key[2])


def _unix_rule(key: tuple[str, ...], _letters: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    kind, access, address, peer_address, peer = key[1:]
    own = f"addr={quoted(address)}" if address else ""
    other = [f"label={quoted(peer)}"] if peer else []
    other += [f"addr={quoted(peer_address)}"] if peer_address else []
    return ["unix", f"({access})", f"type={kind}", own, f"peer=({', '.join(other)})" if other else ""], None


def _signal_rule(key: tuple[str, ...], signals: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    rule = ["signal", f"({key[1]})", f"set=({', '.join(sorted(signals))})", f"peer={quoted(key[2])}"]
    return rule, signal_danger(key[1], key[2])


def _ptrace_rule(key: tuple[str, ...], _letters: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    return ["ptrace", f"({key[1]})", f"peer={quoted(key[2])}"], ptrace_danger(key[1])


def _mount_rule(key: tuple[str, ...], _letters: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    kind, fstype, flags, source, target = key
    if kind == "umount":
        return ["umount", quoted(target)], mount_danger()
    if kind == "pivot_root":
        return ["pivot_root", f"oldroot={quoted(source)}" if source else "", quoted(target)], mount_danger()
    # The kernel logs no flags where only the default applies.
    options = f"options=({flags or 'rw'})"
    typed = f"fstype={quoted(fstype)}" if fstype else ""
    return ["mount", typed, options, quoted(source) if source else "", "->", quoted(target)], mount_danger()


def _userns_rule(_key: tuple[str, ...], _letters: frozenset[str], _denials: list[Denial]) -> _RuleWords:
    return ["userns create"], userns_danger()


_RULES: dict[str, t.Callable[[t.Tuple[str, ...], t.FrozenSet[str], t.List[Denial]], _RuleWords]] = {
    "file": _file_rule,
    "link": _link_rule,
    "capability": _capability_rule,
    "network": _network_rule,
    "unix": _unix_rule,
    "signal": _signal_rule,
    "ptrace": _ptrace_rule,
    "mount": _mount_rule,
    "umount": _mount_rule,
    "pivot_root": _mount_rule,
    "userns": _userns_rule,
}


def pattern_of(path: str, *, release_roots: t.Sequence[str]) -> str:
    """Return a path as a pattern for a rule, quoted where needed.

    Process and thread IDs become ``@{pid}`` and ``@{tid}``, except process 1. /proc, /sys and /run become their
    variables. The version of a release (``<root>/<name>/<version>/``) becomes ``*``.

    :param release_roots: directories of release stores
    """
    variable, parts = _split(path, release_roots=release_roots)
    text = variable + "".join(part if general else _literal(part) for part, general in parts)
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def quoted(word: str) -> str:
    """Return a literal word for a rule, such as the name of a profile, quoted where needed."""
    text = _literal(word)
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


def _split(path: str, *, release_roots: t.Sequence[str]) -> tuple[str, list[tuple[str, bool]]]:
    """Split a path into a leading variable and parts of text, each with whether it already is a pattern."""
    process = re.match(r"/proc/(\d+)(?=/|$)", path)
    if process and process.group(1) != _INIT:
        rest = path[process.end() :]
        thread = re.match(r"/task/\d+(?=/|$)", rest)
        if thread is None:
            return "@{PROC}/@{pid}", [(rest, False)]
        return "@{PROC}/@{pid}", [("/task/@{tid}", True), (rest[thread.end() :], False)]
    for place, variable in (("/proc/", "@{PROC}/"), ("/sys/", "@{sys}/"), ("/run/", "@{run}/")):
        if path.startswith(place):
            return variable, [(path[len(place) :], False)]
    for root in release_roots:
        release = re.match(re.escape(root.rstrip("/")) + r"/[^/]+/(?=[^/]+/)", path)
        if release:
            rest = path[release.end() :]
            return "", [(release.group(), False), ("*", True), (rest[rest.index("/") :], False)]
    return "", [(path, False)]


def _literal(text: str) -> str:
    """Escape everything that the parser would read as a pattern, a quote or an escape."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character in _GLOB or character in ('"', "\\"):
        return "\\" + character
    if character.isprintable():
        return character
    # Control characters, and bytes that are not UTF-8.
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
