"""Nothing is said before it is kept: actions run after the commit that covers them, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.model.settings import Durability
from picloud.node.commit import Committer
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.store.writer import Writer


class Setting:
    """A committer on a real store and a loop."""

    def __init__(self, home: Path, durability: Durability) -> None:
        self.loop = asyncio.new_event_loop()
        self.environment = Environment.open(home, durability)
        self.failures: list[BaseException] = []
        self.committer = Committer(self.loop, Writer(self.environment), durability, self.failures.append)
        self.tables = Tables(self.environment)

    def settle(self) -> None:
        """Run the loop until everything is committed."""

        async def wait() -> None:
            while not self.committer.clean:
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(wait(), 10))

    def close(self) -> None:
        """End everything."""
        self.committer.finish()
        self.environment.close()
        self.loop.close()


@pytest.fixture(params=list(Durability))
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path, request.param)
    yield made
    made.close()


def test_an_action_without_writes_runs_at_once(setting: Setting) -> None:
    ran: list[int] = []
    setting.committer.after(lambda: ran.append(1))
    assert ran == [1]


def test_an_action_sees_what_it_waited_for_in_the_store(setting: Setting) -> None:
    seen: list[bytes | None] = []
    setting.committer.batch.put_note("a", b"kept")
    setting.committer.after(lambda: seen.append(setting.tables.note("a")))
    assert seen == []
    setting.settle()
    assert seen == [b"kept"]


def test_actions_keep_their_order_over_several_groups(setting: Setting) -> None:
    ran: list[int] = []

    def write(number: int) -> None:
        setting.committer.batch.put_note("n", str(number).encode())
        setting.committer.after(lambda: ran.append(number))

    for number in range(5):
        setting.loop.call_soon(write, number)
    setting.committer.after(lambda: None)
    setting.loop.run_until_complete(asyncio.sleep(0))
    setting.settle()
    assert ran == [0, 1, 2, 3, 4]
    assert setting.tables.note("n") == b"4"


def test_one_turn_is_one_commit(setting: Setting) -> None:
    for number in range(100):
        setting.committer.batch.put_note(str(number), b"")
    setting.settle()
    assert setting.committer.commits == 1


def test_writes_of_an_action_are_committed_too(setting: Setting) -> None:
    setting.committer.batch.put_note("a", b"1")
    setting.committer.after(lambda: setting.committer.batch.put_note("b", b"2"))
    setting.settle()
    assert setting.tables.note("b") == b"2"


def test_a_failed_commit_is_reported_and_its_actions_never_run(setting: Setting) -> None:
    ran: list[int] = []
    setting.committer.batch.put_note("x" * 600, b"a key that LMDB refuses")
    setting.committer.after(lambda: ran.append(1))

    async def wait() -> None:
        while not setting.failures:
            await asyncio.sleep(0)

    setting.loop.run_until_complete(asyncio.wait_for(wait(), 10))
    assert len(setting.failures) == 1
    assert ran == []
