"""GET /me, and whoever a bearer token belongs to."""

from flask import Response, request

from portal.access import Actor, ApiRoom, Permission, Role, current_actor
from portal.accounts import queries, rules, service
from portal.core import clock
from portal.core.api import Model, answer

api = ApiRoom("accounts", __name__)
LONGEST_TOKEN = 200


def by_token() -> Actor | None:
    """The actor of `Authorization: Bearer …`; counts the request. Raises TooMany."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if kind.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
        return None
    now = clock.now()
    actor = queries.actor_of_token(token, now)
    if actor is not None:
        service.count(f"requests:{actor.token_id}", rules.REQUESTS, now)
    return actor


class Me(Model):
    class User(Model):
        email: str | None
        phone: str | None
        name: str

    class Network(Model):
        code: str
        name: str
        time_zone: str

    class Unit(Model):
        code: str
        name: str
        kind: str

    user: User
    network: Network
    unit: Unit
    role: Role
    capabilities: list[str]


@api.get("/me", needs=Permission.SELF_READ, answers={200: Me}, summary="Who I am here, and what I may do")
def me() -> Response:
    actor = current_actor()
    return answer(
        Me(
            user=Me.User(email=actor.email, phone=actor.phone, name=actor.name),
            network=Me.Network(code=actor.network_code, name=actor.network_name, time_zone=actor.time_zone),
            unit=Me.Unit(code=actor.unit_code, name=actor.unit_name, kind=actor.unit_kind),
            role=actor.role,
            capabilities=sorted(permission.value for permission in actor.capabilities),
        )
    )
