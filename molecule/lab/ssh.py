"""Reaching hosts by ssh."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import threading
import time
from collections.abc import Callable

from .command import run, tail
from .errors import LabError
from .keys import KEY_NAME
from .process import SSH_MASTER, processes
from .state import Host, Lab

# Host keys are part of the image and so the same for every host: checking them would prove nothing.
OPTIONS = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
PERSIST_SECONDS = 60
POLL_SECONDS = 1.0


def common_args(lab: Lab) -> list[str]:
    """Return ssh arguments for users of the lab: connections are shared, their sockets in the lab's run folder."""
    options = (
        *OPTIONS,
        "ControlMaster=auto",
        f"ControlPersist={PERSIST_SECONDS}s",
        f"ControlPath={lab.run}/c-%C",
    )
    return [part for option in options for part in ("-o", option)]


def ssh_argv(lab: Lab, *, host: Host, shared: bool = False) -> list[str]:
    """Return the ssh command for a host, up to and including its name."""
    options = common_args(lab) if shared else [part for option in OPTIONS for part in ("-o", option)]
    return [
        "ssh", *options, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20",
        "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=20",
        "-i", str(lab.folder / KEY_NAME), "-p", str(host.ssh_port), f"root@{host.ssh_address}",
    ]  # fmt: skip


def on_host(lab: Lab, *, host: Host, script: str, timeout: float) -> str:
    """Run a shell script on a host and return its output; LabError if it fails or takes over ``timeout`` seconds."""
    return run(
        [*ssh_argv(lab, host=host), "sh -e"], wanted=f"host {host.name}", stdin=script, timeout=timeout
    ).stdout


def wait_for_ssh(lab: Lab, *, host: Host, timeout: float, alive: Callable[[], bool]) -> None:
    """Return when a host answers by ssh; LabError after ``timeout`` seconds or as soon as it isn't ``alive``."""
    deadline = time.monotonic() + timeout
    output = "(no attempt ended)"
    while time.monotonic() < deadline:
        if not alive():
            raise LabError(f"host {host.name}: it ended while we waited for ssh")
        with contextlib.suppress(LabError):
            done = run(
                [*ssh_argv(lab, host=host), "true"], wanted=f"host {host.name}", check=False, timeout=60
            )
            if done.returncode == 0:
                return
            output = done.stdout
        time.sleep(POLL_SECONDS)
    raise LabError(f"host {host.name}: no ssh within {timeout:g} s; last answer:\n{tail(output)}")


def set_clock(lab: Lab, *, host: Host, timeout: float) -> None:
    """Set a host's clock to the controller's; LabError if that takes over ``timeout`` seconds or fails."""
    script = "echo ready && read now && date -u -s @$now >/dev/null && echo done"
    # The time is sent once the connection stands: making it takes seconds on a busy machine.
    with subprocess.Popen(
        [*ssh_argv(lab, host=host), script], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as session:
        overdue = threading.Timer(timeout, session.kill)
        overdue.start()
        try:
            assert session.stdin is not None
            assert session.stdout is not None
            ready = session.stdout.readline()
            if ready:
                session.stdin.write(f"{time.time():.3f}\n")
                session.stdin.close()
            answer = session.stdout.readline()
        finally:
            overdue.cancel()
    if answer.strip() != "done":
        raise LabError(
            f"host {host.name}: wanted its clock set within {timeout:g} s, found: {ready + answer!r}"
        )


def end_masters(lab: Lab) -> None:
    """End shared connections: a host that goes back in time no longer knows them, and they would hang."""
    for argv in processes(markers=lab.markers).values():
        if argv[0].startswith(SSH_MASTER):
            path = argv[0].removeprefix(SSH_MASTER).removesuffix(" [mux]").strip()
            subprocess.run(
                ["ssh", "-o", f"ControlPath={path}", "-O", "exit", "lab"],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
            )  # fmt: skip


def quoted(argv: list[str]) -> str:
    """Return arguments as one string a shell or Ansible splits back into the same."""
    return shlex.join(argv)
