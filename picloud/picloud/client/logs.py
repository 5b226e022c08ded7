"""Logs of private nodes: kept in the home where the setting `save_log` asks for them, until they are `purge_days` old."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from pathlib import Path

from picloud.client import settings
from picloud.model.settings import Settings

FOLDER = "datalogs"
"""The folder of all of them in the home, as PiCloud named it."""

_NAME = re.compile(r"\d{4}-\d\d-\d\d\.\d{6}(-\d+)?")
_DAY = 86400.0


def new_log(values: Settings, kind: str) -> Path | None:
    """Return the file for the log of a private node that starts now, in a new folder; None if no logs are asked for.

    Folders of earlier ones that are too old are removed.  `kind` is 'Simulation' or 'Multiprocessing'.

    Raises:
        OSError: if the folder cannot be made.
    """
    if not values.save_log:
        return None
    now = time.time()
    home = settings.home_of(values)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    purge(home / FOLDER, now - values.purge_days * _DAY)
    parent = home / FOLDER / kind
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = time.strftime("%Y-%m-%d.%H%M%S", time.localtime(now))
    for number in itertools.count():
        folder = parent / (f"{name}-{number}" if number else name)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return folder / "node.log"
    return None


def purge(folder: Path, before: float) -> None:
    """Remove the logs of nodes whose last word is older than a Unix time (s)."""
    for found in folder.glob("*/*"):
        try:
            last = max(path.stat().st_mtime for path in (found, *found.iterdir()))
        except OSError:  # Another client removes it as well.
            continue
        if _NAME.fullmatch(found.name) and last < before:
            shutil.rmtree(found, ignore_errors=True)
