"""The local place keeps the contract of places."""

from __future__ import annotations

from picloud.hooks import Place
from picloud.testing.place_contract import PlaceContract
from picloud_local import LocalPlace


class TestLocalPlace(PlaceContract):
    """The whole contract, on this machine."""

    def place(self) -> Place:
        """Return the local place."""
        return LocalPlace()
