from __future__ import annotations

from dataclasses import replace

import pytest
from lab.errors import LabError
from lab.recipe import Recipe, recipe
from lab.release import RELEASES, release

KEY = "ssh-ed25519 AAAA lab"


def _recipe(image: str = "debian-12", *, kind: str = "vm", key: str = KEY) -> Recipe:
    return recipe(release(image), kind=kind, public_key=key)  # type: ignore[arg-type]


def test_same_recipe_same_hash() -> None:
    assert _recipe().digest() == _recipe().digest()


def test_hash_changes_with_content() -> None:
    one = _recipe()
    others = [
        _recipe("debian-13"),
        _recipe(kind="container"),
        _recipe(key="ssh-ed25519 BBBB lab"),
        replace(one, packages=(*one.packages, "vim")),
        replace(one, disk_size="7G"),
        replace(one, files=(*one.files, ("/etc/motd", "hello\n"))),
    ]
    assert len({recipe.digest() for recipe in (one, *others)}) == len(others) + 1


@pytest.mark.parametrize("image", [known.image for known in RELEASES])
def test_only_vms_have_a_kernel(image: str) -> None:
    kernel = release(image).kernel
    assert kernel in _recipe(image).packages
    assert kernel not in _recipe(image, kind="container").packages


def test_unknown_image_names_the_known() -> None:
    with pytest.raises(LabError, match="debian-12, debian-13, debian-11, debian-13-backports, ubuntu-24.04"):
        release("debian-10")
