# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is PRIVATE to the collection: it can change at any time. Do not use it from elsewhere.

"""What to do about each cause that keeps modules from coming. Pure."""

from __future__ import annotations

__all__ = ["KINDS", "advice"]

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
