"""The project's modules as they were at submission."""

from __future__ import annotations

import os
import py_compile
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from picloud.model import job
from picloud.model.bundle import Bundle, Source


def bundle(folder: Path, sources: Mapping[str, str]) -> Bundle:
    """Return a bundle of modules by file name, such as 'package/__init__.py'."""
    modules = {}
    for file, text in sources.items():
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        modules[name] = Source(str(folder / file), file.endswith("__init__.py"), text)
    return Bundle(modules)


def call(worker: Any, name: str, function: str, *values: Any, **options: Any) -> Any:
    """Run a function by its name, as a pickle by reference would."""
    module = f"{name}\n{function}\n".encode()
    return worker.call(b"\x80\x02c" + module + b".", *values, **options)


PROJECT = {
    "project/__init__.py": "NAME = __name__\nfrom . import deep\n",
    "project/deep/__init__.py": "from project.deep.tool import work\n",
    "project/deep/tool.py": (
        "def work(x):\n    import project.late\n    return x * project.late.FACTOR\n"
        "def fail():\n    raise ValueError('in the tool')  # this line\n"
    ),
    "project/late.py": "FACTOR = 6\n",
}


def test_modules_come_from_the_bundle_alone(worker: Any, tmp_path: Path) -> None:
    own = bundle(tmp_path / "nowhere", PROJECT)
    assert call(worker, "project.deep.tool", "work", 7, bundle=own).value() == 42

    def look() -> tuple[Any, ...]:
        import inspect

        from project.deep import tool  # type: ignore[import-not-found]  # the test writes it

        return tool.__file__, tool.__name__, tool.__package__, tool.__spec__.origin, inspect.getsource(tool.work)

    file, name, package, origin, source = worker.call(look, bundle=own).value()
    assert file == origin == str(tmp_path / "nowhere" / "project/deep/tool.py")
    assert (name, package) == ("project.deep.tool", "project.deep")
    assert source.startswith("def work(x):")


def test_tracebacks_quote_the_bundle_and_not_the_disk(worker: Any, tmp_path: Path) -> None:
    own = bundle(tmp_path, PROJECT)
    file = tmp_path / "project/deep/tool.py"
    file.parent.mkdir(parents=True)
    file.write_text("# edited since\n" * 50)
    end = call(worker, "project.deep.tool", "fail", bundle=own)
    assert end.status == job.ERROR
    assert "raise ValueError('in the tool')  # this line" in end.meta["exception"]


def test_the_disk_may_say_something_else(worker: Any, tmp_path: Path, hire: Any) -> None:
    """A job queued with the old text runs it; one with the new text has another bundle, and so another worker."""
    file = tmp_path / "edited.py"
    old, new = "def f(): return 'old'\n", "def f(): return 'new'\n"
    file.write_text(new)
    path = (str(tmp_path), *sys.path)
    bundles = [bundle(tmp_path, {"edited.py": text}) for text in (old, new)]
    contexts = [worker.driver.context(bundle=each, path=path) for each in bundles]
    assert contexts[0].pool_key("local", "c1", 1) != contexts[1].pool_key("local", "c1", 1)
    for handle, own, context, value in zip((worker, hire()), bundles, contexts, ("old", "new"), strict=True):
        assert call(handle, "edited", "f", bundle=own, context=context).value() == value


def test_the_same_text_on_the_disk_uses_pythons_cache(worker: Any, tmp_path: Path) -> None:
    text = "def f(): return 1\n"
    (tmp_path / "cached.py").write_text(text)
    os.utime(tmp_path / "cached.py", (1_700_000_000, 1_700_000_000))
    assert call(worker, "cached", "f", bundle=bundle(tmp_path, {"cached.py": text})).value() == 1
    assert list((tmp_path / "__pycache__").glob("cached.*.pyc"))


def test_a_project_module_with_the_name_of_a_standard_one(worker: Any, tmp_path: Path) -> None:
    own = bundle(tmp_path, {"traceback.py": "def f(): return 'mine'\n"})
    assert call(worker, "traceback", "f", bundle=own).value() == "mine"
    assert worker.call(lambda: 1 / 0, bundle=own).meta["type"] == "ZeroDivisionError"


def test_folders_above_that_are_no_packages(worker: Any, tmp_path: Path) -> None:
    """A namespace package is found on the disk with what else is in it, and needs no disk."""
    own = bundle(tmp_path / "gone", {"space/inside/module.py": "VALUE = 3\ndef f(): return VALUE\n"})
    assert call(worker, "space.inside.module", "f", bundle=own).value() == 3


def test_the_rest_of_a_namespace_is_found_on_the_disk(worker: Any, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "other.py").write_text("VALUE = 4\n")
    own = bundle(tmp_path, {"shared/module.py": "def f():\n    import shared.other\n    return shared.other.VALUE\n"})
    context = worker.driver.context(bundle=own, path=(str(tmp_path), *sys.path))
    assert call(worker, "shared.module", "f", bundle=own, context=context).value() == 4


def test_a_submodule_that_did_not_travel_is_found_beside_its_package(worker: Any, tmp_path: Path) -> None:
    (tmp_path / "partly").mkdir()
    (tmp_path / "partly" / "more.py").write_text("VALUE = 5\n")
    text = "def f():\n    from partly.more import VALUE\n    return VALUE\n"
    own = bundle(tmp_path, {"partly/__init__.py": text})
    assert call(worker, "partly", "f", bundle=own).value() == 5


def test_byte_code_of_an_edit_in_the_same_second_is_not_taken_for_the_text(worker: Any, tmp_path: Path) -> None:
    """Python knows a source by its size and the second of its edit: both are the same for what was compiled and what is there."""
    file = tmp_path / "quick.py"
    file.write_text("def f(): return 'old'\n")
    os.utime(file, (1_700_000_000, 1_700_000_000.1))
    compiled = Path(py_compile.compile(str(file), doraise=True) or "")
    os.utime(compiled, (1_700_000_000, 1_700_000_000.3))
    text = "def f(): return 'new'\n"
    file.write_text(text)
    os.utime(file, (1_700_000_000, 1_700_000_000.6))
    assert call(worker, "quick", "f", bundle=bundle(tmp_path, {"quick.py": text})).value() == "new"


def test_byte_code_that_is_older_than_no_edit_is_used(worker: Any, tmp_path: Path) -> None:
    file = tmp_path / "settled.py"
    text = "def f(): return 'text'\n"
    file.write_text("def f(): return 'code'\n")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    py_compile.compile(str(file), doraise=True)
    file.write_text(text)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert call(worker, "settled", "f", bundle=bundle(tmp_path, {"settled.py": text})).value() == "code"


@pytest.mark.parametrize("text", ["def f(:\n", "raise RuntimeError('at import')\n", "import no_such_thing\n"])
def test_a_module_that_does_not_import_is_the_jobs_error(worker: Any, tmp_path: Path, text: str) -> None:
    own = bundle(tmp_path, {"broken.py": text})
    end = call(worker, "broken", "f", bundle=own)
    assert end.status == job.ERROR
    assert text.partition("'")[0].strip() in end.meta["exception"]
    assert worker.call(lambda: 1, bundle=own).value() == 1


def test_the_bundle_survives_a_job_that_empties_the_finders(worker: Any, tmp_path: Path) -> None:
    own = bundle(tmp_path / "gone", {"one.py": "def f(): return 1\n", "two.py": "def f(): return 2\n"})

    def empty() -> None:
        sys.meta_path.clear()

    assert call(worker, "one", "f", bundle=own).value() == 1
    worker.call(empty, bundle=own)
    assert call(worker, "two", "f", bundle=own).value() == 2


def test_two_bundles_never_meet(worker: Any, tmp_path: Path) -> None:
    worker.call(lambda: 1, bundle=bundle(tmp_path, {"one.py": ""}))
    worker.send(lambda: 1, [()], bundle=bundle(tmp_path, {"one.py": "VALUE = 1\n"}))
    end = worker.finish()[0]
    assert "two source bundles" in end.meta["exception"]


def test_functions_of_main_travel_by_value(worker: Any) -> None:
    text = "BASE = 10\nclass Point:\n    def __init__(self, x): self.x = x\ndef f(x): return Point(x + BASE)\n"
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(text, space)
    main, sys.modules["__main__"] = sys.modules["__main__"], type(sys)("__main__")
    try:
        vars(sys.modules["__main__"]).update(space)
        point = worker.call(space["f"], 5).value()
        assert point.x == 15
        assert type(point).__module__ == "__main__"
    finally:
        sys.modules["__main__"] = main
