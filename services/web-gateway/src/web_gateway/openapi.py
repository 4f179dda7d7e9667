"""The OpenAPI 3.1 document of /api/v1, drawn from the declared operations.

``python -m web_gateway.openapi`` writes the committed file, ``--check`` fails when it differs.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chassis import commands
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from web_gateway.api.layer import Access, Api, IfMatch, Operation
from web_gateway.api.problems import CONTENT_TYPE, Catalogue, Problem
from web_gateway.api.serving import ASSISTANCE_HEADER, ETAG_PATTERN
from web_gateway.api.subjects import APIS, catalogue, events, operations

FILE: Final = Path(__file__).parents[2] / "openapi.json"
_SCHEMA: Final = "#/components/schemas/"
_JSON: Final = "application/json"


def document(apis: Sequence[Api] = APIS) -> dict[str, Any]:
    """The whole document; the same operations give the same bytes."""
    found = operations(apis)
    kinds = catalogue(apis)
    bodies = {op.body for op in found if op.body is not None}
    answers = {op.answer for op in found if op.answer is not None} | {Problem, events.ApplicationEvent}
    named = [(model, "validation") for model in bodies] + [(model, "serialization") for model in answers]
    references, definitions = models_json_schema(
        sorted(named, key=lambda pair: pair[0].__name__),  # type: ignore[arg-type]  # the mode is a literal
        ref_template=_SCHEMA + "{model}",
    )
    names = {model: _readable(schema["$ref"].removeprefix(_SCHEMA)) for (model, _), schema in references.items()}
    schemas = json.loads(_readable(json.dumps(definitions["$defs"])))
    paths: dict[str, dict[str, Any]] = {}
    for operation in found:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "安居 Anju",
            "version": "1",
            "summary": "公共租赁住房公开接口 Public API of Anju, public rental housing",
            "description": (
                "Money is integer fen, areas are hundredths of a square metre, instants are RFC 3339 with +08:00. Errors are problem+json "
                "(RFC 9457) in zh-CN or en by Accept-Language. Unsafe operations take an Idempotency-Key (a UUID, the same on every retry; "
                "draft-ietf-httpapi-idempotency-key-header); with the session cookie also X-CSRF-Token. Lists are {items, next_cursor} with "
                "Link: rel=\"next\". Within /v1 only additions happen."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This gateway"}],
        "tags": [{"name": api.tag, "description": api.title} for api in apis],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {str(status): _problem_response(status, kinds) for status in _PROBLEM_STATUSES},
            "headers": _HEADERS,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "anju_session", "description": "Set by /auth/login; __Host-anju_session over https."},
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token", "description": "csrf_token of GET /api/v1/session."},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "Access token of the city sign-on (RFC 9068)."},
            },
        },
    }  # fmt: skip


def _readable(text: str) -> str:
    """pydantic calls Page[Bill] Page_Bill_; generated clients show these names to people, so they are BillPage."""
    return _GENERIC.sub(lambda m: m[2] + {"Page": "Page", "Listing": "List"}[m[1]], text)


_GENERIC: Final = re.compile(r"\b(Page|Listing)(?:_|\[)([A-Za-z]+)(?:_|\])")
_PROBLEM_STATUSES: Final = (400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 428, 429, 500, 503, 504)
_HEADERS: Final[dict[str, Any]] = {
    "Content-Disposition": {"description": "The file's name (RFC 6266).", "schema": {"type": "string"}},
    "ETag": {"description": "Strong validator; send it back as If-None-Match or If-Match.", "schema": {"type": "string"}},
    "Link": {"description": 'The next page, rel="next".', "schema": {"type": "string"}},
    "Location": {"description": "Where to follow what was started.", "schema": {"type": "string"}},
    "RateLimit": {"description": "What is left of the tightest policy: r requests, one more in t seconds.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "Policies: q requests in w seconds.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
}


def _problem_response(status: int, catalogue: Catalogue) -> dict[str, Any]:
    codes = ", ".join(kind.code for kind in catalogue.kinds.values() if kind.status == status)
    response: dict[str, Any] = {"description": codes, "content": {CONTENT_TYPE: {"schema": {"$ref": _SCHEMA + "Problem"}}}}
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return response


def _operation(operation: Operation, names: dict[Any, str]) -> dict[str, Any]:
    summary, _, description = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    summary, _, rest = summary.replace("\n", " ").partition(". ")
    result: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
        "description": " ".join(part for part in (rest, description.replace("\n", " ")) if part),
        "parameters": _parameters(operation),
        "security": _security(operation),
        "responses": _responses(operation, names),
    }
    if operation.roles:
        result["description"] = (result["description"] + " Roles: " + ", ".join(operation.roles) + ".").strip()
    if operation.body is not None:
        result["requestBody"] = {
            "required": operation.body.model_fields != {},
            "content": _body_content(operation, {"$ref": _SCHEMA + names[operation.body]}),
        }
    return {name: value for name, value in result.items() if value != "" and (value or name == "security")}


def _body_content(operation: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    if not operation.takes:
        return {_JSON: {"schema": schema}}
    encoding = {name: {"contentType": rule.content_types} for name, rule in operation.takes.items()}
    return {"multipart/form-data": {"schema": schema, "encoding": encoding}}


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if operation.params is not None:
        schema = operation.params.model_json_schema(ref_template=_SCHEMA + "{model}")
        for name, raw in schema["properties"].items():
            value = {key: item for key, item in raw.items() if key not in ("title", "description")}
            in_path = name in operation.path_names
            parameter = {
                "name": name,
                "in": "path" if in_path else "query",
                "required": in_path or name in schema.get("required", ()),
                "schema": value,
            }
            if raw.get("description"):
                parameter["description"] = raw["description"]
            found.append(parameter)
    if operation.idempotent:
        found.append(
            _header(
                "Idempotency-Key", "A UUID for this act; the same one on every retry.", {"type": "string", "format": "uuid"}, required=True
            )
        )
    if operation.assisted:
        found.append(
            _header(ASSISTANCE_HEADER, "Of a clerk at a counter: the visit in which he does it in a household's name.", {"type": "string"})
        )
    if operation.if_match is not None:
        required = operation.if_match is IfMatch.REQUIRED
        schema = {"type": "string", "pattern": rf"^(\*|{ETAG_PATTERN})$"}
        found.append(_header("If-Match", "ETag of the application as it was seen, or * for any.", schema, required=required))
    if operation.etag:
        found.append(_header("If-None-Match", "ETag of the answer before; 304 when nothing changed.", {"type": "string"}))
    if operation.stream:
        found.append(_header("Last-Event-ID", "Version of the last event seen.", {"type": "string"}))
    return found


def _header(name: str, description: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    by_cookie: dict[str, list[str]] = {"session": []} if operation.method == "GET" else {"session": [], "csrf": []}
    if operation.access is Access.ANYONE:
        return [{}, by_cookie, {"bearer": []}]
    return [] if operation.open else [by_cookie, {"bearer": []}]


def _responses(operation: Operation, names: dict[Any, str]) -> dict[str, Any]:
    headers = ["RateLimit", "RateLimit-Policy"]
    success: dict[str, Any] = {"description": "Done."}
    if operation.stream:
        success["description"] = "Server-sent events; the data of each is an ApplicationEvent."
        success["content"] = {"text/event-stream": {"schema": {"type": "string"}}}
    elif operation.gives:
        success["description"] = "The file."
        success["content"] = {kind.content_type: {"schema": {"type": "string", "format": "binary"}} for kind in operation.gives}
        headers.append("Content-Disposition")
    elif operation.answer is not None:
        success["content"] = {_JSON: {"schema": {"$ref": _SCHEMA + names[operation.answer]}}}
        headers += _answer_headers(operation, operation.answer)
    if operation.status == 202:
        headers.append("Location")
    success["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(headers)}
    responses: dict[str, Any] = {str(operation.status): success}
    if operation.etag or operation.max_age:
        responses["304"] = {"description": "Not changed."}
    for status in sorted(_statuses(operation)):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


def _answer_headers(operation: Operation, answer: type[BaseModel]) -> list[str]:
    headers = ["ETag"] if operation.etag or operation.max_age else []
    return [*headers, "Link"] if "next_cursor" in answer.model_fields else headers


def _statuses(operation: Operation) -> set[int]:
    """Every problem the operation may answer with, from what it is declared to be."""
    statuses = {400, 429, 500, 503, 504}
    if not operation.open or operation.access is Access.ANYONE:
        statuses |= {401, 403}
    if operation.path_names:
        statuses.add(404)
    if operation.body is not None:
        statuses |= {408, 413, 415, 422}
    if operation.method != "GET":
        statuses |= {404, 409, 422}
    if operation.if_match is not None:
        statuses.add(412)
    if operation.if_match is IfMatch.REQUIRED:
        statuses.add(428)
    return statuses


def text(apis: Sequence[Api] = APIS) -> str:
    return json.dumps(document(apis), ensure_ascii=False, indent=2) + "\n"


app = commands.generator("Writes openapi.json from the declared operations.", "make openapi", lambda: {FILE: text()})

if __name__ == "__main__":
    commands.start(app, name="python -m web_gateway.openapi")
