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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.npm_packages import cache_folder, installed

_FILE = "node_modules/@octokit/openapi/generated/api.github.com.json"
_API = re.compile(r"^/(?:app|applications|installation|orgs|rate_limit|repos|users?)(?:/|$)")
# GitHub answers so anywhere, and describes it in some places only.
_ANYWHERE = {400, 401, 403, 404, 413, 429}
_REFUSAL = {"$ref": "#/components/schemas/basic-error"}
# Parameters that hold slashes.
_LONG = {"path", "ref", "branch", "tree_sha"}


class Description:
    """The description, and what was checked against it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = _as_meant(document)
        self.checked: set[tuple[str, str, int]] = set()
        self.problems: list[str] = []
        self._validators: dict[str, jsonschema_rs.Draft4Validator] = {}

    @classmethod
    def fetched(cls) -> "Description":
        """From a cache outside the repository; skips the test without network."""
        folder = installed("github_description", cache_folder("github-description-23.0.2"))
        return cls(json.loads((folder / _FILE).read_text()))

    def watch(self, client: httpx.Client) -> None:
        """Check every answer that this client gets from now on."""

        def check(response: httpx.Response) -> None:
            if _is_api(response.request.url.path):
                response.read()
                self.check(response)

        client.event_hooks["response"].append(check)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app, with every answer to whichever client checked; `problems` has what is wrong."""

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not _is_api(scope["path"]):
                await app(scope, receive, send)
                return
            sent: list[Message] = []

            async def seen(message: Message) -> None:
                sent.append(message)
                await send(message)

            await app(scope, receive, seen)
            self._note(scope, sent)

        return checked

    def _note(self, scope: Scope, sent: list[Message]) -> None:
        if not sent:
            return
        url = f"http://github{scope['path']}"
        content = b"".join(message.get("body", b"") for message in sent)
        request = httpx.Request(scope["method"], url)
        response = httpx.Response(sent[0]["status"], content=content, request=request)
        try:
            self.check(response)
        except AssertionError as problem:
            self.problems.append(str(problem))

    def check_event(self, event: str, payload: Mapping[str, Any]) -> None:
        """Raises AssertionError: GitHub sends no such webhook."""
        name = f"webhook-{event}-{payload['action']}".replace("_", "-")
        self._validate(name, {"$ref": f"#/components/schemas/{name}"}, payload)

    def check(self, response: httpx.Response) -> None:
        """Raises AssertionError: GitHub gives no such answer there."""
        method, path = response.request.method.lower(), response.request.url.path
        template = self._template(method, path)
        answers = self._document["paths"][template][method]["responses"]
        where = f"{method} {template} {response.status_code}"
        described = answers.get(str(response.status_code))
        is_known = described is not None or response.status_code in _ANYWHERE
        assert is_known, f"{where} is not described"
        schema = _schema_of(self._resolved(described)) if described else _REFUSAL
        if schema is not None:
            self._validate(where, schema, response.json())
        self.checked.add((method, template, response.status_code))

    def _validate(self, where: str, schema: Mapping[str, Any], body: Any) -> None:
        if where not in self._validators:
            whole = {"allOf": [schema], "components": self._document["components"]}
            self._validators[where] = jsonschema_rs.Draft4Validator(whole, validate_formats=True)
        validator = self._validators[where]
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
        return max(found, key=lambda template: (-template.count("{"), len(template)))

    @cached_property
    def _patterns(self) -> list[tuple[str, re.Pattern[str]]]:
        return [
            (template, re.compile(re.sub(r"\\\{([^/]+?)\\\}", _anything, re.escape(template))))
            for template in self._document["paths"]
        ]

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in node:
            return node
        found: Any = self._document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return self._resolved(found)


def _is_api(path: str) -> bool:
    return _API.match(path) is not None


def _anything(parameter: re.Match[str]) -> str:
    return ".*" if parameter[1] in _LONG else "[^/]+"


def _schema_of(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    schema: Mapping[str, Any] | None = (
        answer.get("content", {}).get("application/json", {}).get("schema")
    )
    return schema


def _as_meant(node: Any) -> Any:
    """JSON Schema, with two places mended.

    `oneOf` names schemas that overlap (of refusals, say), and one account is said to be a user and
    an enterprise at once.
    """
    if isinstance(node, list):
        return [_as_meant(item) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _as_meant(value) for key, value in node.items()}
    if "oneOf" in copy and "anyOf" not in copy:
        copy["anyOf"] = copy.pop("oneOf")
    if _titles(copy.get("allOf")) == ["Simple User", "Enterprise"]:
        copy["anyOf"] = copy.pop("allOf")
    if copy.get("nullable") is True:
        del copy["nullable"]
        return {"anyOf": [copy, {"enum": [None]}]}
    return copy


def _titles(schemas: Any) -> list[Any]:
    return [one.get("title") for one in schemas] if isinstance(schemas, list) else []
