"""GET /months/{month}, GET /obligations, and a superior's decisions on them."""

from datetime import datetime
from typing import Annotated

from flask import Response
from pydantic import AwareDatetime, Field, StringConstraints

from portal.access import ApiRoom, Permission, current_actor
from portal.clocks import queries, service
from portal.clocks.models import Obligation
from portal.clocks.rules import Kind, MonthState, State
from portal.core import clock
from portal.core import month as months
from portal.core.api import ListQuery, Model, Moment, answer, read_body, read_query
from portal.network import unit_below, units_by_id

api = ApiRoom("clocks", __name__)
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class DutyAnswer(Model):
    kind: Kind
    unit: str
    due_at: Moment
    state: State


class MonthAnswer(Model):
    month: str
    opened_at: Moment
    dealer_due_at: Moment
    region_due_at: Moment
    locked_at: Moment
    state: MonthState
    duties: list[DutyAnswer]


class ObligationAnswer(Model):
    id: str
    kind: Kind
    rule: str
    source: str
    unit: str
    subject: str
    month: str | None
    opened_at: Moment
    due_at: Moment
    first_due_at: Moment
    state: State
    closed_at: Moment | None
    judged_at: Moment | None
    paused_at: Moment | None
    origin: str | None  # a superior's clock: the missed duty
    level: int  # how high above it this superior stands; 0: the duty itself


class ObligationList(Model):
    items: list[ObligationAnswer]
    next_cursor: str | None


class ObligationQuery(ListQuery):
    state: State | None = None
    kind: Kind | None = None
    unit: str | None = Field(None, max_length=40)


class ReasonBody(Model):
    reason: Reason


class ExtendBody(Model):
    due_at: AwareDatetime
    reason: Reason


class EmptyBody(Model):
    pass


@api.get(
    "/months/<month>",
    needs=Permission.SELF_READ,
    answers={200: MonthAnswer},
    summary="A month's deadlines, and what my unit still owes for it",
)
def get_month(month: str) -> Response:
    first = months.parse(month)
    actor, now = current_actor(), clock.now()
    found = queries.calendar(actor.network_id, first)
    duties = queries.duties_of(actor.unit_id, first)
    owed = queries.filing_duty(actor.unit_id, first)
    return answer(
        MonthAnswer(
            month=months.text(first),
            opened_at=found.opened_at,
            dealer_due_at=found.dealer_due_at,
            region_due_at=found.region_due_at,
            locked_at=found.locked_at,
            state=queries.month_state(actor.network_id, first, now, owed),
            duties=[
                DutyAnswer(kind=each.kind, unit=actor.unit_code, due_at=each.due_at, state=each.state_at(now))
                for each in duties
            ],
        )
    )


@api.get(
    "/obligations",
    needs=Permission.OBLIGATION_READ,
    query=ObligationQuery,
    answers={200: ObligationList},
    summary="The clocks that I may see, the earliest limit first",
)
def list_obligations() -> Response:
    asked, now = read_query(ObligationQuery), clock.now()
    unit_id = None
    if asked.unit is not None:
        unit = unit_below(current_actor().unit_path, asked.unit)
        unit_id = unit.id if unit else -1  # a foreign or unknown unit: an empty list
    page = queries.list_obligations(
        current_actor(),
        now,
        state=asked.state,
        kind=asked.kind,
        unit_id=unit_id,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    units = units_by_id(each.unit_id for each in page.items)
    items = [_shown(each, units[each.unit_id].code, now) for each in page.items]
    return answer(ObligationList(items=items, next_cursor=page.next_cursor))


@api.post(
    "/obligations/<key:obligation_id>/extend",
    needs=Permission.OBLIGATION_DECIDE,
    body=ExtendBody,
    answers={200: ObligationAnswer},
    summary="Give a later limit; the first one stays visible",
)
def extend(obligation_id: int) -> Response:
    queries.get_obligation(current_actor(), obligation_id)
    body = read_body(ExtendBody)
    return _decided(service.extend(current_actor(), obligation_id, body.due_at, body.reason))


@api.post(
    "/obligations/<key:obligation_id>/pause",
    needs=Permission.OBLIGATION_DECIDE,
    body=ReasonBody,
    answers={200: ObligationAnswer},
    summary="Stop a clock",
)
def pause(obligation_id: int) -> Response:
    queries.get_obligation(current_actor(), obligation_id)
    body = read_body(ReasonBody)
    return _decided(service.pause(current_actor(), obligation_id, body.reason))


@api.post(
    "/obligations/<key:obligation_id>/resume",
    needs=Permission.OBLIGATION_DECIDE,
    answers={200: ObligationAnswer},
    summary="Let a paused clock run on, with its time given back",
)
def resume(obligation_id: int) -> Response:
    queries.get_obligation(current_actor(), obligation_id)
    read_body(EmptyBody, optional=True)
    return _decided(service.resume(current_actor(), obligation_id))


@api.post(
    "/obligations/<key:obligation_id>/waive",
    needs=Permission.OBLIGATION_DECIDE,
    body=ReasonBody,
    answers={200: ObligationAnswer},
    summary="Owe it no more",
)
def waive(obligation_id: int) -> Response:
    queries.get_obligation(current_actor(), obligation_id)
    body = read_body(ReasonBody)
    return _decided(service.waive(current_actor(), obligation_id, body.reason))


def _decided(owed: Obligation) -> Response:
    unit = units_by_id([owed.unit_id])[owed.unit_id]
    return answer(_shown(owed, unit.code, clock.now()))


def _shown(owed: Obligation, unit: str, now: datetime) -> ObligationAnswer:
    return ObligationAnswer(
        id=str(owed.id),
        kind=owed.kind,
        rule=owed.rule,
        source=owed.source,
        unit=unit,
        subject=owed.subject,
        month=months.text(owed.month) if owed.month else None,
        opened_at=owed.opened_at,
        due_at=owed.due_at,
        first_due_at=owed.first_due_at,
        state=owed.state_at(now),
        closed_at=owed.closed_at,
        judged_at=owed.judged_at,
        paused_at=owed.paused_at,
        origin=str(owed.origin_id) if owed.origin_id is not None else None,
        level=owed.level,
    )
