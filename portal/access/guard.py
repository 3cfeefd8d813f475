"""The lock: no route without a permission; each request acts as somebody, with that one's eyes."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from flask import Blueprint, Flask, current_app, g, request
from flask.sansio.app import App
from flask.typing import ResponseReturnValue

from portal.access.actor import Actor, act_as
from portal.access.rules import GRANTS, Permission, Role
from portal.core import api as core_api
from portal.core.db import look_as
from portal.core.errors import NotAllowed, PortalError
from portal.core.scope import CLOSED, enter
from portal.core.texts import lazy, reader_is


class Open(Enum):
    """Doors that want no permission, each for a reason that can be read here."""

    PUBLIC = "public"  # anybody: sign-in, health, static files, the API's description
    SIGNED_IN = "signed_in"  # whoever is signed in, in whatever role: sign-out, language, switch, menu


PUBLIC = Open.PUBLIC
SIGNED_IN = Open.SIGNED_IN
Need = Permission | Open


def register_need(app: App, endpoint: str, need: Need) -> None:
    app.extensions.setdefault("needs", {})[endpoint] = need


def need_of(app: Flask, endpoint: str) -> Need | None:
    needs: dict[str, Need] = app.extensions.get("needs", {})
    return needs.get(endpoint)


def roles_for(need: Need) -> list[Role]:
    """The roles that pass this door."""
    return [role for role in Role if isinstance(need, Open) or need in GRANTS[role]]


class Room(Blueprint):
    """A room's pages. Leaving out `needs` is a TypeError at import."""

    def add_url_rule(  # type: ignore[override]
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        *,
        needs: Need,
        **options: Any,
    ) -> None:
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)
        name = endpoint or getattr(view_func, "__name__", "")
        self.record(lambda state: register_need(state.app, f"{state.name}.{name}", needs))


class ApiRoom(Room):
    """A room's operations under /api/v1, each described for the OpenAPI document where it is made."""

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(f"api_{name}", import_name, url_prefix=core_api.PREFIX)

    def add_url_rule(  # type: ignore[override]
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        *,
        needs: Need,
        summary: str,
        answers: dict[int, Any],
        body: Any = None,
        form: Any = None,
        query: Any = None,
        files: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, needs=needs, **options)
        name = endpoint or getattr(view_func, "__name__", "")
        operation = core_api.Operation(summary, answers, body, form, query, files, public=needs is PUBLIC)
        for method in options.get("methods", ["GET"]):
            core_api.OPERATIONS[f"{self.name}.{name}", method] = operation


class NoToken(PortalError):
    status = 401
    title = "Unauthorized"


def is_api() -> bool:
    return request.path.startswith(f"{core_api.PREFIX}/")


Find = Callable[[], Actor | None]


def start(
    app: Flask, *, by_session: Find, by_token: Find, sign_in: Callable[[], ResponseReturnValue]
) -> None:
    """Put the lock on every request. `by_session` and `by_token` say who acts (accounts), `sign_in` sends to it."""

    @app.before_request
    def guard() -> ResponseReturnValue | None:
        act_as(None)
        look_as(CLOSED)
        if request.endpoint == "static":
            return None
        # no such page: everybody is told so, and whoever is signed in keeps the rail to go on from
        need = PUBLIC if request.endpoint is None else need_of(current_app, request.endpoint)
        if need is None:
            raise NotAllowed("no_need", lazy("This page has no permission and is closed."))
        actor = by_token() if is_api() and need is not PUBLIC else None if is_api() else by_session()
        if actor is None:
            look_as(CLOSED)
            if need is PUBLIC:
                return None
            if is_api():
                raise NoToken("unauthorized", lazy("Send a valid token: Authorization: Bearer …"))
            return sign_in()
        act_as(actor)
        look_as(actor.scope)
        g.time_zone = actor.time_zone
        reader_is(actor.language)
        if isinstance(need, Permission) and not actor.may(need):
            raise NotAllowed("forbidden", lazy("Your role may not do this."))
        return None

    @app.teardown_request
    def forget(error: BaseException | None) -> None:
        act_as(None)
        enter(CLOSED)  # a ContextVar outlives the request on its thread
