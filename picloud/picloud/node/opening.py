"""Opening the store at the node's start, with care for what happened at the last ones."""

from __future__ import annotations

import logging
from pathlib import Path

from picloud.exceptions import StoreCorruptError
from picloud.model.settings import Durability
from picloud.store import integrity, starts
from picloud.store.environment import Environment

_log = logging.getLogger(__name__)


def open_store(home: Path, durability: Durability) -> Environment:
    """Open the store of a home; after an unclean end that may have harmed it, a child process walks it first.

    Raises:
        StoreCorruptError: if three starts have failed, or the walk found damage; names the last backup.
        StoreError: as of `Environment.open`.
    """
    plan = starts.begin(home, starts.boot_id())
    advice = f"; the last backup is in {plan.backup}" if plan.backup else ""
    if plan.readonly:
        raise StoreCorruptError(
            f"The last {plan.failures} starts of the node failed: the store in {home} is left as it is",
            hint=f"read it with `picloud status JIDS --offline`, look with `picloud node check --offline`{advice}",
        )
    if plan.check:
        _log.warning("the last node did not end well: the store is checked first")
        integrity.check_in_child(home).require()
    return Environment.open(home, durability)
