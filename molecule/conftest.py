# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of several scenarios ask of a host."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import re
import threading
import typing as t

import host_session
import pytest
import testinfra
import testinfra.backend
from xdist.scheduler import LoadScopeScheduling

PROJECT = pathlib.Path(
    os.environ.get("MOLECULE_PROJECT_DIRECTORY", pathlib.Path(__file__).resolve().parents[1])
)
LOAD = PROJECT / "molecule" / "playbooks" / "load.py"
CLIENTS = 4
LOAD_SECONDS = 600  # at most
# Between two requests of a client, while Ansible works on the same emulated processor, which the clients would fill.
LOAD_PAUSE = 0.2  # seconds


class ByHost(LoadScopeScheduling):
    """Tests of different hosts run side by side, those of one host one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        host = re.search(r"\[ansible://([^]-]+)", nodeid)
        return host.group(1) if host else nodeid


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "on(host): what the test shows is the same on every kernel, one host will do; BOTH_KERNELS=1 runs it on all",
    )
    # Before a test imports from the collection: Ansible finds its plugins only among what it has imported itself.
    host_session.init_plugin_loader()
    testinfra.backend.BACKENDS["ansible"] = "host_session.SessionBackend"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    elsewhere = [item for item in items if not _at_home(item)]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item in items if _at_home(item)]


def _at_home(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("on")
    return mark is None or bool(os.environ.get("BOTH_KERNELS")) or f"[ansible://{mark.args[0]}" in item.nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: t.Any) -> ByHost:
    return ByHost(config, log)


class Load(t.NamedTuple):
    """A request loop's result: how often each text was answered, and how each failed request failed."""

    answered: dict[str, int]
    failed: list[str]


class Service:
    """The service ``hello`` of a host, as its users and the kernel see it."""

    def __init__(self, host: t.Any) -> None:
        self.host = host

    def pid(self) -> int:
        pid = int(self.host.check_output("systemctl show -P MainPID hello.service"))
        assert pid, self.host.run("journalctl -n 30 -o cat -u hello.service").stdout
        return pid

    def uid(self) -> int:
        return int(self.host.check_output("stat -c %%u /proc/%s", str(self.pid())))

    def label(self) -> str:
        """The AppArmor profile that confines the process, from the kernel."""
        return self.host.check_output("cat /proc/%s/attr/apparmor/current", str(self.pid()))

    def fetch(self, url: str = "http://127.0.0.1:8080/") -> str:
        script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=60).read().decode().strip())"
        return self.host.check_output("python3 -c %s %s", script, url)

    def current(self) -> str:
        return self.host.check_output("readlink /opt/gofleet/hello/current")

    def under_load(
        self, *, seconds: int, meanwhile: str, stop: str = "/run/load.never", pause: float = 0
    ) -> Load:
        """Send requests from four clients, and run a shell script on the host one second after the start.

        :param stop: a file; the clients end before the seconds are over if it exists
        :param pause: seconds that each client waits after an answer
        """
        load = base64.b64encode(LOAD.read_bytes()).decode()
        self.host.run_test("echo %s | base64 -d > /run/load.py", load)
        loop = f"python3 /run/load.py http://127.0.0.1:8080/ {seconds} {CLIENTS} {stop} {pause}"
        done = self.host.run("sh -c %s", f"(sleep 1; {meanwhile}) >/dev/null 2>&1 & {loop}; wait")
        assert done.rc == 0, done.stderr
        return Load(**json.loads(done.stdout))

    @contextlib.contextmanager
    def loaded(self) -> t.Iterator[list[Load]]:
        """Send requests until the end of the block; the list has the result afterwards."""
        loads: list[Load] = []
        stop = "/run/load.stop"
        self.host.run_test("rm -f %s", stop)

        def load() -> None:
            options = {"seconds": LOAD_SECONDS, "meanwhile": "true", "stop": stop, "pause": LOAD_PAUSE}
            loads.append(self.under_load(**options))

        clients = threading.Thread(target=load)
        clients.start()
        try:
            yield loads
        finally:
            self.host.run_test("touch %s", stop)
            clients.join()


@pytest.fixture
def hello(host: t.Any) -> Service:
    return Service(host)


@pytest.fixture(scope="session")
def hello_on(pytestconfig: pytest.Config) -> t.Callable[[str], Service]:
    """The service of a host that is named, for tests of several hosts at once."""
    inventory = pytestconfig.getoption("ansible_inventory")
    return lambda name: Service(testinfra.get_host(f"ansible://{name}", ansible_inventory=inventory))


class ModuleRun(t.Protocol):
    """Runs a module of the collection on the host of the test, and returns what it returned."""

    def __call__(self, name: str, /, **arguments: t.Any) -> dict[str, t.Any]: ...


@pytest.fixture
def run_module(host: t.Any) -> ModuleRun:
    def run(name: str, /, **arguments: t.Any) -> dict[str, t.Any]:
        if not host_session.runs_on_controller(name):
            return host_session.run_module(host.backend.host, name, arguments)
        # Arguments as JSON, so that lists and dictionaries arrive as such.
        result: dict[str, t.Any] = host.ansible(
            f"gofleet.hosts.{name}", json.dumps(arguments) if arguments else None, check=False
        )
        return result

    return run
