"""Structured logs: a JSON object a line, with the request's id and without personal data (codes and ids only)."""

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request
from structlog.tracebacks import ExceptionDictTransformer

PRIVATE = {
    "phone",
    "name",
    "address",
    "email",
    "password",
    "customer_name",
    "identifier",
    "token",
    "q",
    "remarks",
}
log = structlog.get_logger("request")


def _without_people(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in PRIVATE & line.keys():
        line[name] = "…"
    return line


def start(app: Flask) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            _without_people,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if app.config["TESTING"] else logging.INFO
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=not app.config["TESTING"],
    )

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        g.request_id = uuid4().hex[:12]
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        if request.endpoint not in ("static", "healthz"):
            log.info(
                "request",
                method=request.method,
                endpoint=request.endpoint,
                status=response.status_code,
                ms=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
            )
        return response

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()
