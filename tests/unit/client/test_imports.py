"""Names in import statements."""

from __future__ import annotations

import pytest

from picloud.client.imports import imports_in_code, imports_of, is_standard, names_inner_imports


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b, c as d", {"a.b", "c"}),
        ("from a import b, c as d", {"a", "a.b", "a.c"}),
        ("from a import *", {"a"}),
        ("def f():\n    from a import (b,\n        c)", {"a", "a.b", "a.c"}),
        ("from . import b", {"pkg", "pkg.b"}),
        ("from .b import c", {"pkg.b", "pkg.b.c"}),
        ("from .. import c", set()),
        ("if x: import y; import z", {"y", "z"}),
        ("this is not python", set()),
    ],
)
def test_imports(text: str, names: set[str]) -> None:
    assert imports_of(text, "pkg.mod", is_package=False) == names


def test_relative_imports_of_a_package() -> None:
    assert imports_of("from . import b", "pkg", is_package=True) == {"pkg", "pkg.b"}
    assert imports_of("from ..other import b", "top.pkg", is_package=True) == {"top.other", "top.other.b"}
    assert imports_of("from . import b", "top", is_package=False) == set()


@pytest.mark.parametrize(
    ("text", "tops"),
    [
        ("import a\nfrom b import c\n", set()),
        ("def f():\n    import a.b\n\tfrom c.d import e\n", {"a", "c"}),
        ("try:\n    from . import x\nexcept ImportError: import y\n", {"", "y"}),
        ("x = 1; import z\n", {"z"}),
    ],
)
def test_inner_imports(text: str, tops: set[str]) -> None:
    assert names_inner_imports(text) == tops


def test_imports_in_code() -> None:
    space: dict[str, object] = {}
    exec("def f():\n    import a.b\n    def g():\n        from c import d\n    return [__import__ for _ in ()]", space)
    function = space["f"]
    assert callable(function)
    assert imports_in_code(function.__code__) == {"a.b", "c", "c.d"}  # type: ignore[attr-defined]  # a function has one


def test_standard_names() -> None:
    assert is_standard("os.path")
    assert not is_standard("numpy.linalg")
