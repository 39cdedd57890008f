# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of every kind on a real host: what their processes have, what outlives them, what is left of them."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import typing as t

import pytest

from .container_lab import PROJECT, ContainerLab, container_lab

PLAYBOOK = PROJECT / "molecule" / "playbooks" / "go_service.yml"
SOURCES = PROJECT / "examples" / "hello"
HOST = "web"
GO = "1.26.6"
SECRET = "n0t-to-be-seen-anywhere"
NEWER = "another-one-not-to-be-seen"
TRICKY = '50% of $HOME "quoted"'
BUILD = {"build": {"directory": str(SOURCES), "ldflags": "-s -w"}}
# Asks over TCP or a Unix socket, with a token or without, and prints the status.
ASK = """
import http.client, socket, sys
where, path, token = sys.argv[1], sys.argv[2], sys.argv[3]
connection = http.client.HTTPConnection("localhost" if where.startswith("/") else where, timeout=30)
if where.startswith("/"):
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(where)
connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Connection": "close"})
print(connection.getresponse().status)
"""
# Connects again and again, and counts how often nobody listened.
CONNECT = """
import socket, sys, time
refused, end = 0, time.monotonic() + float(sys.argv[2])
print("begun", flush=True)
while time.monotonic() < end:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30).close()
    except ConnectionRefusedError:
        refused += 1
    time.sleep(0.005)
print(refused)
"""


def services(secret: pathlib.Path, *, young: pathlib.Path, old: pathlib.Path) -> dict[str, dict[str, t.Any]]:
    """By name. Those named last are needed by those before, so that the order is not the list's."""
    listed: list[dict[str, t.Any]] = [
        {
            "name": "hello",
            "port": 8080,
            "sockets": [
                {"name": "metrics", "listen": "127.0.0.1:9090"},
                {"name": "ops", "listen": "/run/hello/ops.sock", "fd_name": "unix", "group": "www-data"},
            ],
            "health": {"socket": "ops", "warm_up": ["/"], "timeout": 60},
            "arguments": ["-token", "token"],
            "environment": {"TRICKY": TRICKY},
            "config_files": [{"path": "etc/hello.env", "content": "FROM_RELEASE=1\n"}],
            "environment_files": ["etc/hello.env"],
            "credentials": [{"name": "token", "src": str(secret)}],
            "limits": {
                "memory_max": "128M",
                "cpu_quota": "150%",
                "tasks_max": 64,
                "nofile": 4096,
                "log_burst": 500,
            },
            "hooks": {
                "before_start": ["hello", "-version"],
                "warm_up": ["hello", "-version"],
                "drain": ["hello", "-version"],
            },
            "watchdog": "10s",
            "diagnostics": {"core_dumps": True, "profiles": True},
            "requires": ["shard"],
        },
        {
            "name": "shard",
            "instances": [
                {"name": "a", "port": 8101, "environment": {"SHARD": "first"}},
                {"name": "b", "port": 8102},
            ],
            "environment": {"SHARD": "shard-%i"},
        },
        {
            "name": "kept",
            "port": 8200,
            "address": "127.0.0.1",
            "socket": False,
            "fd_store": 1,
            "arguments": ["-listen", "127.0.0.1:8200", "-keep-listener"],
        },
        {
            "name": "tick",
            "arguments": ["-version"],
            "timer": {"every": "2s"},
            "sandbox": {"capabilities": ["CAP_NET_RAW"], "exposure_max": 2.0},
        },
        {
            "name": "compile",
            "artefact": {"installed": f"/usr/local/lib/go/{GO}/bin/go"},
            "arguments": ["build", "-C", "/srv/module", "-o", "/var/cache/compile/out", "."],
            "timer": {"on_calendar": ["2099-01-01"]},
            "sandbox": {"profile": "builder", "read_paths": ["/srv/module"]},
        },
        *(
            {
                "name": name,
                "port": port,
                "limits": {"cpu_quota": "150%"},
                "artefact": {"build": {"directory": str(sources)}},
            }
            for name, port, sources in (("young", 8300, young), ("old", 8301, old))
        ),
    ]
    return {each["name"]: {"artefact": BUILD, **each} for each in listed}


class Web(t.NamedTuple):
    """The host, and the services that it was given."""

    lab: ContainerLab
    services: dict[str, dict[str, t.Any]]
    vault: str

    def shell(self, script: str) -> str:
        return self.lab.shell(HOST, script).strip()

    def play(self, *options: str, **changed: dict[str, t.Any]) -> subprocess.CompletedProcess[str]:
        listed = [changed.get(name, service) for name, service in self.services.items()]
        return self.lab.try_play(
            PLAYBOOK, f"--vault-password-file={self.vault}", *options, go_service_services=listed
        )

    def pid(self, unit: str) -> int:
        return int(self.shell(f"systemctl show -P MainPID {unit}"))

    def environment(self, unit: str) -> dict[str, str]:
        lines = self.shell(f"tr '\\0' '\\n' < /proc/{self.pid(unit)}/environ").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def ask(self, where: str, path: str, token: str = "none") -> int:
        script = self.lab.ssh(HOST, f"python3 - {where} {path} {token}")
        done = subprocess.run(script, input=ASK, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def wait_for(self, condition: str) -> None:
        """Until a shell condition holds; this machine may be busy."""
        self.shell(f"for n in $(seq 600); do if {condition}; then exit 0; fi; sleep 0.1; done; exit 1")


def sealed(folder: pathlib.Path, text: str) -> pathlib.Path:
    """A file in a vault."""
    (folder / "password").write_text("open sesame")
    (folder / "token").write_text(text)
    argv = ["ansible-vault", "encrypt", f"--vault-password-file={folder / 'password'}", str(folder / "token")]
    subprocess.run(argv, capture_output=True, check=True)
    return folder / "token"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="module")
def web(folder: pathlib.Path) -> t.Iterator[Web]:
    copies = {name: shutil.copytree(SOURCES, folder / name) for name in ("young", "old")}
    for name, language in (("young", "1.25"), ("old", "1.24")):
        subprocess.run(["go", "mod", "edit", f"-go={language}"], cwd=copies[name], check=True)
    listed = services(sealed(folder, SECRET), **copies)
    with container_lab("service", **{HOST: "debian-13"}) as lab:
        installed = lab.module(HOST, "go_toolchain", versions=[GO], mirror=lab.mirror)
        assert installed.get("changed"), installed
        module = "mkdir -p /srv/module && cd /srv/module && cat > main.go && printf 'module m\\n\\ngo 1.26\\n' > go.mod"
        lab.shell(HOST, module, stdin=b'package main\n\nfunc main() { println("compiled") }\n')
        # Somebody else's, beside what is ours.
        lab.shell(
            HOST, "printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/shard-theirs.service"
        )
        made = Web(lab, listed, str(folder / "password"))
        done = made.play("--diff", "-vvv")
        assert done.returncode == 0, done.stdout
        (folder / "output").write_text(done.stdout)
        yield made


def test_a_second_run_changes_nothing(web: Web) -> None:
    done = web.play()
    assert done.returncode == 0, done.stdout
    assert "changed=0 " in done.stdout
    assert "ok=3 " in done.stdout  # the argument specs and two modules; AppArmor is no matter of a container


def test_each_socket_reaches_the_process_under_its_name(web: Web) -> None:
    given = web.environment("hello.service")
    assert sorted(given["LISTEN_FDNAMES"].split(":")) == ["hello", "metrics", "unix"]
    assert (web.ask("127.0.0.1:8080", "/"), web.ask("127.0.0.1:9090", "/metrics")) == (200, 200)
    assert (web.ask("127.0.0.1:8080", "/metrics"), web.ask("127.0.0.1:9090", "/")) == (404, 404)
    assert web.ask("/run/hello/ops.sock", "/healthz") == 200
    assert web.shell("stat -c '%a %U %G' /run/hello/ops.sock") == "660 root www-data"


def test_the_environment_is_what_was_described(web: Web) -> None:
    given = web.environment("hello.service")
    assert (given["TRICKY"], given["FROM_RELEASE"]) == (TRICKY, "1")
    assert (given["GOMEMLIMIT"], given["GOTRACEBACK"]) == ("115MiB", "crash")
    assert given["LOGS_DIRECTORY"] == "/var/log/hello"


def test_only_a_build_that_does_not_see_its_quota_is_told_of_it(web: Web) -> None:
    assert "GOMAXPROCS" not in web.environment("young.service")
    assert web.environment("old.service")["GOMAXPROCS"] == "2"


def test_a_secret_reaches_its_service_and_nobody_else(web: Web, folder: pathlib.Path) -> None:
    assert web.ask("127.0.0.1:8080", "/private", SECRET) == 200
    assert web.ask("127.0.0.1:8080", "/private", "wrong") == 401
    assert web.shell("stat -c '%a %U' /etc/gofleet/credentials/hello/token") == "600 root"
    assert web.shell("stat -c '%a %U' /etc/gofleet/credentials/hello") == "700 root"
    pid = web.pid("hello.service")
    encoded = subprocess.run(
        ["base64"], input=SECRET, text=True, capture_output=True, check=True
    ).stdout.strip()
    places = [
        web.shell(f"cat /proc/{pid}/environ /proc/{pid}/cmdline | tr '\\0' '\\n'"),
        web.shell("systemctl show hello.service; systemctl cat hello.service"),
        web.shell("journalctl --no-pager -o cat"),
        (folder / "output").read_text(),
    ]
    assert [place.count(text) for place in places for text in (SECRET, encoded)] == [0] * 8
    assert "credential token of hello" in places[-1]


def test_a_user_of_the_host_can_not_read_the_secret(web: Web) -> None:
    place = web.environment("hello.service")["CREDENTIALS_DIRECTORY"]
    for path in (f"{place}/token", "/etc/gofleet/credentials/hello/token"):
        done = web.lab.try_shell(HOST, f"setpriv --reuid=nobody --clear-groups cat {path}")
        assert (done.returncode, b"Permission denied" in done.stderr) == (1, True)


def test_the_process_has_its_limits(web: Web) -> None:
    limits = web.shell(f"cat /proc/{web.pid('hello.service')}/limits")
    found = {line[:26].strip(): line[26:47].strip() for line in limits.splitlines()}
    assert (found["Max open files"], found["Max core file size"]) == ("4096", "unlimited")
    shown = web.shell(
        "systemctl show -p TasksMax,MemoryMax,LogRateLimitBurst,CPUQuotaPerSecUSec hello.service"
    )
    wanted = {"TasksMax=64", "MemoryMax=134217728", "LogRateLimitBurst=500", "CPUQuotaPerSecUSec=1.500000s"}
    assert set(shown.splitlines()) == wanted
    other = web.shell(f"cat /proc/{web.pid('kept.service')}/limits")
    assert any(line.split()[4:6] == ["0", "0"] for line in other.splitlines() if "core file" in line)


def test_its_directories_are_its_own(web: Web) -> None:
    owner = web.shell(f"stat -c %u /proc/{web.pid('hello.service')}")
    places = "/var/lib/private/hello /var/log/private/hello"
    assert web.shell(f"stat -c '%a %u' {places}").splitlines() == [f"700 {owner}"] * 2
    assert web.shell(f"readlink /proc/{web.pid('hello.service')}/cwd").startswith("/opt/gofleet/hello/")


def test_hooks_run_around_the_process_in_order(web: Web) -> None:
    web.shell("systemctl restart hello.service")
    ids = web.shell("systemctl show -P InvocationID hello.service")
    lines = web.shell(f"journalctl --no-pager -o cat _SYSTEMD_INVOCATION_ID={ids}").splitlines()
    marks = [
        "version" if line.startswith("hello dev go") else "serving"
        for line in lines
        if "hello dev go" in line or "msg=serving" in line
    ]
    assert marks == ["version", "serving", "serving", "serving", "version"]
    before = web.shell("journalctl --no-pager -o cat -u hello.service").splitlines()
    assert before[max(index for index, line in enumerate(before) if "msg=draining" in line) - 1].startswith(
        "hello dev"
    )


def test_instances_run_beside_each_other(web: Web) -> None:
    assert web.environment("shard@a.service")["SHARD"] == "first"
    assert web.environment("shard@b.service")["SHARD"] == "shard-b"
    assert (web.ask("127.0.0.1:8101", "/"), web.ask("127.0.0.1:8102", "/")) == (200, 200)
    assert web.environment("shard@a.service")["STATE_DIRECTORY"] == "/var/lib/shard/a"


def test_what_a_service_needs_has_started_before_it(web: Web) -> None:
    needed = web.shell("systemctl show -P Requires hello.service").split()
    assert {"shard@a.service", "shard@b.service", "hello-ops.socket"} <= set(needed)
    web.shell("systemctl stop hello.service shard@a.service && systemctl start hello.service")
    assert web.shell("systemctl is-active shard@a.service") == "active"


def test_a_timer_starts_its_service_again_and_again(web: Web) -> None:
    web.wait_for("[ $(journalctl --no-pager -o cat -u tick.service | grep -c '^hello dev') -ge 3 ]")
    assert web.shell("systemctl is-enabled tick.timer") == "enabled"


def test_every_opening_is_named_and_none_is_beyond_its_limit(web: Web) -> None:
    units = {"hello": 15, "kept": 15, "young": 15, "shard@a": 15, "compile": 15, "tick": 20}
    for unit, limit in units.items():
        web.shell(f"systemd-analyze security --no-pager --threshold={limit} {unit}.service >/dev/null")
    assert web.shell("systemctl show -P Description hello.service") == "Go service hello"
    assert web.shell("systemctl show -P Description tick.service") == "Go service tick (opens: CAP_NET_RAW)"


def test_a_builder_compiles_in_its_sandbox(web: Web) -> None:
    web.shell("systemctl start compile.service || { journalctl --no-pager -u compile.service; exit 1; }")
    assert web.shell("/var/cache/private/compile/out 2>&1") == "compiled"
    opened = web.shell("systemctl show -P Description compile.service")
    assert opened == "Go service compile (opens: Go builder with /usr/local/lib/go/current, /srv/module)"


def test_a_listener_in_the_fd_store_outlives_restarts_and_a_stop(web: Web) -> None:
    old = web.pid("kept.service")
    assert web.shell("systemctl show -P NFileDescriptorStore kept.service") == "1"
    client = subprocess.Popen(
        web.lab.ssh(HOST, "python3 - 8200 4"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdin and client.stdout
    client.stdin.write(CONNECT)
    client.stdin.close()
    assert client.stdout.readline() == "begun\n"
    web.shell("systemctl restart kept.service && systemctl stop kept.service && systemctl start kept.service")
    assert (client.stdout.read(), client.wait()) == ("0\n", 0)
    assert web.pid("kept.service") != old
    assert web.environment("kept.service")["LISTEN_FDNAMES"] == "listen"
    assert web.ask("127.0.0.1:8200", "/") == 200


def test_a_process_that_hangs_is_replaced_by_the_watchdog(web: Web) -> None:
    old = web.pid("hello.service")
    web.shell(f"kill -STOP {old}")
    web.wait_for(f"pid=$(systemctl show -P MainPID hello.service); [ $pid != {old} ] && [ $pid != 0 ]")
    assert "Watchdog timeout" in web.shell("journalctl --no-pager -o cat -u hello.service")
    web.wait_for("systemctl is-active --quiet hello.service")
    assert web.ask("127.0.0.1:8080", "/") == 200


def test_what_is_not_described_any_more_goes_and_another_secret_replaces_its_process_alone(
    web: Web, folder: pathlib.Path
) -> None:
    old, other = web.pid("hello.service"), web.pid("kept.service")
    (folder / "token").unlink()
    sealed(folder, NEWER)
    del web.services["shard"]["instances"][1]
    done = web.play("--diff")
    assert done.returncode == 0, done.stdout
    listed = web.shell("ls /etc/systemd/system")
    assert "shard@a.socket" in listed
    assert "shard@b" not in listed
    assert web.shell("ss -Hltn 'sport = :8102'") == ""
    assert "credential token differs" in done.stdout
    assert NEWER not in done.stdout
    assert web.pid("hello.service") != old
    assert web.pid("kept.service") == other
    assert (web.ask("127.0.0.1:8080", "/private", NEWER), web.ask("127.0.0.1:8080", "/private", SECRET)) == (
        200,
        401,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hooks": {"warm_up": ["hello", "-no-such-flag"]}}, "Control process exited, code=exited, status=2"),
        ({"credentials": [{"name": "token", "content": " "}]}, "wanted a secret, found an empty file"),
    ],
    ids=["a hook that fails", "a secret that is none"],
)
def test_what_does_not_serve_is_taken_back(web: Web, change: dict[str, t.Any], message: str) -> None:
    watched = "cd /etc && cat systemd/system/hello* gofleet/credentials/hello/* | sha256sum"
    watched += "; readlink /opt/gofleet/hello/current"
    before = web.shell(watched)
    done = web.play(hello={**web.services["hello"], **change})
    assert done.returncode != 0, done.stdout
    assert message in done.stdout
    assert "The old hello.service runs again" in done.stdout
    assert web.shell(watched) == before
    assert web.ask("127.0.0.1:8080", "/private", NEWER) == 200


def told(output: str) -> list[str]:
    """The difference, but for what the timer happens to run at that moment."""
    lines = (line for line in output.splitlines() if line.startswith(("-", "+")))
    return [line for line in lines if '"active"' not in line]


def test_absent_removes_what_is_ours_and_nothing_else(web: Web) -> None:
    gone = {name: {"name": name, "state": "absent"} for name in web.services}
    gone["hello"]["purge"] = True
    kept = "ls /etc/systemd/system /opt/gofleet /etc/gofleet/credentials /var/lib/private"
    kept += "; systemctl is-active hello.service"
    before = web.shell(kept)
    predicted = web.play("--check", "--diff", **gone)
    assert predicted.returncode == 0, predicted.stdout
    assert web.shell(kept) == before
    done = web.play("--diff", **gone)
    assert done.returncode == 0, done.stdout
    assert told(done.stdout) == told(predicted.stdout)
    assert "/var/log/private/hello" in "".join(told(predicted.stdout))
    names = "\\|".join(web.services)
    left = web.shell(
        f"ls /etc/systemd/system /etc/systemd/system/*.wants /opt/gofleet /etc/gofleet/credentials | grep '{names}'"
    )
    assert left == "shard-theirs.service"
    assert web.shell("ls /var/lib/private").split() == ["compile", "kept", "old", "shard", "tick", "young"]
    assert (
        web.shell("systemctl list-units --no-legend 'hello*' 'kept*' 'young*' 'shard@*' 'tick*' 'compile*'")
        == ""
    )
    assert web.shell("ls /usr/local/lib/go").split() == [GO, "current"]
    assert "changed=0 " in web.play(**gone).stdout
