# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""Whether a file is signed by a key that the user has pinned, checked while the file passes by."""

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
_PLACES = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin"])
_WAIT = 60  # seconds for the verdict when all has been fed


class Signer(t.NamedTuple):
    """Whose signature counts: the fingerprint of the key, in capitals, and the public key itself."""

    fingerprint: str
    key: bytes


def signer_of(params: t.Mapping[str, t.Any] | None) -> Signer | None:
    """The signer that the option ``signature`` names; its ``data`` is the key file in Base64."""
    if params is None:
        return None
    fingerprint = re.sub(r"[\s:]", "", params["fingerprint"]).upper()
    if _FINGERPRINT.fullmatch(fingerprint) is None:
        raise HostError(
            "signature.fingerprint",
            wanted="the whole fingerprint of a key: 40 or 64 hexadecimal digits",
            found=params["fingerprint"] or "nothing",
            remedy="Take it from whoever publishes the key; a short key ID can be forged.",
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
            remedy="Correct signature.key; relative paths start at the playbook.",
        )


@contextlib.contextmanager
def checked_signature(
    signer: Signer, signature: bytes, *, subject: str, places: str = _PLACES
) -> t.Iterator[t.Callable[[bytes], None]]:
    """Gives a function to feed the file to; raises HostError at the end unless the signature is of that file.

    :param subject: what the file is called in errors
    :param places: where the program that checks may be
    """
    with tempfile.TemporaryDirectory(prefix="gofleet-signature-") as folder:
        key, detached = os.path.join(folder, "key.gpg"), os.path.join(folder, "signature")
        for path, data in ((key, signer.key), (detached, signature)):
            with open(path, "wb") as file:
                file.write(_plain(data))
        argv, judge = _verifier(folder, key, detached, subject=subject, places=places)
        # Not by a Runner: the file passes through in pieces, as it is larger than what we may hold.
        with subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C", "PATH": places},
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
            remedy="Nothing was installed. Ask the publisher which key signs, or use another mirror.",
        )


def _verifier(
    folder: str, key: str, detached: str, *, subject: str, places: str
) -> tuple[list[str], t.Callable[[str, str, str], str | None]]:
    """A command that reads the file, and what tells from its output what is wrong."""
    gpgv, sqv = (shutil.which(name, path=places) for name in ("gpgv", "sqv"))
    if gpgv is not None:
        argv = [gpgv, "--homedir", folder, "--status-fd", "1", "--keyring", key, detached, "-"]
        return argv, _judge_gpgv
    if sqv is not None:
        return [sqv, "--keyring", key, "--signature-file", detached, "/dev/stdin"], _judge_sqv
    raise HostError(
        "gpgv",
        wanted=f"a program that checks signatures, gpgv or sqv, for {subject}",
        found="none on the machine that downloads",
        remedy="Install it there (the package gpgv, on RHEL-like hosts gnupg2), or use delivery: controller.",
    )


def _feeder(process: subprocess.Popen[bytes]) -> t.Callable[[bytes], None]:
    def feed(data: bytes) -> None:
        # It ends early when the signature alone is no good; what it says then is read at the end.
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.write(data)

    return feed


def _judge_gpgv(status: str, told: str, fingerprint: str) -> str | None:
    """What is wrong."""
    lines = [line.split()[1:] for line in status.splitlines() if line.startswith("[GNUPG:] ")]
    words = {line[0] for line in lines if line}
    # The key that signed, and in the last field the main key that it belongs to.
    valid = {name for line in lines if line[:1] == ["VALIDSIG"] for name in (line[1], line[-1])}
    # An expired key is no fault by itself: releases outlive the keys that signed them.
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
    return f"no signature that can be read: {' '.join(told.split())}"


def _judge_sqv(valid: str, told: str, fingerprint: str) -> str | None:
    """What is wrong. It names the main keys of good signatures, and nothing else, on its output."""
    if fingerprint in valid.split():
        return None
    if valid.strip():
        return f"a signature by the key {', '.join(sorted(valid.split()))}"
    return f"no good signature: {' '.join(told.split())}"


def _plain(data: bytes) -> bytes:
    """Without the armor of text that keys and signatures may come in, which gpgv does not take for a key."""
    if not data.lstrip().startswith(b"-----BEGIN PGP"):
        return data
    parts = []
    for block in _ARMOR.findall(data):
        dummy, dummy2, body = block.replace(b"\r\n", b"\n").partition(b"\n\n")
        lines = [line for line in (body or block).split(b"\n") if not line.startswith(b"=")]
        with contextlib.suppress(binascii.Error):
            parts.append(base64.b64decode(b"".join(lines)))
    return b"".join(parts)
