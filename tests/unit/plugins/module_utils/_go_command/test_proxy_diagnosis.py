# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each cause that keeps modules from coming, made by a real server, and which entry of a list go comes to."""

from __future__ import annotations

import os
import pathlib
import re
import socket
import subprocess
import time
import typing as t

import pytest
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.proxy_diagnosis import (
    KINDS,
    Wanted,
    advice,
    diagnose,
    first_problem,
)
from ansible_collections.gofleet.hosts.plugins.module_utils._go_command.proxy_request import Client, ask

from .module_servers import Reply, certificate, deaf, serving, tunnelling

MODULE = "example.com/Team/tool"
VALID = ("20200101", "20990101")
TREE = "go.sum database tree\n1\nAAAA\n\n\u2014 sum.golang.org Az3grg{}=\n"
INFO = Reply(200, '{"Version": "v1.2.3"}', "application/json")
PAGE = Reply(200, "<!DOCTYPE html><title>Welcome to our network</title>", "text/html; charset=utf-8")
Replies = t.Callable[[str], Reply]


def client(**variables: str) -> Client:
    netrc = variables.pop("netrc", "/nonexistent/.netrc")
    return Client(0.6, variables, netrc)


def report(
    goproxy: str, *, gosumdb: str = "off", by: Client | None = None, **settings: str
) -> dict[str, t.Any]:
    everything = {"GOPROXY": goproxy, "GOSUMDB": gosumdb, **settings}
    return diagnose(Wanted(MODULE, "v1.2.3", everything), client=by or client())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (INFO, "answered"),
        (Reply(404), "not_found"),
        (Reply(410), "not_found"),
        (Reply(401), "login"),
        (Reply(403), "login"),
        (Reply(500), "status"),
        (Reply(503), "status"),
        (PAGE, "page"),
        (Reply(200, "<html>", "text/plain"), "page"),
        (Reply(200, "hello"), "not_a_proxy"),
        (Reply(200, "[1]"), "not_a_proxy"),
        (Reply(200, '{"Version": 1}'), "not_a_proxy"),
        (Reply(302, headers=(("Location", "/again"),)), "redirects"),
        (Reply(302, headers=(("Location", "ftp://127.0.0.1/"),)), "redirects"),
    ],
)
def test_answers(reply: Reply, kind: str) -> None:
    with serving(lambda dummy: reply) as server:
        assert report(server.url)["modules"]["kind"] == kind
        assert server.paths[0] == "/example.com/!team/tool/@v/v1.2.3.info"


def test_a_refused_connection() -> None:
    assert report(f"http://127.0.0.1:{free_port()}")["modules"]["kind"] == "refused"


def test_a_name_without_address() -> None:
    found = report("https://goproxy.invalid")["modules"]
    assert found["kind"] == "dns"
    assert "goproxy.invalid" in found["found"]


def test_a_silent_server_times_out() -> None:
    with deaf() as url:
        start = time.monotonic()
        assert report(url)["modules"]["kind"] == "timeout"
        assert time.monotonic() - start < 3


def test_another_protocol() -> None:
    with serving(lambda dummy: INFO) as server:
        assert report(server.url.replace("http:", "https:"))["modules"]["kind"] == "tls"


@pytest.mark.parametrize(
    ("dates", "trusted", "kind"),
    [
        (VALID, False, "tls_unknown_authority"),
        (VALID, True, "answered"),
        (("20200101", "20210101"), True, "tls_expired"),
        (("20980101", "20990101"), True, "tls_not_yet_valid"),
        (VALID, None, "tls_wrong_name"),
    ],
)
def test_certificates(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    dates: tuple[str, str],
    trusted: bool | None,
    kind: str,
) -> None:
    """``trusted`` None: trusted, and for another name."""
    name = "DNS:elsewhere.example" if trusted is None else "IP:127.0.0.1"
    pair = certificate(tmp_path, name=name, dates=dates)
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent" if trusted is False else str(pair[0]))
    with serving(lambda dummy: INFO, tls=pair) as server:
        found = report(server.url)["modules"]
    assert found["kind"] == kind
    assert ("clock" in found["found"]) == (kind in ("tls_expired", "tls_not_yet_valid"))


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize(("status", "kind"), [(407, "proxy_login"), (403, "proxy_refused")])
def test_an_http_proxy_that_refuses(variable: str, status: int, kind: str) -> None:
    with serving(lambda dummy: Reply(status)) as proxy:
        address = proxy.url.replace("http://", "http://me:s3cret@")
        found = report("https://goproxy.example", by=client(**{variable: address}))
        assert found["modules"]["kind"] == kind
        assert proxy.paths == ["goproxy.example:443"]
        assert proxy.headers[0]["proxy-authorization"].startswith("Basic ")
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("name", "kind"), [("goproxy.example", "answered"), ("elsewhere.example", "tls_wrong_name")]
)
def test_tls_through_an_http_proxy(tmp_path: pathlib.Path, name: str, kind: str) -> None:
    """The authority is one that a variable names which this process does not have."""
    pair = certificate(tmp_path, name=f"DNS:{name}", dates=VALID)
    with serving(lambda dummy: INFO, tls=pair) as server, tunnelling(server.url) as proxy:
        by = client(HTTPS_PROXY=proxy.url, SSL_CERT_FILE=str(pair[0]))
        assert report("https://goproxy.example", by=by)["modules"]["kind"] == kind
        assert proxy.paths == ["goproxy.example:443"]
        assert len(server.paths) == (kind == "answered")


@pytest.mark.parametrize(
    ("address", "kind", "found"),
    [
        ("http://proxy.invalid:3128", "dns", "proxy.invalid"),
        ("http://127.0.0.1:1", "refused", "the HTTP proxy for goproxy.example"),
        ("socks5://127.0.0.1:1", "proxy_unspoken", "socks5"),
    ],
)
def test_an_http_proxy_that_is_not_reached(address: str, kind: str, found: str) -> None:
    problem = report("https://goproxy.example", by=client(HTTPS_PROXY=address))["modules"]
    assert problem["kind"] == kind
    assert found in problem["found"]


def test_no_http_proxy_for_addresses_that_go_excludes() -> None:
    with serving(lambda dummy: INFO) as server:
        by = client(HTTP_PROXY=f"http://127.0.0.1:{free_port()}")
        assert report(server.url, by=by)["modules"]["kind"] == "answered"


def test_plain_http_through_a_proxy() -> None:
    with serving(lambda dummy: INFO) as proxy:
        assert (
            report("http://goproxy.example", by=client(HTTP_PROXY=proxy.url))["modules"]["kind"] == "answered"
        )
        assert proxy.paths == ["http://goproxy.example/example.com/!team/tool/@v/v1.2.3.info"]


@pytest.mark.parametrize("address", ["ftp://proxy.example", "http://[", "http://:80"])
def test_an_invalid_http_proxy(address: str) -> None:
    assert (
        report("https://goproxy.example", by=client(HTTPS_PROXY=address))["modules"]["kind"]
        == "proxy_address"
    )


def test_netrc_is_used_for_https_only_and_named_in_a_refusal(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    by = client(netrc=str(tmp_path / ".netrc"))
    with serving(lambda dummy: Reply(401)) as server:
        assert "without user and password" in report(server.url, by=by)["modules"]["found"]
        assert "authorization" not in server.headers[0]
    pair = certificate(tmp_path, name="IP:127.0.0.1", dates=VALID)
    monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
    with serving(lambda dummy: Reply(401), tls=pair) as server:
        found = report(server.url, by=by)
        assert server.headers[0]["authorization"] == "Basic bWU6czNjcmV0"
    assert ".netrc" in found["modules"]["found"]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize("damaged", ["machine", "machine 127.0.0.1 loginn me", "\x00"])
def test_a_damaged_netrc_has_no_entries(tmp_path: pathlib.Path, damaged: str) -> None:
    (tmp_path / ".netrc").write_text(damaged)
    assert client(netrc=str(tmp_path / ".netrc")).credentials("127.0.0.1").header is None


def test_a_password_in_goproxy_is_sent_and_not_shown() -> None:
    with serving(lambda dummy: Reply(403)) as server:
        found = report(server.url.replace("http://", "http://me:s3cret@"))
        assert server.headers[0]["authorization"] == "Basic bWU6czNjcmV0"
    assert found["modules"]["kind"] == "login"
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("first", "separator", "kind", "reached"),
    [
        (Reply(404), ",", "answered", [True, True]),
        (Reply(410), ",", "answered", [True, True]),
        (Reply(404), "|", "answered", [True, True]),
        (Reply(500), ",", "status", [True, False]),
        (Reply(500), "|", "answered", [True, True]),
        (Reply(403), ",", "login", [True, False]),
        (PAGE, "|", "answered", [True, True]),
        (INFO, "|", "answered", [True, False]),
    ],
)
def test_separators(first: Reply, separator: str, kind: str, reached: list[bool]) -> None:
    with serving(lambda dummy: first) as one, serving(lambda dummy: INFO) as two:
        found = report(f"{one.url}{separator}{two.url}")
        assert found["modules"]["kind"] == kind
        assert [entry["reached"] for entry in found["proxies"]] == reached
        assert ("only on 404 and 410" in found["modules"]["remedy"]) == (kind in ("status", "login"))


GO = {
    "an answer": (INFO, ",", True),
    "an absence, then an answer": (Reply(404), ",", True),
    "a login, then an answer that go does not reach": (Reply(403), ",", False),
    "a login, passed by": (Reply(403), "|", True),
    "a fault, then an answer that go does not reach": (Reply(500), ",", False),
    "a page, then an answer that go does not reach": (PAGE, ",", False),
    "a page, passed by": (PAGE, "|", True),
    "no name, then an answer that go does not reach": ("https://goproxy.invalid", ",", False),
    "no name, passed by": ("https://goproxy.invalid", "|", True),
    "nobody there, then an answer that go does not reach": ("http://127.0.0.1:1", ",", False),
    "nobody there, passed by": ("http://127.0.0.1:1", "|", True),
    "an authority that is not known": (None, ",", False),
}


@pytest.mark.parametrize(("first", "separator", "comes"), GO.values(), ids=GO.keys())
def test_agrees_with_the_go_command(
    tmp_path: pathlib.Path, first: Reply | str | None, separator: str, comes: bool
) -> None:
    """``first`` as a text: the first entry of the list; None: a server with a certificate of its own."""
    module = "example.com/team/tool"
    answers = {".info": INFO, ".mod": Reply(200, f"module {module}\n")}
    tls = certificate(tmp_path, name="IP:127.0.0.1", dates=VALID) if first is None else None
    with serving(lambda dummy: first if isinstance(first, Reply) else INFO, tls=tls) as one, serving(
        lambda path: answers.get(pathlib.PurePath(path).suffix, Reply(404))
    ) as two:
        goproxy = f"{first if isinstance(first, str) else one.url}{separator}{two.url}"
        if first is INFO:
            goproxy = two.url
        found = diagnose(
            Wanted(module, "v1.2.3", {"GOPROXY": goproxy, "GOSUMDB": "off"}),
            client=client()._replace(timeout=5),
        )
        settings = {
            "GOPROXY": goproxy,
            "GOSUMDB": "off",
            "GOENV": "off",
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "",
        }
        paths = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GOMODCACHE": str(tmp_path / "mod")}
        argv = ["go", "list", "-m", f"{module}@v1.2.3"]
        done = subprocess.run(
            argv, env={**settings, **paths}, cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert (done.returncode == 0) is comes, done.stderr
    assert (found["modules"]["kind"] == "answered") is comes, found


def test_the_cause_is_the_error_not_a_later_not_found() -> None:
    with serving(lambda dummy: Reply(500)) as one, serving(lambda dummy: Reply(404)) as two:
        assert report(f"{one.url}|{two.url}")["modules"]["kind"] == "status"


@pytest.mark.parametrize(
    ("goproxy", "kind"), [("off", "off"), ("", "syntax"), ("goproxy", "syntax"), ("direct,off", "syntax")]
)
def test_settings_that_fetch_nothing(goproxy: str, kind: str) -> None:
    assert report(goproxy)["modules"]["kind"] == kind


def test_a_proxy_that_is_a_directory(tmp_path: pathlib.Path) -> None:
    info = tmp_path / "example.com/!team/tool/@v/v1.2.3.info"
    info.parent.mkdir(parents=True)
    assert report(f"file://{tmp_path}")["modules"]["kind"] == "not_found"
    info.write_text(INFO.body)
    assert report(f"file://{tmp_path}")["modules"]["kind"] == "answered"
    info.unlink()
    info.mkdir()
    assert report(f"file://{tmp_path}")["modules"]["kind"] == "file"


def test_a_module_without_version_is_requested_by_list_and_latest() -> None:
    replies: dict[str, Reply] = {"/a.example/b/@v/list": Reply(200, "\n"), "/a.example/b/@latest": INFO}
    with serving(lambda path: replies.get(path, Reply(404))) as server:
        wanted = Wanted("a.example/b", None, {"GOPROXY": server.url, "GOSUMDB": "off"})
        assert diagnose(wanted, client=client())["modules"]["kind"] == "answered"
        replies["/a.example/b/@v/list"] = Reply(200, "v1.0.0\n")
        del replies["/a.example/b/@latest"]
        assert diagnose(wanted, client=client())["modules"]["kind"] == "answered"


def database(body: str, *, supported: Reply) -> Replies:
    def reply(path: str) -> Reply:
        if path.endswith("/supported"):
            return supported
        return Reply(200, body) if path.endswith("/latest") else INFO

    return reply


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (TREE.format("A" * 85), "answered"),
        (TREE.format("A" * 85).replace("Az3grg", "AAAAAA"), "other_key"),
        (TREE.format("*"), "other_key"),
        ("go.sum database tree\n", "other_key"),
        ("hello", "not_a_database"),
        ("<html>", "page"),
    ],
)
@pytest.mark.parametrize("own_url", [True, False])
def test_the_checksum_database(body: str, kind: str, own_url: bool) -> None:
    with serving(database(body, supported=Reply(200))) as server:
        gosumdb = f"sum.golang.org {server.url}/db" if own_url else "sum.golang.org"
        assert report(server.url, gosumdb=gosumdb)["database"]["kind"] == kind
        assert ("/db/latest" if own_url else "/sumdb/sum.golang.org/latest") in server.paths


def test_a_proxy_that_fails_for_the_database_is_the_problem() -> None:
    with serving(database("", supported=Reply(500))) as server:
        assert report(server.url, gosumdb="sum.golang.org")["database"]["kind"] == "status"


def test_private_modules_use_no_proxy_and_no_database() -> None:
    with serving(lambda dummy: INFO) as server:
        found = report(server.url, gosumdb="sum.golang.org", GOPRIVATE="*.com/Team")
        assert found["private"] is True
        assert found["database"]["kind"] == "private"
        assert found["proxies"][0]["subject"] == "direct"
        assert server.paths == []


def test_bad_syntax_of_the_database() -> None:
    found = report("off", gosumdb="sum.golang.org+insecure")["database"]
    assert (found["kind"], "malformed verifier id" in found["found"]) == ("syntax", True)


def test_the_first_problem_is_the_one_that_stops() -> None:
    with serving(lambda dummy: INFO) as server:
        assert first_problem(report(server.url)) is None
        problem = first_problem(report(server.url, gosumdb="nobody.example"))
    assert problem is not None
    assert problem["kind"] == "syntax"


def test_every_kind_has_advice_that_turns_off_no_check() -> None:
    for kind in KINDS:
        text = advice(kind, subject="S", module="M")
        assert text.endswith(".")
        assert re.search(r"GONOSUMCHECK|GOINSECURE|GOFLAGS|GOSUMDB(=off)? (to )?off|insecure", text) is None


def test_a_redirect_is_followed() -> None:
    with serving(lambda dummy: INFO) as target:
        moved = Reply(301, headers=(("Location", f"{target.url}/there"),))
        with serving(lambda dummy: moved) as server:
            assert ask(server.url, client=client()).kind == "answered"
    assert target.paths == ["/there"]
