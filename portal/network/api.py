"""GET /units: the units that I may see."""

from typing import Literal

from flask import Response
from pydantic import Field

from portal.access import ApiRoom, Permission, current_actor
from portal.core.api import ListQuery, Model, answer, read_query
from portal.network import queries

api = ApiRoom("network", __name__)
Kind = Literal["headquarters", "channel", "region", "dealer", "store"]


class UnitQuery(ListQuery):
    kind: Kind | None = None
    parent: str | None = Field(None, max_length=40)


class UnitAnswer(Model):
    code: str
    name: str
    kind: Kind
    parent: str | None
    city: str
    status: Literal["active", "closed"]


class UnitList(Model):
    items: list[UnitAnswer]
    next_cursor: str | None


@api.get(
    "/units",
    needs=Permission.UNIT_READ,
    query=UnitQuery,
    answers={200: UnitList},
    summary="The units that I may see",
)
def list_units() -> Response:
    asked = read_query(UnitQuery)
    path = current_actor().unit_path
    page = queries.list_units(
        path, kind=asked.kind, parent=asked.parent, cursor=asked.cursor, limit=asked.limit
    )
    parents = queries.units_by_id(unit.parent_id for unit in page.items if unit.parent_id)
    items = [
        UnitAnswer(
            code=unit.code,
            name=unit.name,
            kind=unit.kind,
            parent=parents[unit.parent_id].code if unit.parent_id else None,
            city=unit.city,
            status=unit.status,
        )
        for unit in page.items
    ]
    return answer(UnitList(items=items, next_cursor=page.next_cursor))
