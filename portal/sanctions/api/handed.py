"""What was handed to those who act."""

from enum import StrEnum

from flask import Response

from portal.access import Permission, current_actor
from portal.core.api import ListQuery, Model, Moment, answer, read_body, read_query
from portal.sanctions import queries, service
from portal.sanctions.api.cases import api
from portal.sanctions.api.shapes import Reason
from portal.sanctions.queries import HandedOn
from portal.sanctions.rules import MeasureKind


class HandedState(StrEnum):
    OPEN = "open"
    DONE = "done"


class HandedQuery(ListQuery):
    state: HandedState | None = None


class HandedAnswer(Model):
    """`note`: what was done, by whom."""

    id: str
    case: str
    number: str
    kind: MeasureKind
    unit: str
    person: str | None
    person_name: str | None
    handed_on_at: Moment
    due_at: Moment
    state: HandedState
    done_at: Moment | None
    by: str | None
    note: str


class HandedList(Model):
    items: list[HandedAnswer]
    next_cursor: str | None


class DoneBody(Model):
    note: Reason


@api.get(
    "/handed-measures",
    needs=Permission.SANCTION_CARRY_OUT,
    query=HandedQuery,
    answers={200: HandedList},
    summary="Measures that people carry out (management responsibility, dismissal, a claim, a law suit)",
)
def list_handed() -> Response:
    asked = read_query(HandedQuery)
    done = None if asked.state is None else asked.state is HandedState.DONE
    page = queries.list_handed_on(current_actor(), done=done, cursor=asked.cursor, limit=asked.limit)
    return answer(HandedList(items=[_shown(each) for each in page.items], next_cursor=page.next_cursor))


@api.post(
    "/handed-measures/<key:effect_id>/done",
    needs=Permission.SANCTION_CARRY_OUT,
    body=DoneBody,
    answers={200: HandedAnswer},
    summary="It is carried out: what was done",
)
def carry_out(effect_id: int) -> Response:
    actor = current_actor()
    queries.handed_on(actor, effect_id)
    effect = service.carry_out(actor, effect_id, read_body(DoneBody).note)
    return answer(_shown(queries.handed_view(effect)))


def _shown(found: HandedOn) -> HandedAnswer:
    effect = found.effect
    assert effect.applied_at is not None
    assert effect.act_due_at is not None
    return HandedAnswer(
        id=str(effect.id),
        case=str(effect.case_id),
        number=found.case.number,
        kind=MeasureKind(effect.kind),
        unit=found.unit_code,
        person=str(effect.person_id) if effect.person_id is not None else None,
        person_name=found.person_name,
        handed_on_at=effect.applied_at,
        due_at=effect.act_due_at,
        state=HandedState.OPEN if effect.acted_at is None else HandedState.DONE,
        done_at=effect.acted_at,
        by=found.by,
        note=effect.act_note,
    )
