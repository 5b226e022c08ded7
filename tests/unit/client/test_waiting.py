"""How long a wait may take."""

from __future__ import annotations

from picloud.client.waiting import Patience, timed_out
from picloud.exceptions import CloudTimeoutError
from picloud.wire import messages


def test_patience() -> None:
    assert Patience(None).left() is None
    assert Patience(0).left() == 0.0
    left = Patience(50).left()
    assert left is not None
    assert 49 < left <= 50


def test_a_silent_node_is_given_more_than_the_wait() -> None:
    assert Patience.silence(None) is None
    silence = Patience.silence(3.0)
    assert silence is not None
    assert silence > 3.0


def test_the_error_names_the_unfinished() -> None:
    error = timed_out("cloud.join timed out", messages.Waited(False, [[3, 5], [9, 10]], None))
    assert isinstance(error, CloudTimeoutError)
    assert error.jid == [3, 4, 9]
    assert str(error) == "Job [3, 4, 9]: cloud.join timed out"
