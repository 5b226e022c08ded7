"""A supervisor's first steps: it says which Python it is before it imports anything that another Python may lack.

Until then only the standard library is used, and of picloud what needs no more than that.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

from picloud.wire import messages
from picloud.wire.channel import Channel


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Be a supervisor on the stream whose descriptor stands behind `--fd`."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    # No argument parser: its import is a good part of a supervisor's start, and only places write this line.
    if len(given) != 2 or given[0] != "--fd" or not given[1].isdecimal():
        sys.exit("usage: python -m picloud.worker.boot --fd NUMBER-OF-THE-STREAM'S-DESCRIPTOR")
    descriptor = int(given[1])
    os.set_inheritable(descriptor, False)
    channel = Channel(socket.socket(fileno=descriptor))
    try:
        first = channel.receive()
        _refuse_other_python(channel, first.message)
    except (EOFError, ConnectionError):
        sys.exit(0)

    from picloud.worker import limits, processes
    from picloud.worker.supervisor import Supervisor

    processes.become_subreaper()
    limits.library_roots()
    gc.collect()
    gc.freeze()
    Supervisor(channel, first).serve()


def _refuse_other_python(channel: Channel, message: messages.Message) -> None:
    """Where the node wants another minor version of Python, tell it which one this is, and wait until it hangs up.

    Raises:
        EOFError: when it has.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if isinstance(message, messages.Configure) and message.python != own:
        channel.send(messages.SupervisorReady(os.getpid(), own, ""))
        while True:
            channel.receive()


if __name__ == "__main__":
    main()
