"""The counter of jids that the private nodes of one client share: `cloud.mp`, the simulator, and each of them after a `close`."""

from __future__ import annotations

import fcntl
import os

_BYTES = 8


class SharedJids:
    """A number in an open file that nobody else changes while this process takes from it."""

    def __init__(self, descriptor: int) -> None:
        """Use an inherited descriptor, which goes to no child of this process."""
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor

    def begin(self, own: int) -> int:
        """Keep the others away until `end`, and return the next jid: behind theirs, and at least `own`."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        return max(own, int.from_bytes(os.pread(self._descriptor, _BYTES, 0), "little"))

    def end(self, following: int) -> None:
        """Say what the next jid is now, and let the others in."""
        os.pwrite(self._descriptor, following.to_bytes(_BYTES, "little"), 0)
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
