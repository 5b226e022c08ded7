"""The node's folder: its paths, its modes, and who may use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from picloud.exceptions import HomeError
from picloud.wire.filesystem import require_local

_ADVICE = "set PICLOUD_HOME to a folder of your own, on a local disk"
SOCKET_NAME = "node.sock"
"""The listening socket's name in the home."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths in PICLOUD_HOME."""

    path: Path
    """The folder itself."""

    @property
    def socket(self) -> Path:
        """The listening socket."""
        return self.path / SOCKET_NAME

    @property
    def lock(self) -> Path:
        """The file whose flock says which node lives."""
        return self.path / "node.lock"

    @property
    def workers_lock(self) -> Path:
        """The file that every worker of a generation holds shared."""
        return self.path / "workers.lock"

    @property
    def log(self) -> Path:
        """The node's log."""
        return self.path / "node.log"

    @property
    def spool(self) -> Path:
        """Folder of the workers' output."""
        return self.path / "spool"

    @property
    def segments(self) -> Path:
        """Folder of large payloads."""
        return self.path / "segments"

    @property
    def incoming(self) -> Path:
        """Folder of segments that no record names yet."""
        return self.segments / "incoming"


def prepare(path: Path) -> Home:
    """Make the folder and its parts, private to this user, and return its paths.

    Raises:
        HomeError: if it is on a network file system, belongs to another user, is not a folder, or cannot be written.
    """
    require_local(path)
    home = Home(path)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = path.stat()
        if facts.st_uid == os.geteuid():
            path.chmod(0o700)
            for folder in (home.spool, home.segments, home.incoming):
                folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeError(f"PICLOUD_HOME {path} cannot be used: {error.strerror or error}", hint=_ADVICE) from error
    if facts.st_uid != os.geteuid():
        raise HomeError(
            f"PICLOUD_HOME {path} belongs to user {facts.st_uid}, not to you (user {os.geteuid()})", hint=_ADVICE
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise HomeError(f"PICLOUD_HOME {path} cannot be written", hint=_ADVICE)
    return home
