# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import contextlib
import typing as t
from pathlib import Path

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._errors import HostError
from ansible_collections.gofleet.hosts.plugins.module_utils._signature import (
    Signer,
    checked_signature,
    signer_of,
)

from .signing_key import Key, needs_gpg, throw_away_key

DATA = bytes(range(256)) * 2000


@pytest.fixture(scope="module")
def key() -> t.Iterator[Key]:
    yield from throw_away_key()


@pytest.fixture(scope="module")
def stranger() -> t.Iterator[Key]:
    yield from throw_away_key()


def check(signer: Signer, signature: bytes, data: bytes = DATA) -> None:
    with checked_signature(signer, signature, subject="go.tar.gz") as feed:
        for start in range(0, len(data), 65536):
            feed(data[start : start + 65536])


@needs_gpg
@pytest.mark.parametrize("armor", [True, False])
def test_a_signature_of_the_pinned_key(key: Key, armor: bool) -> None:
    check(Signer(key.fingerprint, key.public(armor=armor)), key.sign(DATA, armor=armor))


@needs_gpg
def test_a_key_file_with_several_keys(key: Key, stranger: Key) -> None:
    check(Signer(key.fingerprint, stranger.public() + key.public()), key.sign(DATA))


@needs_gpg
def test_wrong_signatures_are_refused(key: Key, stranger: Key) -> None:
    both = stranger.public() + key.public()
    cases = [
        (Signer(key.fingerprint, both), key.sign(DATA), DATA[:-1] + b"x", "a signature of another file"),
        (Signer(key.fingerprint, both), key.sign(DATA), b"", "a signature of another file"),
        (Signer(key.fingerprint, both), stranger.sign(DATA), DATA, f"by the key {stranger.fingerprint}"),
        (Signer(key.fingerprint, key.public()), stranger.sign(DATA), DATA, "which is not in signature.key"),
        (Signer(key.fingerprint, key.public()), b"<html>", DATA, "a signature that cannot be read"),
        (Signer(key.fingerprint, b"no key"), key.sign(DATA), DATA, "found "),
    ]
    for signer, signature, data, message in cases:
        with pytest.raises(HostError, match=message):
            check(signer, signature, data)


@needs_gpg
def test_an_error_of_the_caller_is_raised(key: Key) -> None:
    signer, signature = Signer(key.fingerprint, key.public()), key.sign(DATA)
    with pytest.raises(KeyError), checked_signature(signer, signature, subject="x") as feed:
        feed(DATA)
        raise KeyError


def test_without_gpgv(tmp_path: Path) -> None:
    signer = Signer("A" * 40, b"")
    missing = "wanted a program that checks signatures, gpgv or sqv, for x.*package gpgv"
    with pytest.raises(HostError, match=missing), checked_signature(
        signer, b"", subject="x", path=str(tmp_path)
    ):
        pass


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ("echo " + "A" * 40, None),
        ("echo " + "B" * 40, "a signature by the key BBBB"),
        ("echo Message has been manipulated >&2; exit 1", "no valid signature: Message has been manipulated"),
    ],
)
def test_sqv_without_gpgv(tmp_path: Path, says: str, found: str | None) -> None:
    program = tmp_path / "sqv"
    program.write_text(f"#!/bin/sh\n/bin/cat > {tmp_path}/fed\n{says}\n")
    program.chmod(0o755)
    expected = contextlib.nullcontext() if found is None else pytest.raises(HostError, match=found)
    with expected, checked_signature(Signer("A" * 40, b""), b"", subject="x", path=str(tmp_path)) as feed:
        feed(DATA)
    assert (tmp_path / "fed").read_bytes() == DATA


def test_a_fingerprint_must_be_complete(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"key")
    options = {"key": str(tmp_path / "key"), "data": None}
    spaced = " ".join(["abcd"] * 10)
    assert signer_of({**options, "fingerprint": spaced}) == Signer("ABCD" * 10, b"key")
    inline = {"key": "/no/such", "data": base64.b64encode(b"x").decode(), "fingerprint": "0" * 40}
    assert signer_of(inline) == Signer("0" * 40, b"x")
    assert signer_of(None) is None
    for short in ("", "7721F63BD38B4796", "0x" + "A" * 40):
        with pytest.raises(HostError, match="the complete fingerprint of a key"):
            signer_of({**options, "fingerprint": short})
    with pytest.raises(HostError, match="No such file"):
        signer_of({"key": str(tmp_path / "none"), "data": None, "fingerprint": "A" * 40})
