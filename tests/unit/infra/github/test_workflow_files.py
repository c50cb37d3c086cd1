"""Strangers' workflow files: what they say, and that none of them costs more than a moment."""

import pytest

from infra.github.workflow_files import BYTES_MAX, YamlWorkflowFiles
from schema.actions_files import workflow_faults
from schema.contracts.plans import Dispatch
from tests.support.actions import TARGET

GOOD = b"""
name: Report
run-name: ${{ inputs.cast_id }}
on:
  workflow_dispatch:
    inputs:
      cast_id: {required: true}
      inputs_url: {required: true}
jobs: {}
"""
BY_REPOSITORY = b"""
run-name: ${{ github.event.client_payload.cast_id }}
on: {repository_dispatch: {types: [spell-cast]}}
jobs: {}
"""
ON_REPOSITORY = TARGET.model_copy(update={"dispatch": Dispatch.REPOSITORY})


def faults_of(source: bytes) -> list[str]:
    return [
        f"{'.'.join(map(str, path))} {message}"
        for path, message in workflow_faults(TARGET, YamlWorkflowFiles().read(source))
    ]


def test_a_file_that_can_be_dispatched_has_no_faults() -> None:
    assert faults_of(GOOD) == []
    facts = YamlWorkflowFiles().read(BY_REPOSITORY)
    assert list(workflow_faults(ON_REPOSITORY, facts)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"workflow_dispatch", b"push", "execution.workflow.dispatch needs"),
        (b"inputs_url", b"other", "needs the input inputs_url"),
        (b"      cast_id", b"      must: {required: true}\n      cast_id", "the input must in"),
        (b"run-name: ${{ inputs.cast_id }}\n", b"", "needs `run-name: ${{ inputs.cast_id }}`"),
        (b"${{ inputs.cast_id }}", b"run ${{ inputs.cast_id }}", "needs `run-name"),
        (b"${{ inputs.cast_id }}", b"${{ inputs.other }}", "needs `run-name"),
        (b"${{ inputs.cast_id }}", b"7", "needs `run-name"),
    ],
)
def test_each_obstacle_is_told(old: bytes, new: bytes, fault: str) -> None:
    found = faults_of(GOOD.replace(old, new))
    assert [each for each in found if fault in each]


@pytest.mark.parametrize("on", [b"workflow_dispatch", b"[push, workflow_dispatch]"])
def test_triggers_are_read_in_each_of_their_forms(on: bytes) -> None:
    facts = YamlWorkflowFiles().read(b"on: " + on + b"\njobs: {}\n")
    assert "workflow_dispatch" in facts.triggers
    assert facts.inputs == {}


@pytest.mark.parametrize(
    "source",
    [
        b"a" * (BYTES_MAX + 1),
        b"[" * 5_000,
        b"- " * 30_000,
        b"a: &a [x, x]\n" + b"".join(b"b%d: [*a, *a]\n" % number for number in range(20)),
        b"&a [*a]",
        b"\xff\xfe\x00",
        b"on: [",
        b"just a text",
        b"",
        b"!!python/object/apply:os.system [echo]",
        b"a: 1\n---\nb: 2\n",
    ],
    ids=[
        *("large", "deep", "long", "aliases", "itself", "no text", "open"),
        *("scalar", "empty", "object", "two documents"),
    ],
)
def test_what_is_no_workflow_is_refused(source: bytes) -> None:
    with pytest.raises(ValueError, match="^is "):
        YamlWorkflowFiles().read(source)
