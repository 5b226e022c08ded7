"""The engine of picloud: model, scheduler, store, wire, hooks, node, client, worker and CLI.

Users import ``cloud``; a third party's backend or plugin imports ``picloud.hooks``, ``picloud.model``,
``picloud.exceptions`` and ``picloud.testing``.  Nothing is imported here, so that a worker pays only for what it uses.
"""

__version__ = "0.1.0"
