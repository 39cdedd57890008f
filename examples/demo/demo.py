# Copyright (c) 2026, the gofleet authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn three bare machines into a working Go fleet while you watch.

``demo.py up`` makes the hosts, runs site.yml twice and shows the state of the hosts. ``demo.py down`` ends what
``up --keep`` left running.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import yaml

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
COLLECTIONS = CHECKOUT / ".build" / "collections"
STATE = CHECKOUT / ".lab" / "demo"
RUNS = CHECKOUT / ".build" / "module_runs.json"
HOSTS = {"deb12": "debian-12", "deb13": "debian-13", "prom13": "debian-13"}
PAGE = CHECKOUT / ".build" / "demo"
PROMETHEUS = "prom13"
PORT = 8080

# Commands that run on each host. The demo prints their output.
QUESTIONS = {
    "Go in everybody's PATH": "go version",
    "who owns the port": f"ss -Hltnp sport = :{PORT} | grep -o 'users:.*'",
    "runs as the dynamic user": "ps -o user= -p $(systemctl show -P MainPID hello)",
    "AppArmor, from the kernel": "cat /proc/$(systemctl show -P MainPID hello)/attr/apparmor/current"
    " 2>/dev/null || echo 'none: this kernel has no AppArmor for the host'",
    "exposure (0 best, 10 worst)": "systemd-analyze security --no-pager hello.service | sed -n 's/.*level for //p'",
    "open files of the process": "grep 'open files' /proc/$(systemctl show -P MainPID hello)/limits | tr -s ' '",
    "GOMEMLIMIT": "systemctl show -P Environment hello",
}


class StepError(Exception):
    """A step that failed after it had printed its output."""


def step(title: str) -> None:
    print(f"\n\033[1m== {title}\033[0m" if sys.stdout.isatty() else f"\n== {title}", flush=True)


def run(argv: list[str], **environment: str) -> None:
    done = subprocess.run(argv, cwd=CHECKOUT, env={**os.environ, **environment}, check=False)
    if done.returncode:
        raise StepError(f"{' '.join(argv[:4])} ended with {done.returncode}")


def lab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def ask(host: str, script: str) -> str:
    """Run a command on a host; return its output, or how it failed."""
    argv = lab("ssh", "--name", "demo", host, script)
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip() or f"nothing (exit status {done.returncode})"


def extra_vars(**variables: pathlib.Path) -> str:
    """An argument of ansible-playbook; as JSON, because a path may have a space in it."""
    return f"--extra-vars={json.dumps(variables, default=str)}"


def playbook(name: str, *arguments: str) -> float:
    """Run a playbook of the collection as a user would; returns its wall time in seconds."""
    started = time.monotonic()
    argv = [
        "ansible-playbook",
        f"--inventory={STATE / 'inventory.yml'}",
        "--inventory=examples/demo/inventory",
    ]
    run(
        [
            *argv,
            extra_vars(hello_sources=CHECKOUT / "examples" / "hello"),
            f"gofleet.hosts.{name}",
            *arguments,
        ],
        ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS),
        ANSIBLE_CALLBACK_PLUGINS=str(CHECKOUT / "bench" / "callback"),
        ANSIBLE_CALLBACKS_ENABLED="module_runs",
        ANSIBLE_PIPELINING="true",
        ANSIBLE_FORKS="10",
        ANSIBLE_INJECT_FACT_VARS="false",
        MODULE_RUNS_JSON=str(RUNS),
    )
    return time.monotonic() - started


def addresses() -> dict[str, str]:
    """Return the address of each host on the private network, by its name."""
    inventory = yaml.safe_load((STATE / "inventory.yml").read_text(encoding="utf-8"))
    hosts = inventory["all"]["children"]["lab"]["hosts"]
    return {name: variables["lab_address"] for name, variables in hosts.items()}


def show_hosts() -> None:
    network = addresses()
    for host in HOSTS:
        step(f"The state of {host}")
        for question, script in QUESTIONS.items():
            print(f"{question:<28}{ask(host, script)}")
    step("Each service, requested by another host through its socket")
    names = list(HOSTS)
    for asking, asked in zip(names, names[1:] + names[:1], strict=True):
        url = f"http://{network[asked]}:{PORT}/"
        script = f"python3 -c \"import urllib.request; print(urllib.request.urlopen('{url}').read().decode().strip())\""
        print(f"{asking} -> {asked}: {ask(asking, script)}")


def show_prometheus() -> None:
    step(f"The targets of Prometheus on {PROMETHEUS}")
    script = "python3 -c \"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9090/api/v1/query?query=up').read().decode())\""
    answer = json.loads(ask(PROMETHEUS, script))
    for series in sorted(answer["data"]["result"], key=lambda one: sorted(one["metric"].items())):
        metric = series["metric"]
        print(f"up {series['value'][1]}  {metric.get('job', ''):<12}{metric.get('instance', '')}")


def count_runs() -> str:
    counts = collections.Counter(one["host"] for one in json.loads(RUNS.read_text(encoding="utf-8")))
    return ", ".join(f"{host} {counts[host]}" for host in HOSTS)


def up(kind: str) -> None:
    started = time.monotonic()
    step(f"Three {'virtual machines' if kind == 'vm' else 'containers'}: {', '.join(HOSTS)}")
    run(lab("up", "--name", "demo", "--kind", kind, *[f"{host}={image}" for host, image in HOSTS.items()]))
    step("The collection, built and installed as a user gets it")
    run(["tests/build_collection.sh", str(COLLECTIONS)])
    step("First run of gofleet.hosts.site on bare hosts")
    first = playbook("site")
    step("Second run: nothing may change")
    second = playbook("site")
    runs = count_runs()
    show_hosts()
    show_prometheus()
    step("What each host really allows (gofleet.hosts.probe)")
    playbook("probe", extra_vars(probe_output=PAGE))
    step("In short")
    print(
        f"first run {first:.0f} s, second run {second:.0f} s, everything {time.monotonic() - started:.0f} s"
    )
    print(f"module runs in the second run: {runs}")
    print(f"the fleet as a page: {PAGE / 'fleet.html'}")
    if kind == "container":
        print(
            "A container shares this machine's kernel: what you did not see here is AppArmor confining a process,"
        )
        print("kernel settings of the host's own, and another kernel than this one. LAB=vm shows them.")


def down() -> None:
    run(lab("down", "--name", "demo"))


def _interrupted(number: int, dummy: object) -> t.NoReturn:
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--kind", choices=["vm", "container"], default="vm")
    parser.add_argument("--keep", action="store_true", help="leave the hosts running")
    options = parser.parse_args(arguments)
    if options.action == "down":
        down()
        return 0
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        up(options.kind)
    except StepError as error:
        print(f"\ndemo: {error}. The lines above say why; `make demo` can be run again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not options.keep:
            step("Cleaning up")
            down()
    if options.keep:
        step("The hosts keep running")
        for host in HOSTS:
            print(f"PYTHONPATH=molecule .venv/bin/python -m lab ssh --name demo {host}")
        print("make demo-down ends them.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
