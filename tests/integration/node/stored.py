"""A real store with one array in it, and the parts of a node that write to it; no process runs."""

from __future__ import annotations

import asyncio

from picloud.model import arguments
from picloud.model.array import JobArray, JobOptions
from picloud.model.settings import Durability
from picloud.node.commit import Committer
from picloud.node.home import Home
from picloud.node.live import LiveArray, LiveArrays
from picloud.node.pools import Pool
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.store.writer import Writer


class StoredArray:
    """A real store with one array of five items in it."""

    def __init__(self, home: Home, options: JobOptions, pool: Pool) -> None:
        """Store the array, whose first jid is 1."""
        self.home = home
        self.loop = asyncio.new_event_loop()
        self.environment = Environment.open(home.path, Durability.PROCESS)
        self.committer = Committer(self.loop, Writer(self.environment), Durability.PROCESS, self.fail)
        self.tables = Tables(self.environment)
        array = JobArray(1, 5, "client", 1, "ab" * 20, "cd" * 20, "f", True, 0.0, None, "host", options)
        self.live = LiveArray(array, pool, bytearray(5))
        self.lives = LiveArrays()
        self.lives.add(self.live)
        self.committer.batch.put_array(array)
        self.committer.batch.put_arguments(1, 0, arguments.encode_items([b"x"] * 5))

    def close(self) -> None:
        """Bring everything to an end."""
        self.commit()
        self.committer.finish()
        self.environment.close()
        self.loop.close()

    def fail(self, error: BaseException) -> None:
        """End the test: a commit failed."""
        raise error

    def commit(self) -> None:
        """Run the loop until all is kept."""

        async def wait() -> None:
            while not self.committer.clean:
                await asyncio.sleep(0)

        self.loop.run_until_complete(asyncio.wait_for(wait(), 10))
