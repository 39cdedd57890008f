"""Hosts as virtual machines: each one QEMU process over a copy-on-write disk."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path

from .accel import local_accelerator
from .command import run, tail
from .errors import LabError
from .image import Image
from .network import address, mac, switch_socket
from .process import processes
from .progress import say
from .qmp import monitor
from .ssh import on_host, set_clock, wait_for_ssh
from .state import Host, Lab, free_port

PROGRAM = "qemu-system-x86_64"
SNAPSHOT = "clean"
MEMORY_MIB = 768
# Two busy cores without KVM take minutes where two idle ones take forty seconds.
BOOT_TIMEOUT = 900.0
SNAPSHOT_TIMEOUT = 300.0
CONNECTIONS_TIMEOUT = 20.0
SCRIPT_TIMEOUT = 300.0


def define(lab: Lab, *, name: str, image: str, index: int) -> Host:
    """Return the host number ``index`` of ``lab``, with an ssh port of its own on this machine."""
    return Host(
        name=name,
        image=image,
        kind="vm",
        address=address(lab.subnet, index=index),
        ssh_address="127.0.0.1",
        ssh_port=free_port(),
    )


def create(lab: Lab, *, host: Host, image: Image) -> None:
    """Boot a new host, wait until it is settled, and keep that moment as its clean snapshot.

    Raises LabError with the end of the serial console if it doesn't come up.
    """
    disk = _folder(lab, host=host) / "disk.qcow2"
    disk.parent.mkdir()
    run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(disk)],
        wanted=f"disk of host {host.name}",
    )
    _write_command_line(lab, host=host, image=image)
    _start(lab, host=host)
    try:
        wait_for_ssh(lab, host=host, timeout=BOOT_TIMEOUT, alive=lambda: running(lab, host=host))
        say(f"{host.name}: answers by ssh")
        _personalise(lab, host=host)
    except LabError as exc:
        raise LabError(f"{exc}\n  its serial console ended with:\n{console_tail(lab, host=host)}") from exc
    save(lab, host=host)
    say(f"{host.name}: clean snapshot taken")


def save(lab: Lab, *, host: Host, snapshot: str = SNAPSHOT) -> None:
    """Keep a host as it is now."""
    _tell(lab, host=host, command=f"savevm {snapshot}")


def has(lab: Lab, *, host: Host, snapshot: str) -> bool:
    """Tell whether a host was kept under this name."""
    found = monitor(_socket(lab, host=host), command="info snapshots", timeout=SNAPSHOT_TIMEOUT)
    return bool(re.search(rf"^\S+\s+{re.escape(snapshot)}\s", found, re.MULTILINE))


def reset(lab: Lab, *, host: Host, snapshot: str = SNAPSHOT) -> None:
    """Take a host back to a snapshot, by default the clean one; starts it again if it was switched off."""
    if running(lab, host=host):
        _wait_for_connections_to_end(lab, host=host)
        _tell(lab, host=host, command=f"loadvm {snapshot}")
    else:
        _start(lab, host=host, extra=["-loadvm", snapshot])
    wait_for_ssh(lab, host=host, timeout=SNAPSHOT_TIMEOUT, alive=lambda: running(lab, host=host))
    # The guest's clock stands where the snapshot was taken.
    set_clock(lab, host=host, timeout=SCRIPT_TIMEOUT)


def running(lab: Lab, *, host: Host) -> bool:
    """Tell whether the host's QEMU lives."""
    folder = f"{_folder(lab, host=host)}/"
    return any(Path(argv[0]).name == PROGRAM for argv in processes(markers=[folder]).values())


def console_tail(lab: Lab, *, host: Host) -> str:
    """Return the last lines of the host's serial console."""
    path = _folder(lab, host=host) / "console.log"
    return tail(path.read_text(errors="replace")) if path.exists() else "    (no output)"


def _folder(lab: Lab, *, host: Host) -> Path:
    return lab.folder / host.name


def _socket(lab: Lab, *, host: Host) -> Path:
    return lab.run / f"{host.name}.qmp"


def _personalise(lab: Lab, *, host: Host) -> None:
    """Give the host its name and private address for good and wait until its boot has ended."""
    names = "".join(f"{other.address} {other.name}\n" for other in lab.hosts)
    script = f"""
        echo {host.name} >/etc/hostname
        hostname {host.name}
        cat >/etc/hosts <<'END'
127.0.0.1 localhost
{names}END
        cat >/etc/systemd/network/20-private.network <<'END'
[Match]
Name=eth1

[Network]
Address={host.address}/24
LinkLocalAddressing=no
IPv6AcceptRA=no
END
        networkctl reload
        systemctl is-system-running --wait >/dev/null || systemctl --failed --plain --no-legend
    """
    failed = on_host(lab, host=host, script=script, timeout=BOOT_TIMEOUT).strip()
    if failed:
        say(f"{host.name}: units failed during boot: {failed}")


def _start(lab: Lab, *, host: Host, extra: list[str] | None = None) -> None:
    argv = (_folder(lab, host=host) / "command").read_text().split("\0")
    run([*argv, *(extra or [])], wanted=f"host {host.name}", timeout=SNAPSHOT_TIMEOUT)


def _wait_for_connections_to_end(lab: Lab, *, host: Host) -> None:
    """Give connections that are being closed the time for it, seldom more than a moment.

    A guest that goes back in time never answers their last packet, and QEMU then uses a whole core to wait for it.
    """
    deadline = time.monotonic() + CONNECTIONS_TIMEOUT
    while time.monotonic() < deadline:
        found = monitor(_socket(lab, host=host), command="info usernet", timeout=SNAPSHOT_TIMEOUT)
        if not open_connections(found):
            return
        time.sleep(0.1)
    say(f"{host.name}: connections were still open when it went back")


def open_connections(usernet: str) -> list[str]:
    """Return the lines of TCP connections in the output of QEMU's ``info usernet``."""
    lines = [line.strip() for line in usernet.splitlines()]
    return [line for line in lines if line.startswith("TCP[") and not line.startswith("TCP[HOST_FORWARD]")]


def _tell(lab: Lab, *, host: Host, command: str) -> None:
    answer = monitor(_socket(lab, host=host), command=command, timeout=SNAPSHOT_TIMEOUT)
    if answer.strip():
        raise LabError(f"host {host.name}: wanted {command}, found: {answer.strip()}")


def _write_command_line(lab: Lab, *, host: Host, image: Image) -> None:
    """Keep QEMU's command line: a snapshot loads only into the machine it was taken of."""
    argv = [PROGRAM, *_machine(host), *_boot(host, image=image), *_devices(lab, host=host)]
    (_folder(lab, host=host) / "command").write_text("\0".join(argv))


def _machine(host: Host) -> list[str]:
    how = local_accelerator()
    return [
        "-name", host.name, "-uuid", str(uuid.uuid4()), "-nodefaults", "-no-user-config", "-display", "none",
        "-accel", how.accel, "-cpu", how.cpu, "-smp", "1", "-m", str(MEMORY_MIB), "-daemonize",
    ]  # fmt: skip


def _boot(host: Host, *, image: Image) -> list[str]:
    # No ip= for the private address: the initial RAM disk of Debian 13 would wait three minutes for that interface.
    cmdline = (
        "root=/dev/vda rw console=ttyS0 quiet loglevel=4 net.ifnames=0 systemd.show_status=error "
        f"systemd.hostname={host.name}{local_accelerator().cmdline}"
    )
    return ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", cmdline]


def _devices(lab: Lab, *, host: Host) -> list[str]:
    index = lab.hosts.index(host)
    folder = _folder(lab, host=host)
    forward = f"hostfwd=tcp:{host.ssh_address}:{host.ssh_port}-:22"
    return [
        # Nothing of a lab outlives it, so the disk need not survive a crash of this machine.
        "-drive", f"file={_escaped(folder / 'disk.qcow2')},if=none,id=disk,format=qcow2,cache=unsafe,discard=unmap",
        "-device", "virtio-blk-pci,drive=disk",
        "-netdev", f"user,id=nat,{forward}",
        "-device", f"virtio-net-pci,netdev=nat,romfile=,mac={mac(interface=0, index=index)}",
        "-netdev", f"vde,id=private,sock={_escaped(switch_socket(lab))}",
        "-device", f"virtio-net-pci,netdev=private,romfile=,mac={mac(interface=1, index=index)}",
        "-object", "rng-random,id=entropy,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=entropy",
        "-chardev", f"file,id=console,path={_escaped(folder / 'console.log')},append=on",
        "-serial", "chardev:console",
        "-qmp", f"unix:{_escaped(_socket(lab, host=host))},server=on,wait=off",
    ]  # fmt: skip


def _escaped(path: Path) -> str:
    """Return a path as QEMU's option lists want it, where a comma separates options."""
    return str(path).replace(",", ",,")
