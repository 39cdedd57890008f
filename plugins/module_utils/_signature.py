# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Check that a file is signed by a key that the user trusts, in one pass over the file."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import typing as t

from ._errors import HostError

__all__ = ["Signer", "checked_signature", "signer_of"]

_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_ARMOR = re.compile(rb"-----BEGIN PGP [A-Z ]+-----\r?\n(.*?)-----END PGP", re.DOTALL)
_PATH = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
_WAIT = 60  # seconds for the verifier to end after it has read the file


class Signer(t.NamedTuple):
    """The key that must have signed a file."""

    fingerprint: str  # in upper case
    key: bytes  # the public key, binary or ASCII-armored


def signer_of(params: t.Mapping[str, t.Any] | None) -> Signer | None:
    """The signer that the option ``signature`` describes, or None without the option.

    :param params: ``fingerprint``, and ``key`` (a path) or ``data`` (the key in Base64)
    :raises HostError: the fingerprint is not complete, or the key cannot be read
    """
    if params is None:
        return None
    fingerprint = re.sub(r"[\s:]", "", params["fingerprint"]).upper()
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise HostError(
            "signature.fingerprint",
            wanted="the complete fingerprint of a key: 40 or 64 hexadecimal digits",
            found=params["fingerprint"] or "nothing",
            remedy="Get it from the publisher of the key. A short key ID can be forged.",
        )
    if params["data"] is not None:
        return Signer(fingerprint, base64.b64decode(params["data"]))
    try:
        with open(params["key"], "rb") as file:
            return Signer(fingerprint, file.read())
    except OSError as error:
        raise HostError(
            params["key"],
            wanted="a file with the public key of signature.fingerprint",
            found=error.strerror or str(error),
            remedy="Correct `signature.key`. Relative paths start at the playbook.",
        )


@contextlib.contextmanager
def checked_signature(
    signer: Signer, signature: bytes, *, subject: str, path: str = _PATH
) -> t.Iterator[t.Callable[[bytes], None]]:
    """Check a detached signature. The context gives a function that must be called with each block of the file.

    :param signature: binary or ASCII-armored
    :param subject: the name of the file in errors
    :param path: directories in which gpgv and sqv are searched, like PATH
    :raises HostError: at the end: the signature is not valid for the file, or is by another key
    """
    with tempfile.TemporaryDirectory(prefix="gofleet-signature-") as folder:
        key, detached = os.path.join(folder, "key.gpg"), os.path.join(folder, "signature")
        for name, data in ((key, signer.key), (detached, signature)):
            with open(name, "wb") as file:
                file.write(_dearmored(data))
        argv, judge = _verifier(folder, key, detached, subject=subject, path=path)
        # Not by a Runner, which takes standard input as a whole: the file may be larger than memory.
        with subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C", "PATH": path},
        ) as process:
            try:
                yield _feeder(process)
                out, err = process.communicate(timeout=_WAIT)
            except BaseException:
                process.kill()
                with contextlib.suppress(BrokenPipeError):
                    if process.stdin is not None:
                        process.stdin.close()
                raise
    wrong = judge(out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), signer.fingerprint)
    if wrong is not None:
        raise HostError(
            subject,
            wanted=f"a signature by the key {signer.fingerprint}",
            found=wrong,
            remedy="Nothing was installed. Ask the publisher which key signs the files, or use another mirror.",
        )


def _verifier(
    folder: str, key: str, detached: str, *, subject: str, path: str
) -> tuple[list[str], t.Callable[[str, str, str], str | None]]:
    """A command that verifies its standard input, and the function that judges its output."""
    gpgv, sqv = (shutil.which(name, path=path) for name in ("gpgv", "sqv"))
    if gpgv is not None:
        argv = [gpgv, "--homedir", folder, "--status-fd", "1", "--keyring", key, detached, "-"]
        return argv, _judge_gpgv
    if sqv is not None:
        return [sqv, "--keyring", key, "--signature-file", detached, "/dev/stdin"], _judge_sqv
    raise HostError(
        "gpgv",
        wanted=f"a program that checks signatures, gpgv or sqv, for {subject}",
        found="neither on the machine that downloads",
        remedy="Install gpgv there (package gpgv, on RHEL-like hosts gnupg2), or set `delivery: controller`.",
    )


def _feeder(process: subprocess.Popen[bytes]) -> t.Callable[[bytes], None]:
    def feed(data: bytes) -> None:
        # The verifier ends early if the signature itself is not valid. Its message is read at the end.
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.write(data)

    return feed


def _judge_gpgv(status: str, messages: str, fingerprint: str) -> str | None:
    """What is wrong with a signature by the status lines of gpgv, or None for a good one by the key."""
    lines = [line.split()[1:] for line in status.splitlines() if line.startswith("[GNUPG:] ")]
    words = {line[0] for line in lines if line}
    # The key that signed, and in the last field its primary key.
    valid = {name for line in lines if line[:1] == ["VALIDSIG"] for name in (line[1], line[-1])}
    # An expired key is accepted: releases are used longer than the keys that signed them.
    if fingerprint in valid and not words & {"BADSIG", "REVKEYSIG"}:
        return None
    if valid:
        revoked = ", which was revoked" if "REVKEYSIG" in words else ""
        return f"a signature by the key {', '.join(sorted(valid))}{revoked}"
    if "BADSIG" in words:
        return "a signature of another file: this one, or its signature, was changed"
    if words & {"NO_PUBKEY", "ERRSIG"}:
        missing = next((line[1] for line in lines if line[:1] == ["NO_PUBKEY"]), "unknown")
        return f"a signature by the key {missing}, which is not in signature.key"
    return f"a signature that cannot be read: {' '.join(messages.split())}"


def _judge_sqv(valid: str, messages: str, fingerprint: str) -> str | None:
    """What is wrong with a signature by the output of sqv, or None for a good one by the key.

    sqv prints the fingerprints of the primary keys of good signatures.
    """
    if fingerprint in valid.split():
        return None
    if valid.strip():
        return f"a signature by the key {', '.join(sorted(valid.split()))}"
    return f"no valid signature: {' '.join(messages.split())}"


def _dearmored(data: bytes) -> bytes:
    """A key or signature without ASCII armor, because gpgv reads only binary keys."""
    if not data.lstrip().startswith(b"-----BEGIN PGP"):
        return data
    parts = []
    for block in _ARMOR.findall(data):
        dummy, dummy2, body = block.replace(b"\r\n", b"\n").partition(b"\n\n")
        lines = [line for line in (body or block).split(b"\n") if not line.startswith(b"=")]
        with contextlib.suppress(binascii.Error):
            parts.append(base64.b64decode(b"".join(lines)))
    return b"".join(parts)
