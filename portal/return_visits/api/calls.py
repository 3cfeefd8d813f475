"""/return-visits: the queue and the calls."""

from flask import Response

from portal import clocks, network
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.api import answer, read_body, read_query
from portal.return_visits import queries, service
from portal.return_visits.api import shapes, showing
from portal.return_visits.api.shapes import (
    AssignBody,
    AttemptBody,
    CoverageAnswer,
    CoverageItem,
    CoverageQuery,
    EmptyBody,
    HeldAnswer,
    LoggedAnswer,
    ReasonBody,
    SealAnswer,
    VisitAnswer,
    VisitList,
    VisitQuery,
)
from portal.return_visits.api.steps import Steps, api
from portal.return_visits.models import Visit
from portal.return_visits.queries import Filters, Line
from portal.return_visits.service import Logged, Said

visit_step = Steps("/return-visits/<key:visit_id>", queries.get_visit)


@api.get(
    "/return-visits",
    needs=Permission.VISIT_READ,
    query=VisitQuery,
    answers={200: VisitList},
    summary="Visits, the latest month first",
)
def list_visits() -> Response:
    asked = read_query(VisitQuery)
    filters = Filters(months.parse(asked.month) if asked.month else None, asked.state, asked.unit, asked.q)
    actor = current_actor()
    page = queries.list_visits(actor, filters, clock.now(), cursor=asked.cursor, limit=asked.limit)
    return answer(VisitList(items=showing.visits(actor, page.items), next_cursor=page.next_cursor))


@api.post(
    "/return-visits/next",
    needs=Permission.VISIT_CALL,
    answers={200: HeldAnswer, 204: None},
    summary="Claim the next call for me, or the one that I hold",
)
def claim_next() -> Response:
    read_body(EmptyBody, optional=True)
    visit = service.claim_next(current_actor())
    return answer(None, 204) if visit is None else answer(_held(visit))


@api.get(
    "/return-visits/<key:visit_id>",
    needs=Permission.VISIT_READ,
    answers={200: HeldAnswer},
    summary="One visit with its history; number and address whole for whoever holds it",
)
def get_visit(visit_id: int) -> Response:
    return answer(_held(queries.get_visit(visit_id)))


@visit_step("claim", Permission.VISIT_CALL, EmptyBody, HeldAnswer, "Call this customer")
def claim(visit: Visit, _: EmptyBody) -> HeldAnswer:
    return _held(service.claim(current_actor(), visit.id))


@visit_step("renew", Permission.VISIT_CALL, EmptyBody, VisitAnswer, "The call goes on: the lease runs anew")
def renew(visit: Visit, _: EmptyBody) -> VisitAnswer:
    return _shown(service.renew(current_actor(), visit.id))


@visit_step("release", Permission.VISIT_CALL, ReasonBody, VisitAnswer, "Give it back to the queue")
def release(visit: Visit, body: ReasonBody) -> VisitAnswer:
    return _shown(service.release(current_actor(), visit.id, body.reason))


@visit_step(
    "assign",
    Permission.VISIT_ASSIGN,
    AssignBody,
    VisitAnswer,
    "Hand it to a caller, or (null) back to everybody's queue",
)
def assign(visit: Visit, body: AssignBody) -> VisitAnswer:
    actor = current_actor()
    person = None if body.person is None else service.caller(actor, body.person)
    return _shown(service.assign(actor, visit.id, person))


@visit_step(
    "waive", Permission.VISIT_WAIVE, ReasonBody, VisitAnswer, "Close it without a visit, for a signed reason"
)
def waive(visit: Visit, body: ReasonBody) -> VisitAnswer:
    return _shown(service.waive(current_actor(), visit.id, body.reason))


@visit_step("attempts", Permission.VISIT_CALL, AttemptBody, LoggedAnswer, "Save the call")
def log_attempt(visit: Visit, body: AttemptBody) -> LoggedAnswer:
    return _logged(service.log_attempt(current_actor(), visit.id, _said(visit, body)))


@visit_step(
    "correct",
    Permission.VISIT_CALL,
    AttemptBody,
    LoggedAnswer,
    "Put the last save right; the first one stays in sight",
)
def correct(visit: Visit, body: AttemptBody) -> LoggedAnswer:
    return _logged(service.correct(current_actor(), visit.id, _said(visit, body)))


def _said(visit: Visit, body: AttemptBody) -> Said:
    hours = queries.calling(visit.network_id, visit.month).hours
    given = body.model_dump() | {"not_before": shapes.instant(body.not_before, hours.opens)}
    return Said(**given)


def _logged(logged: Logged) -> LoggedAnswer:
    visit, found = logged.visit, logged.rectification
    return LoggedAnswer(
        id=str(visit.id),
        state=visit.state_at(clock.now()),
        next_at=visit.next_at,
        rectification=str(found.id) if found else None,
    )


def _held(visit: Visit) -> HeldAnswer:
    actor = current_actor()
    shown = showing.held(actor, visit)
    if visit.held_by(actor.person_id, clock.now()):
        service.reveal(actor, visit)
    return shown


def _shown(visit: Visit) -> VisitAnswer:
    return showing.visits(current_actor(), [visit])[0]


# --- the month --------------------------------------------------------------------------------------------


@api.get(
    "/return-visits/coverage",
    needs=Permission.COVERAGE_READ,
    query=CoverageQuery,
    answers={200: CoverageAnswer},
    summary="Visited people of all people, by dealer, region or day; a day as it stood at its end",
)
def coverage() -> Response:
    asked, actor = read_query(CoverageQuery), current_actor()
    month = months.parse(asked.month) if asked.month else clocks.running_month(actor.network_id, clock.now())
    match asked.by:
        case "dealer":
            lines = queries.by_dealer(month, actor.unit_path)
        case "region":
            lines = queries.by_region(month, actor.unit_path)
        case _:
            lines = queries.by_day(month, network.get_unit(actor.unit_id))
    return answer(CoverageAnswer(items=[_line(each) for each in lines]))


def _line(line: Line) -> CoverageItem:
    figures = line.figures
    counted = {name: value for name, value in vars(figures).items() if name != "closed"}
    return CoverageItem(
        unit=line.unit.code, day=line.day, **counted, open=figures.open, coverage=figures.coverage
    )


@api.post(
    "/months/<month>/seal",
    needs=Permission.MONTH_SEAL,
    answers={200: SealAnswer},
    summary="Close a month for good, when its lock is past and every visit closed",
)
def seal_month(month: str) -> Response:
    of = months.parse(month)
    read_body(EmptyBody, optional=True)
    sealed = service.seal(current_actor(), of)
    return answer(
        SealAnswer(
            month=month,
            state="sealed",
            sealed_at=sealed.sealed_at,
            people=sealed.figures["total"]["people"],
            visited=sealed.figures["total"]["visited"],
            coverage=sealed.figures["coverage"],
        )
    )
