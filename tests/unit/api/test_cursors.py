"""Cursors: opaque, and only ours are taken."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import cast_cursor, read_cast_cursor, read_spell_cursor, spell_cursor
from schema.contracts.cast import (
    Billing,
    CastStatus,
)
from schema.contracts.plans import Mode
from schema.contracts.views import CastView
from schema.errors import SpellError

CAST_ID = f"cast_{'a' * 16}_{'b' * 26}"
MOMENT = "2026-01-02T03:04:05.000006+00:00"


def _cast(created_at: datetime, cast_id: str = CAST_ID) -> CastView:
    return CastView(
        cast_id=cast_id,
        spell="com.example.resize",
        version="1.0.0",
        mode=Mode.SERVICE,
        status=CastStatus.QUEUED,
        billing=Billing.HELD,
        currency="USD",
        estimated_cost_micros=0,
        cost_micros=0,
        api_key_id="key_" + "a" * 16,
        created_at=created_at,
    )


def _cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=42, max_size=42),
)
def test_a_cast_cursor_leads_back_to_its_place(created_at: datetime, opaque: str) -> None:
    cast_id = f"cast_{opaque[:16]}_{opaque[16:]}"
    assert read_cast_cursor(cast_cursor(_cast(created_at, cast_id))) == (created_at, cast_id)


def test_a_place_is_read_in_utc() -> None:
    shifted = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    place = read_cast_cursor(cast_cursor(_cast(shifted)))
    assert place is not None
    assert (place[0], place[0].tzinfo) == (shifted, UTC)


@pytest.mark.parametrize("key", ["a.b", "com.example.resize", "a." + "b" * 126])
def test_a_spell_cursor_leads_back_to_its_place(key: str) -> None:
    assert read_spell_cursor(spell_cursor(key)) == key


def test_no_cursor_is_the_start() -> None:
    assert read_cast_cursor(None) is None
    assert read_spell_cursor(None) == ""


GARBAGE = [
    "",
    "x",
    "%%%",
    "ä",
    "null",
    _cursor(None),
    _cursor(1),
    _cursor([]),
    _cursor({}),
    _cursor("ab"),
    _cursor([[[[]]]]),
    _cursor([1, 2, 3]),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"[" * 5000).decode(),
]


@pytest.mark.parametrize(
    "cursor",
    [
        *GARBAGE,
        spell_cursor("com.example.resize"),
        _cursor([MOMENT, "x"]),
        _cursor([MOMENT, None]),
        _cursor([MOMENT, 5]),
        _cursor([MOMENT, CAST_ID + "\n"]),
        _cursor([MOMENT, "\0"]),
        _cursor([MOMENT, "\ud800"]),
        _cursor([MOMENT[:19], CAST_ID]),
        _cursor([5, CAST_ID]),
        _cursor(["yesterday", CAST_ID]),
        _cursor(["0001-01-01T00:00:00+23:59", CAST_ID]),
        _cursor(["9999-12-31T23:59:59-23:59", CAST_ID]),
    ],
)
def test_garbage_for_a_cast_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(SpellError) as caught:
        read_cast_cursor(cursor)
    assert caught.value.code == "VALIDATION_ERROR"
    assert caught.value.details["errors"][0]["path"] == "/cursor"


@pytest.mark.parametrize(
    "cursor",
    [
        *GARBAGE,
        _cursor([MOMENT, CAST_ID]),
        _cursor([5]),
        _cursor([None]),
        _cursor([""]),
        _cursor(["\0"]),
        _cursor(["\ud800"]),
        _cursor(["x" * 129]),
        _cursor(["com.example\n"]),
    ],
)
def test_garbage_for_a_spell_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(SpellError) as caught:
        read_spell_cursor(cursor)
    assert caught.value.code == "VALIDATION_ERROR"


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_cursors(text: str) -> None:
    for read in (read_cast_cursor, read_spell_cursor):
        with suppress(SpellError):
            read(text)
