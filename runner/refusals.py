"""The one error about modules, apart from the code that loads wasmtime to find it."""

from collections.abc import Mapping
from typing import Any


class ModuleRefusedError(Exception):
    """The module is not one that the runner accepts.

    Args:
        message: one sentence for the maker.
        details: JSON members that name the place.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
