"""How an item ended badly: its traceback without our own frames, its cause, its exception if that can travel."""

from __future__ import annotations

import json
import os
import pickle
import traceback
from types import TracebackType
from typing import Any

from picloud.model.cause import Cause, CauseKind
from picloud.pickling.pickler import dumps

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OWN = tuple(os.path.join(_PACKAGE, room, "") for room in ("worker", "wire"))
_LIMIT = 256 << 10
"""Characters of a traceback's text, and bytes of a pickled exception, that are kept."""


def own_frames_cut(found: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the worker's frames at its beginning."""
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OWN):
        found = found.tb_next
    return found


def describe(error: BaseException) -> str:
    """Return the traceback's text as Python prints it: source lines, causes and contexts, without frames of ours."""
    try:
        shown = traceback.TracebackException(type(error), error, own_frames_cut(error.__traceback__), compact=True)
        _strip(shown)
        text = "".join(shown.format())
    except Exception as broken:
        # Formatting runs the exception's own code.
        text = f"{type(error).__name__}: <its traceback could not be formatted: {type(broken).__name__}>\n"
    if len(text) > _LIMIT:
        text = f"{text[: _LIMIT // 2]}\n... {len(text) - _LIMIT} characters are left out ...\n{text[-_LIMIT // 2 :]}"
    return text


def _strip(shown: traceback.TracebackException) -> None:
    """Take away frames of ours at the end: the handler that raised a kill."""
    while shown.stack and shown.stack[-1].filename.startswith(_OWN):
        shown.stack.pop()


def pickled(error: BaseException) -> bytes | None:
    """Return the pickle of an exception, if another process can surely rebuild it."""
    try:
        content = dumps(error)
        if len(content) <= _LIMIT and isinstance(pickle.loads(content), BaseException):
            return content
    except Exception:
        # Its own reducers and initialisers run here, and may raise anything.
        return None
    return None


def type_name(error: BaseException) -> str:
    """Return the type as a traceback's last line names it."""
    kind = type(error)
    module = getattr(kind, "__module__", None)
    return kind.__qualname__ if module in ("builtins", "__main__", None) else f"{module}.{kind.__qualname__}"


def meta(error: BaseException | None, killed: Cause | None) -> dict[str, Any]:
    """Return the facts of an item that raised, was killed, or both."""
    cause = killed or Cause(CauseKind.EXCEPTION)
    facts: dict[str, Any] = {"cause": cause.to_list()}
    if error is not None:
        facts["exception"] = describe(error)
        facts["type"] = type_name(error)
    return facts


def encode_meta(facts: dict[str, Any]) -> bytes:
    """Return the JSON form that rows point to."""
    return json.dumps(facts, separators=(",", ":")).encode()
