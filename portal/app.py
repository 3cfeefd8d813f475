"""The application: settings, extensions, the guard, every room, error pages. The only file that sees all rooms."""

import gzip
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from config.settings import ROOT, Settings
from portal import access, accounts, demonstration, refusals
from portal.core import clock, idempotency, log, texts
from portal.core.api import PREFIX, answer, current_document
from portal.core.db import db, finish
from portal.core.errors import Conflict, PortalError
from portal.core.schema import Database
from portal.core.texts import language, lazy

ROOMS = (
    "network",
    "accounts",
    "rulebook",
    "notices",
    "documents",
    "customers",
    "ledger",
    "sanctions",
    "clocks",
    "return_visits",
    "customer_files",
    "audit",
    "home",
)
"""Each room's doors are looked for in pages.py, api.py and jobs.py."""
STATIC = ("static", "bootstrap.static")
PACKED = ("text/css", "text/javascript", "image/svg+xml")
LARGEST_REQUEST = 25 * 1024 * 1024
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; manifest-src 'self'"
)
logger = structlog.get_logger("app")


class Key(BaseConverter):
    """An opaque id in a path: what is no id of ours becomes -1, so that it ends as 404 after token and role."""

    def to_python(self, value: str) -> int:
        good = value.isascii() and value.isdigit() and len(value) < 19 and str(int(value)) == value
        return int(value) if good else -1


class Portal(Flask):
    """One request is one transaction: committed after an answer below 400, rolled back otherwise."""

    def dispatch_request(self) -> ResponseReturnValue:
        actor = access.actor_or_none()
        try:
            if actor is not None and actor.token_id is not None and request.method == "POST":
                return self._once(actor.token_id, actor)
            response = self.make_response(super().dispatch_request())
            finish(good=response.status_code < 400)
            return response
        except BaseException:
            finish(good=False)
            raise

    def _once(self, token_id: int, actor: access.Actor) -> Response:
        def work() -> Response:
            try:
                return self.make_response(super(Portal, self).dispatch_request())
            except PortalError as error:
                finish(good=False)
                return refusals.refusal(error)

        response, _ = idempotency.once(token_id, actor.network_id, actor.unit_path, work)
        finish(good=response.status_code < 400)
        return response


def create_app(settings: Settings | None = None) -> Portal:
    settings = settings or Settings()
    app = Portal("portal", root_path=str(ROOT), template_folder="templates", static_folder="static")
    database = Database(settings)
    app.config.update(
        SECRET_KEY=settings.secret(),
        SQLALCHEMY_DATABASE_URI="postgresql+psycopg://",
        SQLALCHEMY_ENGINE_OPTIONS={
            "creator": database.connect,
            "pool_size": settings.portal_pool_size,
            "max_overflow": 8,
            "pool_timeout": 10,
            "hide_parameters": True,  # an error's text goes into the log: no customer's phone with it
        },
        STORAGE=settings.data_folder / "documents",
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        MAX_FORM_PARTS=20_000,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.portal_production,
        SESSION_COOKIE_NAME="portal",
        PERMANENT_SESSION_LIFETIME=7 * 24 * 3600,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        WTF_CSRF_TIME_LIMIT=None,
        BOOTSTRAP_SERVE_LOCAL=True,
        TESTING=settings.portal_test,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.extensions["settings"] = settings
    app.extensions["database"] = database
    if settings.portal_trusted_proxies:
        hops = settings.portal_trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.url_map.converters["key"] = Key
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    log.start(app)
    texts.start(app)
    app.before_request(clock.be_tied)
    db.init_app(app)
    Bootstrap5(app)
    app.url_defaults(name_the_version)
    csrf = CSRFProtect(app)
    accounts.start(app)
    access.start(
        app, by_session=accounts.by_session, by_token=accounts.by_token, sign_in=accounts.sign_in_page
    )
    app.before_request(refuse_other_membership)
    app.after_request(put_headers)
    app.context_processor(page_context)
    add_rooms(app, csrf)
    add_house_routes(app)
    refusals.start(app)
    import_module("portal.cli").start(app)
    if not settings.portal_production:
        demonstration.start(app)
    if settings.portal_now is not None:
        tie_clock(database, settings.portal_now)
    return app


def tie_clock(database: Database, now: datetime) -> None:
    """Share the clock of the processes with the same PORTAL_NOW; before the first `flask up` there is no table."""
    try:
        clock.tie_soon(database.url, now)
    except clock.ClockRefused as error:
        raise SystemExit(f"Error: {error}") from error


def add_rooms(app: Flask, csrf: CSRFProtect) -> None:
    for name in ROOMS:
        for door in ("pages", "api", "jobs"):
            try:
                module = import_module(f"portal.{name}.{door}")
            except ModuleNotFoundError as error:
                if error.name not in (f"portal.{name}", f"portal.{name}.{door}"):
                    raise
                continue
            if door == "pages":
                app.register_blueprint(module.room)
            elif door == "api":
                app.register_blueprint(module.api)
                csrf.exempt(module.api)  # a bearer token is not sent by a browser on its own


def add_house_routes(app: Flask) -> None:
    def healthz() -> Response:
        db.session.execute(db.text("SELECT 1"))
        return Response("ok\n", mimetype="text/plain")

    def openapi() -> Response:
        return answer(current_document())

    def docs() -> str:
        return render_template("api_docs.html", document=current_document())

    for rule, view in (("/healthz", healthz), (f"{PREFIX}/openapi.json", openapi), ("/api/docs", docs)):
        app.add_url_rule(rule, view.__name__, view)
        access.register_need(app, view.__name__, access.PUBLIC)
    access.register_need(app, "bootstrap.static", access.PUBLIC)


# ---------------------------------------------------------------- each request


def refuse_other_membership() -> None:
    """A form carries the membership it was made for; one from another tab's membership is not acted upon."""
    actor = access.actor_or_none()
    if request.method in ("GET", "HEAD", "OPTIONS") or actor is None or access.is_api():
        return
    sent = request.form.get("membership")
    if sent and sent != str(actor.membership_id) and request.endpoint != "accounts.choose":
        raise Conflict(
            "other_membership",
            lazy("This form was opened for another unit or brand. Switch to it, then send it again."),
            membership=sent,
        )


def put_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CSP)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint not in STATIC:
        response.headers["Cache-Control"] = "no-store"
        return response
    if "v" in request.args and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return pack(response)


def pack(response: Response) -> Response:
    """A style or script in gzip. Never a page: there, what a stranger put beside a token could be told by lengths."""
    if response.status_code != 200 or response.mimetype not in PACKED:
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0:
        response.direct_passthrough = False
        response.set_data(_packed(response.get_data()))
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(response.get_etag()[0] or "", weak=True)  # the same file, other bytes
    return response


@lru_cache(maxsize=64)
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def name_the_version(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of our own static files change with their content, so that browsers may keep them for a year."""
    if endpoint == "static" and "filename" in values:
        file = ROOT / "static" / values["filename"]
        values["v"] = _version(file, file.stat().st_mtime_ns) if file.is_file() else None


@lru_cache(maxsize=64)
def _version(file: Path, changed: int) -> str:
    return sha256(file.read_bytes()).hexdigest()[:10]


def form_guard() -> Markup:
    """The hidden fields of every form: against forgery, and for the membership it was made for."""
    actor = access.actor_or_none()
    hidden = Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
    if actor is not None:
        hidden += Markup('<input type="hidden" name="membership" value="{}">').format(actor.membership_id)
    return hidden


def page_context() -> dict[str, Any]:
    """What layout.html shows of the one who looks; the navigation comes from home."""
    actor = access.actor_or_none()
    navigation = current_app.extensions.get("navigation")
    context: dict[str, Any] = {
        "actor": actor,
        "network": actor
        and {
            "name": actor.network_name,
            "name_en": actor.network_name_en,
            "code": actor.network_code,
            "time_zone": actor.time_zone,
        },
        "lang": language(),
        "theme": request.cookies.get("theme", "auto"),
        "form_guard": cache(form_guard),  # once a page, for all of its forms
        "now": clock.local(clock.now()),
        "request_id": g.get("request_id"),
        "nav": [],
        "tabbar": [],
        "unread": 0,
        "search_endpoint": None,
    }
    if navigation is not None and actor is not None and not g.get("failed"):
        context |= navigation(actor)
    return context
