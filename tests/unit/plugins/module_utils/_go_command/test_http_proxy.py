# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which HTTP proxy the go command takes: the answers of http.ProxyFromEnvironment of Go 1.26 to the same questions."""

from __future__ import annotations

import urllib.parse

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.goproxy import SettingError
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.http_proxy import (
    Proxy,
    UnsupportedProxyError,
    proxy_for,
)

DIRECT = {
    "localhost, with or without a port": ("", "https://localhost:8443/", True),
    "loopback": ("", "http://127.0.0.2/", True),
    "loopback of IPv6": ("", "http://[::1]:80/", True),
    "nothing named": ("", "https://goproxy.example/", False),
    "everything": ("corp.example, *", "https://goproxy.example/", True),
    "the domain itself": ("goproxy.example", "https://goproxy.example/", True),
    "a name below it": ("corp.example", "https://goproxy.corp.example/", True),
    "a name that ends alike": ("corp.example", "https://notcorp.example/", False),
    "a point leaves the domain itself out": (".corp.example", "https://corp.example/", False),
    "a point takes names below": (".corp.example", "https://a.b.corp.example/", True),
    "a star is the same": ("*.corp.example", "https://corp.example/", False),
    "a star takes names below": ("*.corp.example", "https://a.corp.example/", True),
    "capitals and blanks": (" x.example , GoProxy.EXAMPLE ", "https://goProxy.example/", True),
    "its port": ("goproxy.example:8443", "https://goproxy.example:8443/", True),
    "another port": ("goproxy.example:8443", "https://goproxy.example/", False),
    "the port that the scheme has": ("goproxy.example:443", "https://goproxy.example/", True),
    "a network": ("10.0.0.0/8", "https://10.1.2.3/", True),
    "a network in which it is not": ("10.0.0.0/8", "https://192.0.2.1/", False),
    "a network, by a name": ("10.0.0.0/8", "https://goproxy.example/", False),
    "a network of IPv6": ("2001:db8::/32", "https://[2001:db8::1]/", True),
    "an address": ("192.0.2.1", "https://192.0.2.1:8443/", True),
    "an address and its port": ("192.0.2.1:8443", "https://192.0.2.1:8443/", True),
    "an address of IPv6 and another port": ("[2001:db8::1]:80", "https://[2001:db8::1]/", False),
    "an address of IPv6 without port": ("2001:db8::1", "https://[2001:db8::1]/", True),
    "entries that are none": (":80,,/,x/y", "https://goproxy.example/", False),
}  # fmt: skip


@pytest.mark.parametrize(("no_proxy", "url", "direct"), DIRECT.values(), ids=DIRECT.keys())
def test_no_proxy(no_proxy: str, url: str, direct: bool) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example:3128", "HTTP_PROXY": "http://proxy.example:3128"}
    parts = urllib.parse.urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    way = proxy_for(
        {**environment, "NO_PROXY": no_proxy}, scheme=parts.scheme, host=parts.hostname or "", port=port
    )
    assert (way is None) is direct


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://a.example"}, None),
        ({"ALL_PROXY": "http://a.example"}, None),
        ({"HTTPS_PROXY": "http://a.example"}, Proxy("a.example", 80, None)),
        ({"https_proxy": "a.example:3128"}, Proxy("a.example", 3128, None)),
        ({"https_proxy": "http://b.example", "HTTPS_PROXY": "a.example"}, Proxy("a.example", 80, None)),
        ({"https_proxy": "http://b.example", "HTTPS_PROXY": ""}, Proxy("b.example", 80, None)),
        ({"HTTPS_PROXY": "http://me:a%40b@a.example/"}, Proxy("a.example", 80, ("me", "a@b"))),
        ({"HTTPS_PROXY": "http://me@a.example/"}, Proxy("a.example", 80, ("me", ""))),
    ],
)
def test_the_variables(environment: dict[str, str], proxy: Proxy | None) -> None:
    assert proxy_for(environment, scheme="https", host="goproxy.example", port=443) == proxy


@pytest.mark.parametrize("address", ["http://[", "http://:80", "ftp://a.example", "http://a.example:x"])
def test_invalid_addresses(address: str) -> None:
    with pytest.raises(SettingError, match="not a valid address"):
        proxy_for({"HTTPS_PROXY": address}, scheme="https", host="goproxy.example", port=443)


@pytest.mark.parametrize("scheme", ["https", "socks5", "socks5h"])
def test_unsupported_proxies(scheme: str) -> None:
    with pytest.raises(UnsupportedProxyError, match=scheme):
        proxy_for({"HTTPS_PROXY": f"{scheme}://a.example"}, scheme="https", host="goproxy.example", port=443)
