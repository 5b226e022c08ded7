"""Jobs whose function or arguments cannot be rebuilt where they run: told apart from jobs that raise, and explained."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from picloud.exceptions import SerializationError
from picloud.worker.cargo import Items

MESSAGE = "Could not depickle job"
"""PiCloud's words (its API §17)."""

_HERE = os.path.dirname(os.path.abspath(__file__))


def failure(error: Exception) -> SerializationError:
    """Return the error of a job that could not be rebuilt, which names the interpreter and what it lacks."""
    version = ".".join(map(str, sys.version_info[:3]))
    lacks = f"it has no module {error.name!r}: " if isinstance(error, ModuleNotFoundError) and error.name else ""
    explained = SerializationError(
        f"{MESSAGE} in {sys.executable} (Python {version}): {lacks}{type(error).__name__}: {error}",
        hint=(
            "the project's own modules travel with a job; packages and compiled extensions go by name, and must be installed "
            "for the interpreter that runs it"
            if isinstance(error, ImportError)
            else None
        ),
    )
    explained.__cause__ = error
    return explained


def explained(error: BaseException, function: Callable[..., Any], items: Items, index: int) -> BaseException:
    """Return the error that an item ends with: its own, or the one above if it never came to call its function.

    The loop that runs items does not tell the two apart, since most items neither fail nor have time for it.
    """
    if not isinstance(error, Exception) or isinstance(error, SerializationError):
        return error
    if _called(error.__traceback__, function) or not _fails_to_load(type(error), items, index):
        if isinstance(error, ModuleNotFoundError):
            error.add_note(f"The job ran in {sys.executable}")
        return error
    return failure(error)


def _called(found: TracebackType | None, function: Callable[..., Any]) -> bool:
    """Return whether a traceback leads through the function, or through what stands for it here."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    while found is not None:
        running = found.tb_frame.f_code
        if running is code or (running.co_name == "__call__" and running.co_filename.startswith(_HERE)):
            return True
        found = found.tb_next
    return False


def _fails_to_load(kind: type[Exception], items: Items, index: int) -> bool:
    """Return whether an item's arguments cannot be rebuilt, now as before."""
    try:
        items.load(items.blob[items.offsets[index] : items.offsets[index + 1]])
    except kind:
        return True
    except Exception:
        return False
    return False
