"""Hosts as containers: podman, run as root so that hosts have addresses of their own, with systemd as PID 1."""

from __future__ import annotations

import fcntl
import resource
import subprocess
from pathlib import Path

from .command import run, tail
from .errors import LabError
from .image import Image
from .network import FIRST_HOST, address
from .progress import say
from .ssh import on_host, wait_for_ssh
from .state import Host, Lab

SUBNETS = tuple(f"10.78.{number}.0/24" for number in range(64))
# podman gives the bridge the first address of the subnet.
GATEWAY = 1 - FIRST_HOST
START_TIMEOUT = 300.0
BOOT_TIMEOUT = 600.0
LABEL = "gofleet.lab"
# systemd sandboxes its services with mounts and name spaces of their own, tests look at sockets and processes.
CAPABILITIES = (
    "SYS_ADMIN",
    "SYS_PTRACE",
    "NET_ADMIN",
    "NET_RAW",
    "MKNOD",
    "AUDIT_WRITE",
    "IPC_LOCK",
    "SYS_NICE",
)
# A container may not have higher limits than we have; and runc has been seen to fail on 50000 processes below that.
FILES_MAXIMUM = 65536
PROCESSES_MAXIMUM = 16384
# systemd 257 refuses cgroup v1 unless its command line says otherwise; older ones ignore the word.
INIT = ("/sbin/init", "systemd.unified_cgroup_hierarchy=0", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
UNIFIED = Path("/sys/fs/cgroup/cgroup.controllers")
# podman mounts this folder over itself for its first container and never takes that back.
NETWORK_NAMESPACES = Path("/run/netns")
MOUNTS = Path("/proc/self/mountinfo")
FOUND_MOUNTED = "netns-found-mounted"
_CONFIG = """\
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
"""


def start_network(lab: Lab) -> None:
    """Make the lab's private network on the first free subnet; LabError if there is none."""
    if _mounted(NETWORK_NAMESPACES):
        (lab.folder / FOUND_MOUNTED).touch()
    (lab.folder / "containers.conf").write_text(_CONFIG)
    refused = ""
    for subnet in SUBNETS:
        made = _podman(
            lab, "network", "create", "--disable-dns", "--subnet", subnet, _network(lab), check=False
        )
        if made.returncode == 0:
            lab.subnet = subnet
            return
        refused = made.stdout
    raise LabError(
        f"lab {lab.name}: wanted a free subnet of 10.78.0.0/16, found none; podman says:\n{tail(refused)}"
    )


def gateway(lab: Lab) -> str:
    """Return the controller's address as the hosts see it; it exists once a host runs."""
    return address(lab.subnet, index=GATEWAY)


def define(lab: Lab, *, name: str, image: str, index: int) -> Host:
    """Return the host number ``index`` of ``lab``, reached by its own address."""
    own = address(lab.subnet, index=index)
    return Host(name=name, image=image, kind="container", address=own, ssh_address=own, ssh_port=22)


def create(lab: Lab, *, host: Host, image: Image) -> None:
    """Start a new host and wait until it is settled; LabError with the end of its log if it doesn't come up."""
    (lab.folder / f"{host.name}.image").write_text(_load_image(lab, image=image))
    _start(lab, host=host)


def reset(lab: Lab, *, host: Host) -> None:
    """Replace a host by a new one of the same name, image and address."""
    _remove(lab, name=_container(lab, host=host))
    _start(lab, host=host)


def running(lab: Lab, *, host: Host) -> bool:
    """Tell whether the host's container runs."""
    found = _podman(lab, "ps", "-q", "--filter", f"name=^{_container(lab, host=host)}$", check=False)
    return found.returncode == 0 and bool(found.stdout.strip())


def end_all(lab: Lab) -> None:
    """Remove the lab's containers and its network, whether or not it came up."""
    if not (lab.folder / "containers.conf").exists():
        return
    for name in _podman(lab, "ps", "-aq", "--filter", f"label={LABEL}={lab.run_dir}").stdout.split():
        _remove(lab, name=name)
    _podman(lab, "network", "rm", "-f", _network(lab), check=False)
    ours = _mounted(NETWORK_NAMESPACES) and not (lab.folder / FOUND_MOUNTED).exists()
    if ours and not any(NETWORK_NAMESPACES.iterdir()):
        run(["umount", str(NETWORK_NAMESPACES)], wanted=f"lab {lab.name}", check=False, root=True)


def _mounted(folder: Path) -> bool:
    # Path.is_mount compares devices, which are the same where a folder is mounted over itself.
    return any(line.split()[4] == str(folder) for line in MOUNTS.read_text().splitlines())


def _start(lab: Lab, *, host: Host) -> None:
    image = (lab.folder / f"{host.name}.image").read_text()
    _podman(
        lab, "run", "--detach", "--name", _container(lab, host=host), "--label", f"{LABEL}={lab.run_dir}",
        "--systemd=always", "--hostname", host.name, "--network", _network(lab), "--ip", host.address,
        "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
        *(f"--cap-add={name}" for name in CAPABILITIES), *_limits(),
        *(f"--add-host={other.name}:{other.address}" for other in lab.hosts if other is not host),
        image, *(INIT[:1] if UNIFIED.exists() else INIT),
    )  # fmt: skip
    try:
        wait_for_ssh(lab, host=host, timeout=BOOT_TIMEOUT, alive=lambda: running(lab, host=host))
        # As systemd has it on every real host; in a container it does not, and then services get no credentials.
        shared = "mount --make-rshared / && "
        settled = "systemctl is-system-running --wait >/dev/null || systemctl --failed --plain --no-legend"
        script = f"{shared}({settled})"
        failed = on_host(lab, host=host, script=script, timeout=BOOT_TIMEOUT).strip()
    except LabError as exc:
        log = _podman(lab, "logs", "--tail", "25", _container(lab, host=host), check=False).stdout
        raise LabError(f"{exc}\n  its log ended with:\n{tail(log)}") from exc
    say(f"{host.name}: answers by ssh" + (f"; units failed during boot: {failed}" if failed else ""))


def _limits() -> list[str]:
    arguments = []
    for word, kind, most in (
        ("nofile", resource.RLIMIT_NOFILE, FILES_MAXIMUM),
        ("nproc", resource.RLIMIT_NPROC, PROCESSES_MAXIMUM),
    ):
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(hard, most)
        arguments.append(f"--ulimit={word}={value}:{value}")
    return arguments


def _load_image(lab: Lab, *, image: Image) -> str:
    """Return podman's name of an image, imported if podman lacks it; once, though many hosts start at a time."""
    name = f"localhost/gofleet-lab:{image.digest[:16]}"
    with (image.folder.parent / "import.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _podman(lab, "image", "exists", name, check=False).returncode != 0:
            _podman(lab, "import", "--quiet", str(image.tree), name)
    return name


def _network(lab: Lab) -> str:
    return lab.run.name


def _container(lab: Lab, *, host: Host) -> str:
    return f"{lab.run.name}-{host.name}"


def _remove(lab: Lab, *, name: str) -> None:
    _podman(lab, "rm", "--force", "--time", "0", "--volumes", name, check=False)


def _podman(lab: Lab, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run(
        ["podman", *arguments],
        wanted=f"lab {lab.name}",
        env={"CONTAINERS_CONF": str(lab.folder / "containers.conf")},
        timeout=START_TIMEOUT,
        check=check,
        root=True,
    )
