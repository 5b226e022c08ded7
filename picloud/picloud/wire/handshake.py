"""What two peers must agree on before anything else: protocol and Python's minor version."""

from __future__ import annotations

from picloud.exceptions import VersionMismatchError


def check_python(wanted: str, found: str, where: str) -> None:
    """Refuse another minor version of Python: pickled code does not travel between them.

    Raises:
        VersionMismatchError: naming both versions and the place.
    """
    if wanted != found:
        raise VersionMismatchError(
            f"Jobs were submitted from Python {wanted}, but {where} runs Python {found}",
            hint=f"run the client with Python {found}, or give {where} a Python {wanted}",
        )
