"""What peers must agree on."""

from __future__ import annotations

import pytest

from picloud.exceptions import VersionMismatchError
from picloud.wire import handshake


def test_the_same_python_is_fine() -> None:
    handshake.check_python("3.11", "3.11", "here")


def test_another_minor_version_is_refused_with_both_and_what_to_do() -> None:
    with pytest.raises(VersionMismatchError, match=r"Python 3\.12, but the host runs Python 3\.11") as raised:
        handshake.check_python("3.12", "3.11", "the host")
    assert raised.value.hint is not None
    assert "3.12" in raised.value.hint
