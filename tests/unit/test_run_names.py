"""The expressions of `run-name` that the local GitHub understands."""

from typing import Any

import pytest

from infra.embedded.github.actions.expressions import ExpressionError, evaluate, fill

CONTEXTS: dict[str, Any] = {
    "inputs": {"cast_id": "cast_1", "empty": "", "n": 3},
    "github": {"event": {"client_payload": {"cast_id": "cast_2", "list": ["a"]}}, "actor": "me"},
}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("${{ inputs.cast_id }}", "cast_1"),
        ("Cast ${{inputs.cast_id}} of ${{ github.actor }}", "Cast cast_1 of me"),
        ("${{ inputs.none || github.event.client_payload.cast_id }}", "cast_2"),
        ("${{ inputs.empty || 'it''s' }}", "it's"),
        ("${{ format('{0}-{1}{{x}}', inputs.cast_id, inputs.n) }}", "cast_1-3{x}"),
        ("${{ github.event.client_payload['cast_id'] }}", "cast_2"),
        ("${{ github.event.client_payload.list[0] }}", "a"),
        ("${{ inputs.n == 3 && 'three' || 'other' }}", "three"),
        ("${{ !(inputs.n != 3) }}", "true"),
        ("${{ startsWith(inputs.cast_id, 'CAST') }}", "true"),
        ("${{ contains(github.event.client_payload.list, 'b') }}", "false"),
        ("no holes", "no holes"),
    ],
)
def test_a_run_name_is_filled(template: str, name: str) -> None:
    assert fill(template, CONTEXTS) == name


def test_a_value_that_looks_like_an_expression_stays_as_it_is() -> None:
    assert fill("${{ inputs.x }}", {"inputs": {"x": "${{ inputs.x }}"}}) == "${{ inputs.x }}"


@pytest.mark.parametrize(
    "text", ["", "a b", "(a", "f(a", "unknown(a)", "a || ", "'open", "a[0", "format('{9}')"]
)
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, CONTEXTS)
