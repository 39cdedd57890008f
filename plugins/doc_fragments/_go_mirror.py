# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where Go releases come from and how they are trusted, for the modules that get them."""

    DOCUMENTATION = r"""
options:
  mirror:
    description:
      - Where the list of releases and the archives are. C(http), C(https) and C(file) work.
      - The list is read from C(<mirror>/?mode=json&include=all), or C(<mirror>/index.json) where the mirror is plain
        files, in the form that V(https://go.dev/dl) has. Archives are C(<mirror>/<filename>).
      - Proxies are taken from the environment, passwords from the address or C(.netrc), of the machine that downloads.
    type: str
    default: https://go.dev/dl
  headers:
    description:
      - Headers to send to the mirror, such as C(Authorization).
      - They are not shown, and not sent on to where it redirects.
    type: dict
  ca_path:
    description:
      - A file of certificate authorities that the mirror is checked with, in place of the system's, on each machine
        that downloads.
    type: path
  timeout:
    description: Seconds to wait for the mirror, for a connection and for each read on it.
    type: int
    default: 30
  signature:
    description:
      - Archives must be signed by this key, as go.dev's are, in C(<mirror>/<filename>.asc). SHA-256 is checked in any
        case.
      - The machine that downloads needs the program C(gpgv), from the package C(gpgv) or C(gnupg2), or C(sqv), which
        Debian 13 has.
    type: dict
    suboptions:
      fingerprint:
        description: The whole fingerprint of the main key; with C(gpgv) also that of the subkey that signs.
        type: str
        required: true
      key:
        description: A file with the public key, on the controller for a module that has a half there, else on the host.
        type: path
        required: true
      data:
        description: The key in Base64, in place of the file. Filled in by the controller's half, where there is one.
        type: str
"""
