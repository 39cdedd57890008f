"""Making a lab, taking it back to clean, and ending it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import pairwise

from . import container, golang_server, network, vm
from .accel import kvm_is_closed
from .errors import LabError
from .golang_mirror import mirror_base
from .image import Image, ensure_image
from .inventory import write_inventory
from .keys import copy_key
from .packages import ensure_packages
from .places import state_root
from .process import end
from .progress import say
from .recipe import Kind
from .ssh import end_masters, on_host
from .state import BOOT_ID, Host, Lab, forget, load_lab, new_lab, require_lab

REACH_TIMEOUT = 120.0


def prepare(images: Sequence[str], *, kind: Kind) -> dict[str, Image]:
    """Make all that labs of ``kind`` share: the controller's packages, the images, the Go releases."""
    if kind == "vm" and kvm_is_closed():
        say(
            "virtual machines are emulated, which is slow: /dev/kvm is not open to you; join its group, log in again"
        )
    ensure_packages(kind, images=images)
    built = {name: ensure_image(name, kind=kind) for name in dict.fromkeys(images)}
    mirror_base()
    return built


def up(name: str, *, kind: Kind, wanted: dict[str, str]) -> None:
    """Make the lab ``name`` with the hosts ``wanted`` (name to image), unless exactly that runs already.

    Raises LabError when other hosts run under this name, or when any step fails: then nothing is left behind.
    """
    lab = load_lab(name)
    if lab is not None and _is_up(lab):
        _check_same(lab, kind=kind, wanted=wanted)
        say(f"lab {name}: already up, nothing to do; its inventory: {lab.folder / 'inventory.yml'}")
        return
    _end(name)
    images = prepare(list(wanted.values()), kind=kind)
    try:
        _make(name, kind=kind, wanted=wanted, images=images)
    except BaseException:
        say(f"lab {name}: failed, cleaning up")
        _end(name)
        raise


def _is_up(lab: Lab) -> bool:
    alive = _alive(lab.kind)
    return (
        lab.ready
        and lab.boot_id == BOOT_ID.read_text().strip()
        and all(alive(lab, host) for host in lab.hosts)
    )


def _alive(kind: Kind) -> Callable[[Lab, Host], bool]:
    running = vm.running if kind == "vm" else container.running
    return lambda lab, host: running(lab, host=host)


def _check_same(lab: Lab, *, kind: Kind, wanted: dict[str, str]) -> None:
    found = {host.name: host.image for host in lab.hosts}
    if (lab.kind, found) != (kind, wanted):
        raise LabError(
            f"lab {lab.name}: wanted {kind} hosts {_pairs(wanted)}, found {lab.kind} hosts {_pairs(found)} running; "
            "end it with `lab down`, or use another --name"
        )


def _pairs(hosts: dict[str, str]) -> str:
    return " ".join(f"{name}={image}" for name, image in hosts.items())


def _make(name: str, *, kind: Kind, wanted: dict[str, str], images: dict[str, Image]) -> None:
    lab = new_lab(name, kind=kind)
    copy_key(lab.folder)
    if kind == "vm":
        network.start_switch(lab)
    else:
        container.start_network(lab)
    define = vm.define if kind == "vm" else container.define
    create = vm.create if kind == "vm" else container.create
    for index, (host, image) in enumerate(wanted.items()):
        lab.hosts.append(define(lab, name=host, image=image, index=index))
    lab.save()
    say(f"lab {name}: starting {len(lab.hosts)} {kind} hosts: {_pairs(wanted)}")
    _at_once(
        lab.hosts,
        work=lambda host: create(lab, host=host, image=images[host.image]),
        # Whoever waits for a host notices its end, so one failure or Ctrl-C need not wait for the other boots.
        on_failure=lambda: _end_processes(lab),
    )
    _check_private_network(lab)
    lab.mirror = golang_server.start(lab) if kind == "vm" else _mirror_on_bridge(lab)
    path = write_inventory(lab)
    lab.ready = True
    lab.save()
    say(f"lab {name}: up; its inventory: {path}")


def _mirror_on_bridge(lab: Lab) -> str:
    # The bridge and its address come into being with the first container.
    return golang_server.start(lab, bind=container.gateway(lab), seen_as=container.gateway(lab))


def reset(name: str, *, hosts: Sequence[str]) -> None:
    """Take the hosts named (all, if none is) back to their clean state."""
    lab = require_lab(name)
    chosen = [lab.host(host) for host in hosts] or lab.hosts
    end_masters(lab)
    again = vm.reset if lab.kind == "vm" else container.reset
    _at_once(chosen, work=lambda host: again(lab, host=host))
    _check_private_network(lab)
    say(f"lab {name}: clean again: {' '.join(host.name for host in chosen)}")


def down(name: str) -> None:
    """End a lab and remove what it left; does nothing where there is none."""
    say(f"lab {name}: down" if _end(name) else f"lab {name}: not there, nothing to do")


def _end(name: str) -> bool:
    lab = load_lab(name)
    folder = state_root() / name
    ended = _end_processes(lab) if lab else end(markers=[f"{folder}/"])
    existed = folder.exists()
    forget(name, lab=lab)
    return existed or ended > 0


def _end_processes(lab: Lab) -> int:
    if lab.kind == "container":
        container.end_all(lab)
    return end(markers=lab.markers)


def _check_private_network(lab: Lab) -> None:
    """Raise LabError unless each host reaches the next one on the private network."""
    ring = [*lab.hosts, lab.hosts[0]]
    for here, there in pairwise(ring if len(lab.hosts) > 1 else []):
        on_host(lab, host=here, script=f"ping -c 1 -w 30 {there.address}", timeout=REACH_TIMEOUT)


def _at_once(
    hosts: Sequence[Host], *, work: Callable[[Host], None], on_failure: Callable[[], object] = lambda: None
) -> None:
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        try:
            for done in as_completed([pool.submit(work, host) for host in hosts]):
                done.result()
        except BaseException:
            on_failure()
            raise
