"""Which modules a piece of source names in its import statements, those inside functions included."""

from __future__ import annotations

import ast
import re
import sys
from functools import lru_cache
from types import CodeType

from picloud.client import loading

_INNER = re.compile(r"(?:^[ \t]+|[:;][ \t]*)(?:import|from)[ \t]+([.\w]+)", re.MULTILINE)


@lru_cache(8192)
def names_inner_imports(text: str) -> frozenset[str]:
    """Return the top names of imports that do not run with the module's first lines, quickly and with too many at worst.

    A relative import counts as the name ''.
    """
    return frozenset(name.partition(".")[0] for name in _INNER.findall(text))


@lru_cache(8192)
def imports_of(text: str, module: str, is_package: bool) -> frozenset[str]:
    """Return the full names that a module's source imports; of `from a import b` both `a` and `a.b`, since b may be a module.

    Source that cannot be parsed imports nothing.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    package = module if is_package else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            if base:
                names.add(base)
                names.update(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    return frozenset(names)


def imports_in_code(code: CodeType) -> frozenset[str]:
    """Return the full names that a code object and those inside it import, for source that nobody has."""
    with loading.lock:
        import dis

    names: set[str] = set()
    base = ""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            base = str(instruction.argval)
            names.add(base)
        elif instruction.opname == "IMPORT_FROM":
            names.add(f"{base}.{instruction.argval}")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= imports_in_code(constant)
    return frozenset(names)


def is_standard(name: str) -> bool:
    """Return whether a full name lies in the standard library."""
    return name.partition(".")[0] in sys.stdlib_module_names


def _absolute(name: str, level: int, package: str) -> str:
    """Return the full name of a relative import within a package; '' if it leads out of it."""
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level - 1 > len(parts) or not parts:
        return ""
    parts = parts[: len(parts) - (level - 1)]
    return ".".join([*parts, name] if name else parts)
