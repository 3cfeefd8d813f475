"""How a refusal looks: a page, or problem+json; never a stack trace, never half a result."""

from typing import Any

import psycopg
import structlog
from flask import Flask, Response, g, render_template
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from jinja2 import TemplateError, TemplateNotFound
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from portal import access
from portal.core.api import problem
from portal.core.db import finish
from portal.core.errors import Conflict, FieldError, Invalid, PortalError, Unavailable
from portal.core.texts import lazy

logger = structlog.get_logger("refusals")
PLAIN_HEADERS = ("allow", "retry-after")


def refusal(error: PortalError) -> Response:
    """A domain error as problem+json or as a page."""
    response = problem(error) if access.is_api() else error_page(error)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="portal"'
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def error_page(error: PortalError) -> Response:
    g.failed = error.status >= 500  # then the page asks the database nothing
    reference = g.get("request_id", "")
    try:
        page = render_template("errors/error.html", status=error.status, error=error, reference=reference)
    except (TemplateError, DBAPIError) as broken_page:
        logger.exception("error_page_failed", error=type(broken_page).__name__)
        page = render_template("errors/bare.html", status=error.status, error=error, reference=reference)
    return Response(page, status=error.status, mimetype="text/html")


class Plain(PortalError):
    """An HTTP refusal of the framework, as one of ours."""

    def __init__(self, status: int, title: str, code: str, detail: Any) -> None:
        super().__init__(code, detail)
        self.status = status
        self.title = title


CONSTRAINT_FIELDS: dict[str, tuple[str, Any]] = {
    "uq_unit_code": ("/code", lazy("This code is taken.")),
    "uq_person_email": ("/email", lazy("This e-mail belongs to somebody else.")),
    "uq_person_phone": ("/phone", lazy("This phone number belongs to somebody else.")),
    "uq_network_code": ("/code", lazy("This code is taken.")),
}
"""Named constraints → the form's field and what to tell."""


def start(app: Flask) -> None:
    app.register_error_handler(PortalError, refused)
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(HTTPException, framework)
    app.register_error_handler(IntegrityError, constraint)
    app.register_error_handler(DataError, bad_value)
    app.register_error_handler(ParseException, broken_off)
    app.register_error_handler(BlockingIOError, broken_off)
    for kind in (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, OSError):
        app.register_error_handler(kind, unavailable)
    app.register_error_handler(TemplateNotFound, broken)  # an OSError too, but no full disk
    app.register_error_handler(Exception, broken)
    app.config["PROPAGATE_EXCEPTIONS"] = False


def refused(error: PortalError) -> Response:
    quiet_rollback()
    return refusal(error)


def forged(error: CSRFError) -> Response:
    quiet_rollback()
    words = lazy("This page was open too long. Go back, reload it, and send again.")
    return refusal(Plain(400, "Bad request", "csrf", words))


def framework(error: HTTPException) -> Response | HTTPException:
    quiet_rollback()
    if error.response is not None or error.code is None or error.code < 400:
        return error
    if isinstance(error, RequestEntityTooLarge):
        refusing = Plain(
            413, error.name, "too_large", lazy("This is larger than 20 MB. Send a smaller file.")
        )
    else:
        refusing = Plain(error.code, error.name, error.name.lower().replace(" ", "_"), "")
    response = refusal(refusing)
    for name, value in error.get_headers():
        if name.lower() in PLAIN_HEADERS:
            response.headers[name] = value
    return response


def constraint(error: IntegrityError) -> Response:
    quiet_rollback()
    name = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
    pointer, words = CONSTRAINT_FIELDS.get(
        name, ("", lazy("Somebody changed this at the same time. Try again."))
    )
    if pointer:
        return refusal(Invalid("taken", words, [FieldError(pointer, "taken", words)]))
    logger.warning("constraint", constraint=name)
    return refusal(Conflict("conflict", words))


def broken_off(_: Exception) -> Response:
    """A body in chunks that are none, or whose rest did not come within `supervise.SILENCE`."""
    quiet_rollback()
    return refusal(Plain(400, "Bad request", "bad_request", lazy("The request broke off. Send it again.")))


def bad_value(error: DataError) -> Response:
    quiet_rollback()
    logger.warning("data_error", error=type(error.orig).__name__)
    return refusal(Invalid("invalid", lazy("A value is not as it should be.")))


def unavailable(error: Exception) -> Response:
    """Database or disk is away: an honest 503, and nothing was taken in."""
    quiet_rollback()
    logger.error("unavailable", error=type(error).__name__, detail=str(error)[:200])
    g.failed = True
    access.act_as(None)
    return refusal(Unavailable(lazy("The portal cannot store anything right now. Try again in a minute.")))


def database_went_away(error: BaseException | None) -> bool:
    """Whether this, or what it was raised in the wake of, is a lost connection: a savepoint that cannot end, say."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            return True
        if isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError):
            return True
        error = error.__cause__ or error.__context__
    return False


def broken(error: Exception) -> Response:
    if database_went_away(error):
        logger.error("in_the_wake", error=type(error).__name__, exc_info=error)  # what it was is to be seen
        return unavailable(error)
    quiet_rollback()
    logger.error("unhandled", error=type(error).__name__, exc_info=error)
    words = lazy("Something went wrong here. Nothing was changed.")
    return refusal(Plain(500, "Internal server error", "internal", words))


def quiet_rollback() -> None:
    """Roll back; where the connection itself is gone, that was done for us."""
    try:
        finish(good=False)
    except (DBAPIError, psycopg.Error):
        logger.warning("rollback_failed")
