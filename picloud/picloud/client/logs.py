"""Folders of logs in the home, one for each session that was asked for some, until they are `purge_days` old.

Private nodes leave their logs there where `save_log` asks for it, and clients their serialization reports.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import time
from pathlib import Path

from picloud.client import settings
from picloud.model.settings import Settings

_NAME = re.compile(r"\d{4}-\d\d-\d\d\.\d{6}(-\d+)?")
_DAY = 86400.0


def new_log(values: Settings, kind: str) -> Path | None:
    """Return the file for the log of a private node that starts now, in a new folder; None if no logs are asked for.

    `kind` and errors are as `new_folder` has them.
    """
    return new_folder(values, kind) / "node.log" if values.save_log else None


def new_folder(values: Settings, kind: str) -> Path:
    """Return a new folder for logs of `kind`, 'Simulation' say, named after this moment; earlier ones that are too old are removed.

    Raises:
        OSError: if the folder cannot be made.
    """
    now = time.time()
    home = settings.home_of(values)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = home / Path(values.serialize_logging_path).expanduser()
    purge(root, now - values.purge_days * _DAY)
    parent = root / kind
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = time.strftime("%Y-%m-%d.%H%M%S", time.localtime(now))
    for number in itertools.count():
        folder = parent / (f"{name}-{number}" if number else name)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def private(path: str, flags: int) -> int:
    """Open a file, as `open` does, that others cannot read if it is made."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def purge(folder: Path, before: float) -> None:
    """Remove the folders whose last word is older than a Unix time (s)."""
    for found in folder.glob("*/*"):
        try:
            last = max(path.stat().st_mtime for path in (found, *found.iterdir()))
        except OSError:  # Another client removes it as well.
            continue
        if _NAME.fullmatch(found.name) and last < before:
            shutil.rmtree(found, ignore_errors=True)
