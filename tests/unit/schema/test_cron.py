"""Goal: what is accepted as cron, Temporal takes, and fires once a minute at most."""

import pytest

from schema.cron import check_cron


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "0 9 * * mon-fri",
        "*/5 0-6,12 1,15 JAN-mar 0",
        "59 23 31 12 7",
        "0 0 * * sun",
        "10-20/3 * * * *",
    ],
)
def test_five_fields_are_cron(expression: str) -> None:
    check_cron(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "* * * * * *",
        "@hourly",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "1, * * * *",
        "\u0661 * * * *",
        "CRON_TZ=UTC * * * *",
        "0 " * 64 + "* * * *",
    ],
)
def test_anything_else_is_not(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_cron(expression)
