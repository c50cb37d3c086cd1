"""Takes the maker's secrets out of what a caster gets to read besides the output."""

import json
from collections.abc import Iterable
from typing import Any

_MASK = b"***"
# Shorter values stand in ordinary text by chance: masking them would only garble the log.
_SECRET_BYTES_MIN = 4


class Redaction:
    """Masks values in logs and progress reports.

    Args:
        values: the secrets; those of fewer than four bytes are left.
    """

    def __init__(self, values: Iterable[str]) -> None:
        encoded = {value.encode("utf-8") for value in values}
        # The longest first: one secret may be the beginning of another.
        self._values = sorted(
            (value for value in encoded if len(value) >= _SECRET_BYTES_MIN), key=len, reverse=True
        )

    def of_bytes(self, content: bytes) -> bytes:
        """The content with each secret masked, and with the beginning of one at its end.

        Logs and subjects are cut to a length, which may fall into a secret.
        """
        for value in self._values:
            content = content.replace(value, _MASK)
        cut_at = [_beginning_at_end(content, value) for value in self._values]
        begins_at = min((at for at in cut_at if at is not None), default=None)
        return content if begins_at is None else content[:begins_at] + _MASK

    def of_json(self, value: dict[str, Any]) -> dict[str, Any]:
        """The value with each secret masked in its texts and numbers, member names included."""
        if not self._values:
            return value
        masked = _masked(value, self)
        assert isinstance(masked, dict)
        return masked


def environment_values(environment: bytes) -> Iterable[str]:
    """The values of a JSON object of variables; empty for none."""
    return json.loads(environment).values() if environment else ()


def _beginning_at_end(content: bytes, value: bytes) -> int | None:
    """Where the content ends with the first bytes of the value, at least as many as are masked."""
    begins_at = content.find(value[:_SECRET_BYTES_MIN], max(0, len(content) - len(value)))
    while begins_at >= 0:
        if value.startswith(content[begins_at:]):
            return begins_at
        begins_at = content.find(value[:_SECRET_BYTES_MIN], begins_at + 1)
    return None


def _masked(value: Any, redaction: Redaction) -> Any:
    if isinstance(value, str):
        return redaction.of_bytes(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    if isinstance(value, list):
        return [_masked(one, redaction) for one in value]
    if isinstance(value, dict):
        return {_masked(key, redaction): _masked(one, redaction) for key, one in value.items()}
    written = json.dumps(value)
    masked = _masked(written, redaction)
    return value if masked == written else masked
