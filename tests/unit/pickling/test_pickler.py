"""One pickler, many values: each pickle stands by itself, and code brings its file's name along."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
import traceback
import weakref
from typing import Any

import numpy as np
import pytest

from picloud.pickling.pickler import ValuePickler, dumps


class Held:
    """Something that a weak reference can follow."""


class Refuses:
    def __reduce__(self) -> Any:
        raise RuntimeError("not this one")


def test_each_value_is_written_alone() -> None:
    pickler = ValuePickler()
    shared = {"a": 1}
    assert pickler.pickled([shared]) == pickler.pickled([shared])


def test_nothing_is_held_on_to() -> None:
    pickler = ValuePickler()
    held = Held()
    freed = weakref.ref(held)
    pickler.pickled([held, np.zeros(1 << 16)])
    del held
    gc.collect()
    assert freed() is None


def test_large_buffers_stand_aside() -> None:
    array = np.arange(1 << 16)
    pickled, buffers = ValuePickler().pickled(array)
    assert [len(buffer) for buffer in buffers] == [array.nbytes]
    assert len(pickled) < 1000
    assert (pickle.loads(pickled, buffers=buffers) == array).all()


def test_a_single_pickle_has_them_inside() -> None:
    array = np.arange(1 << 16)
    assert (pickle.loads(dumps(array)) == array).all()


def test_after_a_value_that_cannot_be_pickled_the_next_one_can() -> None:
    pickler = ValuePickler()
    with pytest.raises(RuntimeError, match="not this one"):
        pickler.pickled([1, np.zeros(1 << 16), Refuses()])
    assert pickler.pickled([1]) == ValuePickler().pickled([1])


def test_code_keeps_the_name_of_its_file() -> None:
    def outer() -> Any:
        def inner() -> float:
            return 1 / 0

        return inner()

    copy = pickle.loads(dumps(outer))
    assert copy.__code__.co_filename == __file__
    with pytest.raises(ZeroDivisionError) as caught:
        copy()
    assert {frame.filename for frame in traceback.extract_tb(caught.tb)[1:]} == {__file__}


def test_code_that_came_from_no_file_keeps_its_name_too() -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def f(): return 1", "<a cell>", "exec"), namespace)
    assert pickle.loads(dumps(namespace["f"])).__code__.co_filename == "<a cell>"


def test_a_module_that_a_library_names_and_nobody_imported_is_found() -> None:
    program = "import numpy, sys; from picloud.pickling.pickler import dumps; assert 'numpy.rec' not in sys.modules; "
    program += "text = dumps(numpy.recarray); assert len(text) < 100, len(text)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_what_can_be_told_by_its_name_alone_is_imported_from_no_other_place() -> None:
    """A class whose module is none at all goes by value."""
    kind = type("Stray", (), {"__module__": "os.no_such_module"})
    assert pickle.loads(dumps(kind)).__name__ == "Stray"
