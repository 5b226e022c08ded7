"""How starts are announced, and what follows from those that failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from picloud.exceptions import HomeError
from picloud.model.settings import Durability
from picloud.store import starts


def test_a_first_start(store_home: Path) -> None:
    assert starts.begin(store_home, "boot 1") == starts.Plan(check=False, readonly=False, failures=0, backup="")


def test_a_node_that_was_killed_is_no_reason_to_check(store_home: Path) -> None:
    """What the kernel had taken is on its way to disk, whoever died."""
    starts.begin(store_home, "boot 1")
    starts.succeeded(store_home, Durability.PROCESS, "boot 1")
    assert not starts.begin(store_home, "boot 1").check


@pytest.mark.parametrize("durability", Durability)
def test_after_a_power_cut_an_unsynced_store_is_checked(store_home: Path, durability: Durability) -> None:
    starts.begin(store_home, "boot 1")
    starts.succeeded(store_home, durability, "boot 1")
    assert starts.begin(store_home, "boot 2").check == (durability is Durability.PROCESS)
    starts.succeeded(store_home, durability, "boot 2")
    assert not starts.begin(store_home, "boot 2").check


def test_a_clean_end_is_no_reason_to_check(store_home: Path) -> None:
    starts.begin(store_home, "boot 1")
    starts.succeeded(store_home, Durability.PROCESS, "boot 1")
    starts.ended(store_home)
    assert not starts.begin(store_home, "boot 2").check


def test_a_start_that_fails_does_not_hide_the_power_cut(store_home: Path) -> None:
    starts.begin(store_home, "boot 1")
    starts.succeeded(store_home, Durability.PROCESS, "boot 1")
    for failures in range(starts.MOST_FAILURES):
        plan = starts.begin(store_home, "boot 2")
        assert plan.check
        assert not plan.readonly
        assert plan.failures == failures


def test_three_failed_starts_open_it_for_reading_and_name_the_backup(store_home: Path) -> None:
    starts.backed_up(store_home, Path("/backups/monday"))
    for _ in range(starts.MOST_FAILURES):
        assert not starts.begin(store_home, "boot 1").readonly
    for _ in range(2):
        plan = starts.begin(store_home, "boot 1")
        assert plan == starts.Plan(check=True, readonly=True, failures=3, backup="/backups/monday")
    starts.ended(store_home)
    assert starts.begin(store_home, "boot 1") == starts.Plan(
        check=False, readonly=False, failures=0, backup="/backups/monday"
    )


@pytest.mark.parametrize("content", ["", "no json", "[]", "{}", '{"boot": "x"}'])
def test_a_record_that_cannot_be_read_is_a_reason_to_check(store_home: Path, content: str) -> None:
    starts.ended(store_home)
    (store_home / "store" / "starts.json").write_text(content)
    assert starts.begin(store_home, "boot 1").check


def test_the_record_is_private(store_home: Path) -> None:
    starts.ended(store_home)
    assert (store_home / "store" / "starts.json").stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeError, match="cannot be written"):
        starts.begin(tmp_path / "file", "boot")


def test_this_systems_boot() -> None:
    assert starts.boot_id() == starts.boot_id()
