"""Opaque page cursors: where the next page starts, in a form that clients do not build."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from schema.contracts.budgets import UsageLine
from schema.contracts.ledger import StatementPosition
from schema.contracts.notifications import NotificationView
from schema.contracts.schedules import ScheduleView
from schema.contracts.views import CastView
from schema.contracts.webhooks import WebhookDeliveryView
from schema.errors import SpellError
from schema.ids import CAST_ID_PATTERN

_CURRENCY = re.compile(r"[A-Z]{3}")
_EXCEPTION_ID = re.compile(r"exc_[a-z2-7]{16}")
_NOTIFICATION_ID = re.compile(r"msg_[a-z2-7]{26}")
_SCHEDULE_ID = re.compile(r"sch_[a-z2-7]{16}_[a-z2-7]{26}")
_SPELL_KEY = re.compile(r"[a-z0-9.-]{1,128}")
_USAGE_GROUP = re.compile(r"[a-z0-9._-]{1,128}")


def cast_cursor(last: CastView) -> str:
    """The cursor of the page after this cast."""
    return _pack([last.created_at.isoformat(), last.cast_id])


def read_cast_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The position that a cursor stands for. Raises SpellError(VALIDATION_ERROR)."""
    return _read_moment(cursor, CAST_ID_PATTERN)


def schedule_cursor(last: ScheduleView) -> str:
    """The cursor of the page after this schedule."""
    return _pack([last.created_at.isoformat(), last.schedule_id])


def read_schedule_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The position that a cursor stands for. Raises SpellError(VALIDATION_ERROR)."""
    return _read_moment(cursor, _SCHEDULE_ID)


def notification_cursor(last: NotificationView) -> str:
    """The cursor of the page after this notification."""
    return _pack([last.created_at.isoformat(), last.id])


def delivery_cursor(last: WebhookDeliveryView) -> str:
    """The cursor of the page after this delivery; read as a notification's."""
    return _pack([last.created_at.isoformat(), last.message_id])


def read_notification_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The position that a cursor stands for. Raises SpellError(VALIDATION_ERROR)."""
    return _read_moment(cursor, _NOTIFICATION_ID)


def spell_cursor(last_key: str) -> str:
    """The cursor of the page after this spell."""
    return _pack([last_key])


def read_spell_cursor(cursor: str | None) -> str:
    """The key that a cursor stands for; empty at the start."""
    if cursor is None:
        return ""
    try:
        (key,) = _unpack(cursor)
        if not _SPELL_KEY.fullmatch(key):
            raise _not_a_cursor()
    except (ValueError, TypeError) as error:
        raise _not_a_cursor() from error
    return str(key)


def usage_cursor(last: UsageLine) -> str:
    """The cursor of the page after this line."""
    return _pack([last.group, last.currency])


def read_usage_cursor(cursor: str | None) -> tuple[str, str]:
    """The group and currency that a cursor stands for; empty ones at the start."""
    if cursor is None:
        return "", ""
    try:
        group, currency = _unpack(cursor)
        if not (_USAGE_GROUP.fullmatch(group) and _CURRENCY.fullmatch(currency)):
            raise _not_a_cursor()
    except (ValueError, TypeError) as error:
        raise _not_a_cursor() from error
    return str(group), str(currency)


def number_cursor(last_id: int) -> str:
    """The cursor of the page after the row of this id."""
    return _pack([last_id])


def read_number_cursor(cursor: str | None) -> int | None:
    """The id that a cursor stands for. Raises SpellError(VALIDATION_ERROR)."""
    if cursor is None:
        return None
    try:
        (last_id,) = _unpack(cursor)
        if type(last_id) is not int or not 0 < last_id < 2**63:
            raise _not_a_cursor()
    except (ValueError, TypeError) as error:
        raise _not_a_cursor() from error
    return last_id


def statement_cursor(last: StatementPosition) -> str:
    """The cursor of the page after this line of a statement."""
    return _pack([last.id, last.side])


def read_statement_cursor(cursor: str | None) -> StatementPosition:
    """The position that a cursor stands for. Raises SpellError(VALIDATION_ERROR)."""
    if cursor is None:
        return StatementPosition()
    try:
        last_id, side = _unpack(cursor)
        if type(last_id) is not int or not 0 < last_id < 2**63 or side not in (0, 1):
            raise _not_a_cursor()
        return StatementPosition(id=last_id, side=side)
    except (ValueError, TypeError) as error:
        raise _not_a_cursor() from error


def text_cursor(last: str) -> str:
    """The cursor of the page after what has this name."""
    return _pack([last])


def read_text_cursor(cursor: str | None, form: re.Pattern[str]) -> str | None:
    """The name that a cursor stands for. Raises SpellError(VALIDATION_ERROR)."""
    if cursor is None:
        return None
    try:
        (name,) = _unpack(cursor)
        if not form.fullmatch(name):
            raise _not_a_cursor()
    except (ValueError, TypeError) as error:
        raise _not_a_cursor() from error
    return str(name)


def exception_cursor(last_id: str) -> str:
    """The cursor of the page after this advisory exception."""
    return _pack([last_id])


def read_exception_cursor(cursor: str | None) -> str:
    """The id that a cursor stands for; empty at the start."""
    if cursor is None:
        return ""
    try:
        (exception_id,) = _unpack(cursor)
        if not _EXCEPTION_ID.fullmatch(exception_id):
            raise _not_a_cursor()
    except (ValueError, TypeError) as error:
        raise _not_a_cursor() from error
    return str(exception_id)


def _read_moment(cursor: str | None, form: re.Pattern[str]) -> tuple[datetime, str] | None:
    """A moment and the id of what was made then."""
    if cursor is None:
        return None
    try:
        created_at, last_id = _unpack(cursor)
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None or not form.fullmatch(last_id):
            raise _not_a_cursor()
        return moment.astimezone(UTC), last_id
    except (ValueError, TypeError, OverflowError) as error:
        raise _not_a_cursor() from error


def _pack(parts: Sequence[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode("utf-8")).decode("ascii")


def _unpack(cursor: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (binascii.Error, RecursionError) as error:
        raise ValueError("not base64 of JSON") from error


def _not_a_cursor() -> SpellError:
    return SpellError(
        "VALIDATION_ERROR",
        "The cursor is not one that this platform gave out.",
        details={"errors": [{"path": "/cursor", "message": "use next_cursor as it came"}]},
    )
