"""Command line of the lab."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from . import container, vm
from .errors import LabError
from .golang_mirror import build_mirror
from .host_list import parse_hosts
from .places import check_name
from .release import RELEASES
from .ssh import ssh_argv
from .state import load_lab, locked, require_lab
from .up import down, prepare, reset, up

DEFAULT_NAME = "default"
EXIT_ERROR = 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    images = ", ".join(release.image for release in RELEASES)
    main = argparse.ArgumentParser(
        prog="lab", description="Test hosts out of the distribution's own packages."
    )
    commands = main.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, *, named: bool = True, kind: bool = False) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        if named:
            sub.add_argument("--name", default=DEFAULT_NAME, help="which lab (default: %(default)s)")
        if kind:
            sub.add_argument("--kind", choices=["vm", "container"], default="vm")
        return sub

    starting = command("up", "Make a lab and boot its hosts; does nothing if they run.", kind=True)
    starting.add_argument("hosts", nargs="+", metavar="HOST=IMAGE", help=f"image is one of {images}")
    again = command("reset", "Take hosts back to their clean state.")
    again.add_argument("hosts", nargs="*", metavar="HOST", help="default: all")
    command("down", "End a lab and remove all it left.")
    command("status", "Print a lab's hosts and whether they run.")
    shell = command("ssh", "Run a command, or a shell, on a host.")
    shell.add_argument("host", metavar="HOST")
    shell.add_argument("argv", nargs=argparse.REMAINDER, metavar="CMD")
    before = command(
        "prepare", "Make packages, images and Go releases ready, start nothing.", named=False, kind=True
    )
    before.add_argument("images", nargs="+", metavar="IMAGE")
    command("mirror", "Make the local Go mirror and print its folder.", named=False)
    return main


def status(name: str) -> None:
    """Print a lab's hosts, one a line."""
    lab = load_lab(name)
    if lab is None:
        print(f"lab {name}: none")
        return
    print(f"lab {name}: {'up' if lab.ready else 'not up'}, {lab.kind}, Go mirror {lab.mirror}")
    running = vm.running if lab.kind == "vm" else container.running
    for host in lab.hosts:
        state = "runs" if running(lab, host=host) else "does not run"
        print(f"{host.name}: {host.image} {host.address} ssh {host.ssh_address}:{host.ssh_port} {state}")


def shell(name: str, *, host: str, argv: Sequence[str]) -> None:
    """Become ssh to a host; does not return."""
    lab = require_lab(name)
    command = ssh_argv(lab, host=lab.host(host))
    os.execvp(command[0], [*command, *argv])


def act(options: argparse.Namespace) -> None:
    """Do what the command line asks."""
    if "name" in options:
        check_name(options.name, what="--name")
    match options.command:
        case "up":
            wanted = parse_hosts(options.hosts)
            with locked(options.name):
                up(options.name, kind=options.kind, wanted=wanted)
        case "reset":
            with locked(options.name):
                reset(options.name, hosts=options.hosts)
        case "down":
            with locked(options.name):
                down(options.name)
        case "status":
            status(options.name)
        case "ssh":
            shell(options.name, host=options.host, argv=options.argv)
        case "prepare":
            prepare(options.images, kind=options.kind)
        case "mirror":
            print(build_mirror())


def _interrupted(number: int, _frame: FrameType | None) -> None:
    # The first signal starts the clean-up; a second one must not end it half-way.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        act(options)
    except LabError as exc:
        print(f"lab: {exc}", file=sys.stderr)
        return EXIT_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
