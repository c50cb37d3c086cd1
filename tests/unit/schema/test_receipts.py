"""Goal: a receipt says one thing, in one way, and nobody can change any of it.

Method: sign one as the platform does, change every member of the statement and every byte of the
envelope, and look at it as a verifier does.
"""

import base64
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.contracts.receipt import SIGNING_PURPOSE, AnyReceipt
from schema.receipts import (
    RECEIPT_BYTES_MAX,
    ReceiptRefusedError,
    bytes_of_web_key,
    decoded,
    key_id_of,
    pae,
    payload_of,
    read_envelope,
    read_statement,
    salted_digest,
    statement_of,
    web_key_of,
)
from tests.support.platform import make_vault
from tests.support.receipts import a_receipt, signed

PUBLIC_KEY = make_vault().public_key(SIGNING_PURPOSE)
RECEIPT = a_receipt(inputs='{"text":"one two"}')
STATEMENT: dict[str, Any] = json.loads(statement_of(RECEIPT))


def verified(text: bytes) -> AnyReceipt:
    """As every verifier does it: the signature first, then what was signed."""
    envelope = read_envelope(text)
    payload = payload_of(envelope)
    signature = decoded(envelope.signatures[0].sig, "the signature")
    key = Ed25519PublicKey.from_public_bytes(PUBLIC_KEY)
    key.verify(signature, pae(envelope.payload_type, payload))
    return read_statement(payload)


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value in the statement that is no object and no list."""
    if isinstance(node, dict):
        return [leaf for name in node for leaf in leaves(node[name], (*path, name))]
    if isinstance(node, list):
        return [leaf for number, item in enumerate(node) for leaf in leaves(item, (*path, number))]
    return [path]


def changed(path: tuple[Any, ...], how: Any) -> bytes:
    """The signed envelope with one value of its statement changed, and the old signature."""
    statement = json.loads(json.dumps(STATEMENT))
    node = statement
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = how(node[path[-1]])
    envelope = json.loads(signed(RECEIPT))
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(envelope).encode()


def another(value: Any) -> Any:
    """A value of the same type that is not this one."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value[:-1] + ("0" if value[-1:] != "0" else "1")
        case None:
            return "something"
    raise TypeError(type(value))


def test_what_was_signed_comes_back() -> None:
    assert verified(signed(RECEIPT)) == RECEIPT


def test_the_same_receipt_is_the_same_bytes_each_time() -> None:
    assert signed(RECEIPT) == signed(type(RECEIPT).model_validate_json(RECEIPT.model_dump_json()))


def test_the_pre_authentication_encoding_is_that_of_the_dsse_specification() -> None:
    assert (
        pae("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("ä", b"") == b"DSSEv1 2 \xc3\xa4 0 "


def test_the_statement_is_in_totos() -> None:
    assert STATEMENT["_type"] == "https://in-toto.io/Statement/v1"
    assert STATEMENT["predicateType"] == "urn:spell-platform:receipt:v1"
    assert [subject["name"] for subject in STATEMENT["subject"]] == [
        "com.example.words@1.0.0",
        "spell.wasm",
    ]
    assert set(STATEMENT) == {"_type", "subject", "predicateType", "predicate"}
    assert json.loads(signed(RECEIPT))["payloadType"] == "application/vnd.in-toto+json"


def test_the_statement_holds_neither_input_nor_output() -> None:
    receipt = a_receipt(inputs='{"text":"a secret word"}', output=b'{"answer":"another secret"}')
    assert b"secret" not in statement_of(receipt)


@pytest.mark.parametrize("path", leaves(STATEMENT), ids=lambda path: ".".join(map(str, path)))
def test_no_value_can_be_changed(path: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidSignature):
        verified(changed(path, another))


@given(st.integers(0, len(signed(RECEIPT)) - 1), st.integers(1, 255))
@settings(max_examples=300)
def test_no_byte_of_an_envelope_can_be_changed_to_say_something_else(at: int, flip: int) -> None:
    envelope = bytearray(signed(RECEIPT))
    envelope[at] ^= flip
    try:
        found = verified(bytes(envelope))
    except (ReceiptRefusedError, InvalidSignature):
        return
    # The key id is a hint that nobody signs; base64 has two alphabets, and bits that say nothing.
    assert found == RECEIPT


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(ReceiptRefusedError):
        read_envelope(content)
    with pytest.raises(ReceiptRefusedError):
        read_statement(content)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_refused_with_a_sentence(value: Any) -> None:
    with pytest.raises(ReceiptRefusedError):
        read_envelope(json.dumps(value).encode())


def test_members_that_dsse_does_not_know_are_ignored() -> None:
    """Another producer may add some, says its specification; nobody signs them."""
    envelope = json.loads(signed(RECEIPT))
    envelope["added"] = {"cost_micros": 0}
    envelope["signatures"][0]["cert"] = "none"
    assert verified(json.dumps(envelope).encode()) == RECEIPT


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"payloadType": "application/json"}, "not of type application/vnd.in-toto"),
        ({"payload": "no base64!"}, "payload is not base64"),
        ({"signatures": []}, "signatures"),
        ({"signatures": [1]}, "signatures"),
        ({"payload": 1}, "payload"),
    ],
)
def test_a_broken_envelope_is_refused_with_what_is_wrong(change: Any, says: str) -> None:
    envelope = {**json.loads(signed(RECEIPT)), **change}
    with pytest.raises(ReceiptRefusedError, match=says):
        verified(json.dumps(envelope).encode())


def test_a_huge_envelope_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ReceiptRefusedError, match="larger than"):
        read_envelope(b"[" * (RECEIPT_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "_type"),
        ({"predicateType": "urn:spell-platform:receipt:v2"}, "predicateType"),
        ({"subject": []}, "subjects are not"),
        ({"subject": list(reversed(STATEMENT["subject"]))}, "subjects are not"),
        ({"predicate": {}}, "predicate"),
        ({"predicate": {**STATEMENT["predicate"], "discount": 1}}, "discount"),
        ({"predicate": {**STATEMENT["predicate"], "cost_micros": "1"}}, "cost_micros"),
        ({"predicate": {**STATEMENT["predicate"], "cost_micros": -1}}, "cost_micros"),
    ],
)
def test_a_statement_of_another_form_is_refused_with_what_is_wrong(change: Any, says: str) -> None:
    with pytest.raises(ReceiptRefusedError, match=says):
        read_statement(json.dumps({**STATEMENT, **change}).encode())


def test_a_digest_of_a_small_input_needs_its_salt() -> None:
    digest = salted_digest("00" * 16, b"{}")
    assert digest != salted_digest("00" * 15 + "01", b"{}")
    assert a_receipt().run.salt != a_receipt().run.salt, "each cast has a salt of its own"


def test_a_published_key_is_the_key() -> None:
    key = web_key_of(PUBLIC_KEY)
    assert bytes_of_web_key(key) == PUBLIC_KEY
    assert key.kid == key_id_of(PUBLIC_KEY)
    assert json.loads(signed(RECEIPT))["signatures"][0]["keyid"] == key.kid
