"""Building images, once a recipe, in the cache."""

from __future__ import annotations

import fcntl
import io
import os
import tarfile
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .command import run
from .errors import LabError
from .keys import public_key
from .places import cache_dir, check_disk
from .progress import say
from .recipe import Kind, Recipe, recipe
from .release import Release, release

BUILD_TIMEOUT = 3600.0
PROBE_TIMEOUT = 10.0


@dataclass(frozen=True)
class Image:
    """A built image: its folder in the cache and the recipe's hash."""

    folder: Path
    digest: str

    @property
    def disk(self) -> Path:
        """The raw root file system of a VM image."""
        return self.folder / "root.img"

    @property
    def kernel(self) -> Path:
        """The kernel a VM image starts with."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The initial RAM disk of a VM image."""
        return self.folder / "initrd.img"

    @property
    def tree(self) -> Path:
        """The root file system of a container image, as a tar."""
        return self.folder / "root.tar"


def ensure_image(name: str, *, kind: Kind) -> Image:
    """Return the image called ``name`` for hosts of ``kind``, built if the cache lacks it.

    Raises LabError when the archive can't be reached, the disk is too full or the build fails. A build that
    was interrupted leaves nothing that counts: the folder gets its name only when it is whole.
    """
    wanted = release(name)
    plan = recipe(wanted, kind=kind, public_key=public_key())
    root = cache_dir() / "images"
    root.mkdir(exist_ok=True)
    image = Image(folder=root / f"{name}-{kind}-{plan.digest()[:16]}", digest=plan.digest())
    with (root / f"{name}-{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.folder.is_dir():
            _build(wanted, plan=plan, target=image.folder)
    return image


def _build(wanted: Release, *, plan: Recipe, target: Path) -> None:
    check_disk(target.parent)
    check_archive(wanted)
    say(f"image {plan.image} ({plan.kind}): building, usually one to two minutes")
    prefix = f".building-{plan.image}-{plan.kind}-"
    for stale in target.parent.glob(prefix + "*"):
        _remove(stale)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        _bootstrap(plan, work=work)
        if plan.kind == "vm":
            _disk_from_tree(plan, work=work)
        (work / "files.tar").unlink()
        work.rename(target)
    except BaseException:
        _remove(work)
        raise
    say(f"image {plan.image} ({plan.kind}): built")


def _remove(work: Path) -> None:
    # A build that was cut off leaves files of root.
    run(["rm", "-rf", "--one-file-system", "--", str(work)], wanted=f"unfinished image {work}", root=True)


def check_archive(wanted: Release) -> None:
    """Raise LabError unless the release's package archive answers."""
    request = urllib.request.Request(wanted.probe, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT):
            return
    except (urllib.error.URLError, OSError) as exc:
        raise LabError(
            f"image {wanted.image}: wanted {wanted.probe}, found: {exc}; "
            "use an image whose archive is reachable from here, or set http_proxy"
        ) from exc


def _bootstrap(plan: Recipe, *, work: Path) -> None:
    """Make ``root.tar`` of the recipe in ``work``."""
    _write_files_tar(plan, path=work / "files.tar")
    hooks = [f'--customize-hook=chroot "$1" sh -ec {_quoted(command)}' for command in plan.commands]
    # What it mounts is gone with it, even when it is killed; where root may not mount, it does without.
    alone = ["unshare", "--mount", "--"]
    may_mount = run([*alone, "true"], wanted=f"image {plan.image}", root=True, check=False).returncode == 0
    run(
        [
            *(alone if may_mount else []),
            "mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", f"--keyring={plan.keyring}",
            f"--include={','.join(plan.packages)}", "--skip=cleanup/apt", "--aptopt=APT::Install-Recommends false",
            f"--essential-hook=tar-in {_quoted(str(work / 'files.tar'))} /", *hooks,
            plan.suite, str(work / "root.tar"), *plan.sources,
        ],
        wanted=f"image {plan.image}",
        timeout=BUILD_TIMEOUT,
        env={"TMPDIR": str(work)},
        root=True,
    )  # fmt: skip
    run(["chown", _owner(), str(work / "root.tar")], wanted=f"image {plan.image}", root=True)


def _owner() -> str:
    return f"{os.getuid()}:{os.getgid()}"


def _quoted(command: str) -> str:
    return "'" + command.replace("'", "'\\''") + "'"


def _write_files_tar(plan: Recipe, *, path: Path) -> None:
    with tarfile.open(path, "w") as tar:
        for name, content in plan.files:
            entry = tarfile.TarInfo("." + name)
            entry.size = len(content.encode())
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content.encode()))
        for name, to in plan.links:
            entry = tarfile.TarInfo("." + name)
            entry.type = tarfile.SYMTYPE
            entry.linkname = to
            tar.addfile(entry)


def _disk_from_tree(plan: Recipe, *, work: Path) -> None:
    """Turn ``root.tar`` into the raw disk, the kernel and the initial RAM disk."""
    tree = work / "tree"
    script = """
        mkdir "$1" && tar -C "$1" --numeric-owner --xattrs --xattrs-include='*' --exclude='./dev/*' -xf "$2"
        cp -L "$1"/boot/vmlinuz-* "$3/vmlinuz" && cp -L "$1"/boot/initrd.img-* "$3/initrd.img"
        truncate -s "$4" "$3/root.img" && mke2fs -q -t ext4 -L root -d "$1" "$3/root.img"
        chown "$5" "$3/vmlinuz" "$3/initrd.img" "$3/root.img" && rm -rf "$1"
    """
    argv = [
        "sh",
        "-ec",
        script,
        "sh",
        str(tree),
        str(work / "root.tar"),
        str(work),
        plan.disk_size,
        _owner(),
    ]
    run(argv, wanted=f"image {plan.image}", timeout=BUILD_TIMEOUT, root=True)
    (work / "root.tar").unlink()
