"""GitHub's published description of its REST interface, to hold answers against.

From npm's `@octokit/openapi`; OpenAPI 3.0, whose schemas are JSON Schema of draft 4 but for
`nullable`. Watching a client checks every answer that it gets on the way.
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx
import jsonschema_rs

from tests.support.npm_packages import cache_folder, installed

_FILE = "node_modules/@octokit/openapi/generated/api.github.com.json"
_OURS = re.compile(r"^/(_local|twirp)/")


class Description:
    """The description, and what was checked against it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = _without_nullable(document)
        self.checked: set[tuple[str, str, int]] = set()

    @classmethod
    def fetched(cls) -> "Description":
        """From a cache outside the repository; skips the test without network."""
        folder = installed("github_description", cache_folder("github-description-23.0.2"))
        return cls(json.loads((folder / _FILE).read_text()))

    def watch(self, client: httpx.Client) -> None:
        """Check every answer that this client gets from now on."""

        def check(response: httpx.Response) -> None:
            if not _OURS.match(response.request.url.path):
                response.read()
                self.check(response)

        client.event_hooks["response"].append(check)

    def check(self, response: httpx.Response) -> None:
        """Raises AssertionError: GitHub gives no such answer there."""
        method, path = response.request.method.lower(), response.request.url.path
        template = self._template(method, path)
        answers = self._document["paths"][template][method]["responses"]
        where = f"{method} {template} {response.status_code}"
        assert str(response.status_code) in answers, f"{where} is not described"
        answer = self._resolved(answers[str(response.status_code)])
        schema = _schema_of(answer)
        if schema is not None:
            self._validate(where, schema, response.json())
        self.checked.add((method, template, response.status_code))

    def _validate(self, where: str, schema: Mapping[str, Any], body: Any) -> None:
        whole = {"allOf": [schema], "components": self._document["components"]}
        validator = jsonschema_rs.Draft4Validator(whole, validate_formats=True)
        problems = [
            f"{list(e.instance_path)}: {e.message[:200]}" for e in validator.iter_errors(body)
        ]
        assert not problems, f"{where}: {problems}"

    def _template(self, method: str, path: str) -> str:
        found = [
            template
            for template, pattern in self._patterns
            if pattern.fullmatch(path) and method in self._document["paths"][template]
        ]
        assert found, f"{method} {path} is not described"
        return min(found, key=lambda template: template.count("{"))

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (template, re.compile(re.sub(r"\\\{[^/]+?\\\}", "[^/]+", re.escape(template))))
            for template in self._document["paths"]
        ]

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in node:
            return node
        found: Any = self._document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._resolved(found)


def _schema_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    schema: Mapping[str, Any] | None = (
        answer.get("content", {}).get("application/json", {}).get("schema")
    )
    return schema


def _without_nullable(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_nullable(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _without_nullable(value) for key, value in node.items()}
    if copy.get("nullable") is True:
        del copy["nullable"]
        return {"anyOf": [copy, {"enum": [None]}]}
    return copy
