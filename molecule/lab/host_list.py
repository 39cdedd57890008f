"""Reading HOST=IMAGE from the command line."""

from __future__ import annotations

from collections.abc import Sequence

from .errors import LabError
from .places import check_name
from .release import release

HOSTS_MAXIMUM = 64


def parse_hosts(arguments: Sequence[str]) -> dict[str, str]:
    """Return host names and their images in the order given; LabError for a bad or repeated name or image."""
    hosts: dict[str, str] = {}
    for argument in arguments:
        name, equals, image = argument.partition("=")
        if not equals:
            raise LabError(f"host {argument!r}: wanted HOST=IMAGE, such as deb12=debian-12")
        check_name(name, what=f"host {argument!r}")
        if name in hosts:
            raise LabError(f"host {name!r}: named twice; give each host a name of its own")
        hosts[name] = release(image).image
    if not 1 <= len(hosts) <= HOSTS_MAXIMUM:
        raise LabError(f"hosts: wanted 1 to {HOSTS_MAXIMUM}, found {len(hosts)}")
    return hosts
