"""Whether a home is on a disk of this machine: sockets, locks and LMDB's maps do not work on network file systems.

One that somebody named is refused there; the default one makes room for a folder on a local disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from picloud.exceptions import HomeError

_MOUNTS = Path("/proc/self/mountinfo")
_LOCAL_ROOT = Path("/var/tmp")  # noqa: S108 - it outlives a reboot; owner and mode of what is made there are checked
_NETWORK = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "9p",
        "afs",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "orangefs",
        "pvfs2",
        "gfs2",
        "ocfs2",
        "glusterfs",
        "coda",
        "vboxsf",
        "davfs",
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.davfs",
        "fuse.smbnetfs",
        "fuse.mfs",
    }
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def mount_of(folder: Path, mounts: str) -> tuple[str, str]:
    """Return (mount point, file system type) of a folder by the text of `/proc/self/mountinfo`; ('', '') if it has none."""
    best = ("", "")
    wanted = os.path.realpath(folder)
    for line in mounts.splitlines():
        fields, separator, rest = line.partition(" - ")
        parts = fields.split(" ")
        if not separator or len(parts) < 5:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), parts[4])
        # A later line lies over an earlier one of the same mount point.
        if len(point) >= len(best[0]) and (wanted == point or wanted.startswith(point.rstrip("/") + "/")):
            best = (point, rest.split(" ")[0])
    return best


def network_type(folder: Path) -> str:
    """Return the type of the network file system that a folder is on; '' if it is local or the system does not say."""
    try:
        kind = mount_of(folder, _MOUNTS.read_text(errors="surrogateescape"))[1]
    except OSError:
        return ""
    return kind if kind in _NETWORK else ""


def require_local(home: Path) -> None:
    """Look whether a home that somebody named can be one.

    Raises:
        HomeError: if it is on a network file system.
    """
    kind = network_type(home)
    if kind:
        raise HomeError(
            f"{home} is on a network file system ({kind}): its locks and maps cannot be relied upon",
            hint="Set PICLOUD_HOME (for a private node TMPDIR) to a folder on a disk of this machine.",
        )


def local_folder_for(home: Path, root: Path = _LOCAL_ROOT) -> Path:
    """Return this user's folder on a local disk in place of a default home on a network file system, making it if needed.

    Raises:
        HomeError: if somebody else has a folder of that name, it cannot be made, or it is on a network as well.
    """
    own = root / f"picloud-{os.geteuid()}"
    folder = own / hashlib.blake2b(os.fsencode(home), digest_size=6).hexdigest()
    try:
        for part in (own, folder):
            part.mkdir(mode=0o700, exist_ok=True)
            facts = part.lstat()
            if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o077:
                raise HomeError(f"{part} is not a private folder of user {os.geteuid()}", hint="Set PICLOUD_HOME.")
    except OSError as error:
        raise HomeError(f"{folder} cannot be made: {error.strerror or error}", hint="Set PICLOUD_HOME.") from error
    require_local(folder)
    return folder
