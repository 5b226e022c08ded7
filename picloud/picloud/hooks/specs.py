"""The hooks: each function here may be defined, under the same name, by a plugin.

A function of a plugin whose name begins with `picloud_` and is not here is taken for a misspelt hook, and the plugin is refused.
"""

from __future__ import annotations

from picloud.hooks.place import Place


def picloud_places() -> list[Place]:
    """Return the places that this plugin adds; called once, when the node starts. It must not connect anywhere yet."""
    raise NotImplementedError
