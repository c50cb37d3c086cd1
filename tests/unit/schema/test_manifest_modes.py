"""Manifests that offer several modes: which go together, and at which price."""

from typing import Any

import pytest

from schema.contracts.plans import Mode
from schema.errors import SpellError
from schema.manifest import Manifest, parse_manifest

SPELL = """manifest_version = 1
[spell]
key = "com.acme.report"
name = "Report"
version = "1.0.0"
description = "Reports."
author = "Acme"
license = "Apache-2.0"
"""
SERVICE = """[runtime]
language = "C"
target = "wasm32-wasip1"
timeout_ms = 5000
max_memory_mb = 64
max_output_mb = 1
fuel = 1000000
"""
WORKFLOW = """[execution.workflow]
repo = "acme/report"
workflow = "spell.yml"
ref = "main"
dispatch = "workflow_dispatch"
timeout_ms = 600000
"""
CLONE = """[execution.clone]
template_repo = "acme/template"
license_url = "https://acme.example/license"
"""
OWN_PRICE = '[execution.clone.pricing]\nmodel = "one_time"\ncurrency = "USD"\nprice_micros = 9\n'
BY_TIME = """[pricing]
model = "metered"
currency = "USD"
base_micros = 100
[pricing.unit_micros]
compute_ms = 2
"""


def text_of(execution: str, *sections: str, pricing: str = BY_TIME) -> str:
    return "".join((SPELL, f"[execution]\n{execution}\n", *sections, pricing))


def parse(*parts: str, **options: Any) -> Manifest:
    return parse_manifest(text_of(*parts, **options).encode())


def errors_of(text: str) -> list[tuple[str, str]]:
    with pytest.raises(SpellError) as caught:
        parse_manifest(text.encode())
    return [(error["field"], error["message"]) for error in caught.value.details["errors"]]


def test_every_section_offers_its_mode_and_the_first_choice_stands_first() -> None:
    manifest = parse('mode = "workflow"\nfallback = "service"', SERVICE, WORKFLOW, CLONE, OWN_PRICE)
    assert manifest.modes() == [Mode.WORKFLOW, Mode.SERVICE, Mode.CLONE]
    assert manifest.execution.fallback is Mode.SERVICE
    assert manifest.worst_cases() == {
        Mode.SERVICE: 100 + 2 * 5_000,
        Mode.WORKFLOW: 100 + 2 * 600_000,
        Mode.CLONE: 9,
    }


@pytest.mark.parametrize(
    ("execution", "sections", "field"),
    [
        ('mode = "workflow"\nfallback = "clone"', (WORKFLOW, CLONE, OWN_PRICE), "fallback"),
        ('mode = "workflow"\nfallback = "workflow"', (WORKFLOW,), "fallback"),
        ('mode = "workflow"\nfallback = "service"', (WORKFLOW,), "fallback"),
        ('mode = "service"\nfallback = "workflow"', (SERVICE,), "fallback"),
        ('mode = "clone"', (CLONE, OWN_PRICE, SERVICE), "mode"),
    ],
)
def test_what_cannot_stand_in_or_stand_first_is_refused(
    execution: str, sections: tuple[str, ...], field: str
) -> None:
    ((found, _),) = errors_of(text_of(execution, *sections))
    assert found == f"execution.{field}"


def test_a_price_for_what_github_does_not_measure_does_not_go_with_workflow() -> None:
    price = BY_TIME + "fuel_million = 3\n"
    ((field, message),) = errors_of(text_of('mode = "workflow"', WORKFLOW, pricing=price))
    assert (field, message.split(" with ")[0]) == (
        "pricing.unit_micros",
        "may price only compute_ms",
    )
    assert parse('mode = "service"', SERVICE, pricing=price).modes() == [Mode.SERVICE]


def test_a_clone_beside_another_mode_has_a_price_of_its_own() -> None:
    ((field, _),) = errors_of(text_of('mode = "service"', SERVICE, CLONE))
    assert field == "execution.clone.pricing"
    metered = OWN_PRICE.replace("one_time", "flat")
    ((field, message),) = errors_of(text_of('mode = "service"', SERVICE, CLONE, metered))
    assert (field, message) == (
        "execution.clone.pricing.model",
        "must be one_time or free with mode clone",
    )


def test_a_clone_alone_is_priced_by_pricing_only() -> None:
    free = '[pricing]\nmodel = "free"\n'
    ((field, _),) = errors_of(text_of('mode = "clone"', CLONE, OWN_PRICE, pricing=free))
    assert field == "execution.clone.pricing"


def test_an_error_in_a_clones_price_is_told_where_it_stands() -> None:
    wrong = OWN_PRICE.replace("price_micros = 9", 'price_micros = "9"')
    ((field, message),) = errors_of(text_of('mode = "service"', SERVICE, CLONE, wrong))
    assert (field, message) == (
        "execution.clone.pricing.price_micros",
        "must be a whole number without quotes",
    )


def test_each_modes_worst_case_must_fit_a_hold() -> None:
    dear = BY_TIME.replace("compute_ms = 2", "compute_ms = 10000000000")
    assert parse('mode = "service"', SERVICE, pricing=dear).modes() == [Mode.SERVICE]
    ((field, _),) = errors_of(text_of('mode = "service"', SERVICE, WORKFLOW, pricing=dear))
    assert field == "pricing"
