"""Opening the store at the node's start, with care for what happened at the last ones."""

from __future__ import annotations

import logging
from pathlib import Path

from picloud.exceptions import StoreCorruptError
from picloud.model.settings import Durability
from picloud.store import datafile, integrity, starts
from picloud.store.environment import Environment

_log = logging.getLogger(__name__)


def open_store(home: Path, durability: Durability) -> Environment:
    """Open the store of a home; after an unclean end that may have harmed it, a child process walks it first.

    Raises:
        StoreCorruptError: if three starts have failed, the walk found damage, or the file is gone; names the last backup.
        StoreError: as of `Environment.open`.
    """
    known = bool(starts.read(home).durability)
    plan = starts.begin(home, starts.boot_id())
    advice = f"; the last backup is in {plan.backup}" if plan.backup else ""
    if known and not datafile.length(home):
        raise StoreCorruptError(
            f"A node has kept jobs in {home}, and its store is empty",
            hint=f"restore a backup, or move {datafile.store_folder(home)} away to start empty{advice}",
        )
    if plan.check or plan.readonly:
        _log.warning("the last node did not end well: the store is checked first")
        integrity.check_in_child(home).require()
    if plan.readonly:
        raise StoreCorruptError(
            f"The last {plan.failures} starts of the node failed: the store in {home} is left as it is",
            hint="read it with `picloud --offline status JIDS`; `picloud --offline node check` lets the node start again "
            f"where it finds nothing wrong{advice}",
        )
    return Environment.open(home, durability)
