"""Which way a type goes."""

from __future__ import annotations

import io
import pickle
import tempfile
from collections import OrderedDict
from typing import Any

import pytest

from picloud.pickling import routes
from picloud.pickling.pickler import ValuePickler, dumps


class Plain:
    """With a state of its own."""


class Slotted:
    """Without a dict."""

    __slots__ = ("a",)


class Choosy(Plain):
    """Leaves something behind."""

    __transient__ = ("left",)


@pytest.mark.parametrize("kind", [Slotted, dict, object, range, type(iter([]))])
def test_plain_types_go_as_they_always_did(kind: type) -> None:
    assert routes.of(kind) is None


def test_instances_are_asked_for_what_stays_behind() -> None:
    assert routes.of(Plain) is routes.ordinary
    assert routes.of(Choosy) not in (None, routes.ordinary)
    choosy: Any = Choosy()
    choosy.left, choosy.kept = 1, 2
    assert vars(pickle.loads(dumps(choosy))) == {"kept": 2}


def test_what_is_no_state_is_left_as_it_is() -> None:
    class Reduced:
        __transient__ = ("left",)

        def __reduce__(self) -> tuple[Any, ...]:
            return dict, ([("left", 1)],)

    class Listed(Reduced):
        def __getstate__(self) -> Any:
            return ["left"]

        def __reduce__(self) -> tuple[Any, ...]:
            return OrderedDict, (), None, None, iter([("left", 1)])

    assert pickle.loads(dumps(Reduced())) == {"left": 1}
    assert pickle.loads(dumps(Listed())) == {"left": 1}


def test_getattr_of_a_class_is_not_asked() -> None:
    class Proxy:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name) if name == "__transient__" else AttributeError(name)

    assert isinstance(pickle.loads(dumps(Proxy())), Proxy)


def test_the_state_of_a_proxy_is_not_asked_for() -> None:
    class Proxy:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]  # this is the trap
            raise AssertionError

        def __reduce__(self) -> Any:
            return str, ("the object",)

    assert pickle.loads(dumps(Proxy())) == "the object"


def test_a_file_that_reduces_itself_does() -> None:
    class Own(io.BytesIO):
        def __reduce__(self) -> Any:
            return str, ("own",)

    class OwnText(io.TextIOWrapper):
        def __reduce_ex__(self, _protocol: Any) -> Any:
            return str, ("own text",)

    assert pickle.loads(dumps([Own(), OwnText(io.BytesIO())])) == ["own", "own text"]


def test_a_stream_in_the_place_of_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream:
        """As notebooks have."""

        def write(self, text: str) -> None:
            """Take it."""

        def flush(self) -> None:
            """Do nothing."""

    stream = Stream()
    monkeypatch.setattr("sys.stdout", stream)
    assert pickle.loads(dumps(stream)) is stream
    assert isinstance(pickle.loads(dumps(Stream())), Stream)


def test_a_temporary_files_wrapper_goes_as_its_file() -> None:
    with tempfile.NamedTemporaryFile() as file:
        assert type(pickle.loads(dumps(file))).__name__ == "MemoryFile"


def test_no_pickler_holds_many_types() -> None:
    pickler = ValuePickler()
    for number in range(300):
        pickler.pickled(type(f"Kind{number}", (), {})())
    assert len(pickler._routes) <= 100
