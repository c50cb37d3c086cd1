"""The process that reads and converts bills, as `infra.killable.serving` runs it."""

from typing import Any

from infra.killable.serving import serve
from infra.killable.wire import Question
from infra.supply_chain.bills.reading import read_bill, write_bill
from schema.contracts.bill import BillFamily
from schema.limits import BILL_CHECK_MEMORY_BYTES_MAX

READ = "read"
"""Asks for the bill; the name of a family asks for the document in it."""


def _answer(question: Question) -> dict[str, Any]:
    word, content, _ = question
    check = read_bill(content)
    if word == READ or check.bill is None:
        return {"check": check.model_dump(mode="json")}
    return {"document": write_bill(check.bill, BillFamily(word)).decode("utf-8")}


if __name__ == "__main__":
    serve(_answer, memory_bytes_max=BILL_CHECK_MEMORY_BYTES_MAX)
