"""The JSON API's plumbing: rooms of operations, reading and answering with pydantic, problem+json, OpenAPI 3.1.

The body is read by the view and not before it, because API.md fixes the order of refusals: token 401, role 403,
object 404, fields 422, state 409. That, and paths that take a file or JSON, is why no framework does it for us
(docs/decisions).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar

from flask import Flask, Response, current_app, request
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic.json_schema import models_json_schema
from werkzeug.datastructures import MultiDict

from portal.core import clock
from portal.core.errors import FieldError, Invalid, PortalError, pointer
from portal.core.paging import LIMIT, MOST
from portal.core.texts import gettext, lazy

PREFIX = "/api/v1"
JSON = "application/json"
MULTIPART = "multipart/form-data"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PROBLEM = "application/problem+json"


def _moment(at: datetime) -> str:
    return clock.local(at).isoformat(timespec="seconds")


Moment = Annotated[datetime, PlainSerializer(_moment, return_type=str)]
"""An instant: RFC 3339 with offset, in the network's time zone."""


class Model(BaseModel):
    """What comes in or goes out; fields that we don't know are refused."""

    model_config = ConfigDict(extra="forbid")


class ListQuery(BaseModel):
    """The part of the query string that all lists share."""

    model_config = ConfigDict(extra="ignore")
    limit: int = Field(LIMIT, ge=1, le=MOST)
    cursor: str | None = Field(None, max_length=2000)


class Money(Model):
    """An amount in minor units (fen). Strict here and where it is narrowed: `true`, "12" and 12.0 are no amounts."""

    amount: int = Field(strict=True, ge=-(10**15), le=10**15)
    currency: str = Field("CNY", pattern="^[A-Z]{3}$")


class ProblemField(Model):
    pointer: str
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457; `code` is ours and stable, `errors` names each wrong field."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemField] | None = None


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Operation:
    """What the OpenAPI document says of one route and method."""

    summary: str
    answers: Mapping[int, type[BaseModel] | str | None]
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    files: tuple[str, ...] = field(default=())
    public: bool = False


OPERATIONS: dict[tuple[str, str], Operation] = {}
"""(endpoint, method) → its description; filled by ApiRoom as routes are made."""

_FIELD_WORDS = {
    "required": lazy("This field is required."),
    "extra_forbidden": lazy("This field is not known here."),
    "string_too_long": lazy("This text is too long."),
    "string_too_short": lazy("This text is too short."),
    "string_pattern_mismatch": lazy("This is not written as it should be."),
    "int_parsing": lazy("Write a whole number."),
    "int_type": lazy("Write a whole number."),
    "string_type": lazy("Write a text."),
    "list_type": lazy("Write a list."),
    "bool_type": lazy("Write true or false."),
    "greater_than_equal": lazy("This number is too small."),
    "less_than_equal": lazy("This number is too large."),
    "too_long": lazy("This list is too long."),
    "datetime_from_date_parsing": lazy("Write a date and time with its offset."),
    "timezone_aware": lazy("Write a date and time with its offset."),
    "literal_error": lazy("This is none of the allowed values."),
    "enum": lazy("This is none of the allowed values."),
}
MOST_ERRORS = 100
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL's text takes neither


def invalid(error: ValidationError, value: Any, base: str = "") -> Invalid:
    """pydantic's findings about `value` as ours, in the reader's language: the first one for each place."""
    errors: dict[str, FieldError] = {}
    for found in error.errors(include_url=False, include_input=False):
        given = found.get("ctx", {}).get(
            "field"
        )  # what a model says of two fields together names one of them
        missing = found["type"] == "missing" or given is not None
        place = base + pointer(*(_place(found["loc"], value, missing=missing) + ([given] if given else [])))
        code = "required" if missing else found["type"]
        words = _FIELD_WORDS.get(
            code if missing else found["type"], lazy("This is not written as it should be.")
        )
        errors.setdefault(place, FieldError(place, code, words))
        if len(errors) == MOST_ERRORS:
            break
    return Invalid("invalid", lazy("Some fields are not as they should be."), list(errors.values()))


def _place(loc: Sequence[int | str], value: Any, *, missing: bool) -> list[int | str]:
    """Where in `value` pydantic means: without the names of its own kinds (`bool`, `constrained-int`) in between."""
    kept: list[int | str] = []
    for depth, part in enumerate(loc, 1):
        inside = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int) and part < len(value)
        )
        if inside:
            value = value[part]
        if inside or (missing and depth == len(loc)):
            kept.append(part)
    return kept


def refuse_odd_text(value: Any, at: str = "") -> None:
    """Raise Invalid where a text holds NUL or half a character, however deep."""
    if isinstance(value, str) and _NOT_TEXT.search(value):
        detail = lazy("This text holds characters that are no text.")
        raise Invalid("invalid_text", detail, [FieldError(at, "invalid_text", detail)])
    if isinstance(value, dict):
        for name, inner in value.items():
            refuse_odd_text(name, at)
            refuse_odd_text(inner, at + pointer(name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            refuse_odd_text(inner, at + pointer(place))


def read_json() -> Any:
    """The body as JSON. Raises 415 for another Content-Type and 422 for broken JSON."""
    if request.mimetype != JSON:
        raise Unsupported(JSON)
    return parse_json(request.get_data())


def parse_json(written: bytes | str, at: str = "") -> Any:
    """JSON as RFC 8259 has it, of texts that can be kept; `at` points to where it stands. Raises Invalid."""
    try:
        value = json.loads(written, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        detail = lazy("The body is not valid JSON.") if not at else lazy("This is not valid JSON.")
        raise Invalid("invalid_json", detail, [FieldError(at, "invalid_json", detail)]) from error
    refuse_odd_text(value, at)
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def read_body(model: type[M], *, optional: bool = False) -> M:
    """The JSON body as `model`; with `optional`, no body at all counts as an empty one."""
    value = {} if optional and not request.get_data() else read_json()
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error, value) from error


def read_form(model: type[M]) -> M:
    """The fields of a form (multipart or url-encoded) as `model`."""
    return _read_flat(model, request.form)


def read_query(model: type[M]) -> M:
    return _read_flat(model, request.args)


def _read_flat(model: type[M], given: "MultiDict[str, str]") -> M:
    value = {name: text for name, text in given.items() if text != ""}
    refuse_odd_text(value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error, value) from error


class Unsupported(PortalError):
    status = 415
    title = "Unsupported media type"

    def __init__(self, *accepted: str) -> None:
        super().__init__(
            "unsupported_media_type",
            lazy("Send this as %(kinds)s.", kinds=" / ".join(accepted)),
            accepted=accepted,
        )


def answer(value: BaseModel | Mapping[str, Any] | None, status: int = 200) -> Response:
    """A JSON answer; None with 204."""
    if value is None:
        return Response(status=status, mimetype=JSON)
    text = (
        value.model_dump_json()
        if isinstance(value, BaseModel)
        else json.dumps(value, ensure_ascii=False, default=_written)
    )
    return Response(text + "\n", status=status, mimetype=JSON)


def _written(value: Any) -> str:
    """What JSON has no form for: an instant as `Moment` writes it, anything else as text."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return _moment(value)
    return str(value)


def problem(error: PortalError) -> Response:
    """RFC 9457."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error.detail) or gettext(error.title),
        "code": error.code,
    }
    if isinstance(error, Invalid) and error.errors:
        body["errors"] = [
            {"pointer": each.pointer, "code": each.code, "detail": str(each.detail)} for each in error.errors
        ]
    body.update({name: value for name, value in error.extra.items() if name not in body})
    text = json.dumps(body, ensure_ascii=False, default=_written)
    return Response(text + "\n", status=error.status, mimetype=PROBLEM)


# ---------------------------------------------------------------- the OpenAPI document

_PATH_PART = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_PROBLEMS = (401, 403, 404, 409, 413, 415, 422, 429, 503)


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI 3.1 document of every operation, made from the code."""
    models = {model for operation in OPERATIONS.values() for model in _models(operation)} | {Problem}
    ordered = sorted(models, key=lambda model: model.__name__)
    places, schemas = models_json_schema(
        [(model, mode) for model in ordered for mode in ("validation", "serialization")],
        ref_template="#/components/schemas/{model}",
    )
    names = {(model, mode): schema["$ref"] for (model, mode), schema in places.items()}
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda each: each.rule):
        for method in sorted(rule.methods or ()):
            operation = OPERATIONS.get((rule.endpoint, method))
            if operation is None:
                continue
            path = _PATH_PART.sub(r"{\1}", rule.rule.removeprefix(PREFIX))
            paths.setdefault(path, {})[method.lower()] = _described(
                rule.endpoint, rule.rule, operation, names
            )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dealer network portal", "version": "1", "description": "See API.md."},
        "servers": [{"url": PREFIX}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _models(operation: Operation) -> list[type[BaseModel]]:
    found = [operation.body, operation.form, operation.query, *operation.answers.values()]
    return [model for model in found if isinstance(model, type)]


def _described(endpoint: str, rule: str, operation: Operation, names: Mapping[Any, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": endpoint.removeprefix("api_").replace(".", "_"),
        "summary": operation.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            for name in _PATH_PART.findall(rule)
        ],
        "responses": {
            str(status): _answer_described(kind, names) for status, kind in operation.answers.items()
        },
    }
    if operation.query is not None:
        described["parameters"] += _query_described(operation.query)
    content: dict[str, Any] = {}
    if operation.body is not None:
        content[JSON] = {"schema": {"$ref": names[operation.body, "validation"]}}
    if operation.form is not None:
        schema = operation.form.model_json_schema()
        schema["properties"] |= {name: {"type": "string", "format": "binary"} for name in operation.files}
        schema["required"] = [*schema.get("required", []), *operation.files]
        content[MULTIPART] = {"schema": schema}
    if content:
        described["requestBody"] = {"content": content, "required": True}
    if operation.public:
        described["security"] = []
    for status in _PROBLEMS:
        described["responses"].setdefault(
            str(status),
            {
                "description": "Problem",
                "content": {PROBLEM: {"schema": {"$ref": names[Problem, "validation"]}}},
            },
        )
    return described


def _answer_described(kind: type[BaseModel] | str | None, names: Mapping[Any, str]) -> dict[str, Any]:
    if kind is None:
        return {"description": "Done"}
    if isinstance(kind, str):
        return {
            "description": "A file",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}}},
        }
    return {"description": "Answer", "content": {JSON: {"schema": {"$ref": names[kind, "serialization"]}}}}


def _query_described(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": described}
        for name, described in schema["properties"].items()
    ]


def current_document() -> dict[str, Any]:
    """The document, made once for each application."""
    kept: dict[str, Any] | None = current_app.extensions.get("openapi")
    if kept is None:
        kept = current_app.extensions["openapi"] = document(current_app)
    return kept


View = Callable[..., Any]
