# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that describe the mirror of Go releases and the key that signs them."""

    DOCUMENTATION = r"""
options:
  mirror:
    description:
      - The URL of the mirror that has the list of releases and the archives, with C(http), C(https) or C(file).
      - The list is read from C(<mirror>/?mode=json&include=all), or from C(<mirror>/index.json) if the mirror has only
        plain files. It has the format of V(https://go.dev/dl). Archives are read from C(<mirror>/<filename>).
      - Proxies are taken from the environment of the machine that downloads, passwords from the URL or from C(.netrc)
        there.
    type: str
    default: https://go.dev/dl
  headers:
    description:
      - Headers to send to the mirror, such as C(Authorization).
      - They are not shown, and not sent to servers that the mirror redirects to.
    type: dict
  ca_path:
    description:
      - A file of certificate authorities with which the mirror is verified, instead of those of the system.
      - It must be on each machine that downloads.
    type: path
  timeout:
    description: Seconds to wait for the connection to the mirror, and for each read on it.
    type: int
    default: 30
  signature:
    description:
      - The key that must have signed the archives. Signatures are read from C(<mirror>/<filename>.asc), as go.dev has
        them. The SHA-256 is always checked.
      - The machine that downloads needs the program C(gpgv) (package C(gpgv) or C(gnupg2)), or C(sqv) (in Debian 13).
    type: dict
    suboptions:
      fingerprint:
        description:
          - The complete fingerprint of the primary key. With C(gpgv), that of the subkey that signs is accepted too.
        type: str
        required: true
      key:
        description:
          - A file with the public key. It is on the controller for M(gofleet.hosts.go_toolchain), else on the host.
        type: path
        required: true
      data:
        description: The key in Base64, instead of the file. The action plugin of M(gofleet.hosts.go_toolchain) sets it.
        type: str
"""
