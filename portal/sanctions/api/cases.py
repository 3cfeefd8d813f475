"""The operations. A case that the actor may not see is a 404 before its body is read."""

from flask import Response

from portal.access import ApiRoom, Permission, current_actor
from portal.core import clock
from portal.core.api import answer, read_body, read_query
from portal.core.errors import NotFound
from portal.network import unit_below
from portal.sanctions import queries, service
from portal.sanctions.api.shapes import (
    AdoptBody,
    AppealBody,
    ApproveBody,
    CaseAnswer,
    CaseList,
    CaseQuery,
    DecideBody,
    NoteBody,
    ProposeBody,
    ReasonBody,
    StandingAnswer,
    StatementBody,
    StepList,
    case_of,
    case_shown,
    measures_of,
    standing_shown,
    step_shown,
)
from portal.sanctions.models import Case

api = ApiRoom("sanctions", __name__)


def _found(case_id: int) -> None:
    queries.get_case(current_actor(), case_id)


def _shown(case: Case, status: int = 200) -> Response:
    return answer(case_of(current_actor(), case), status)


@api.get(
    "/sanction-cases",
    needs=Permission.SANCTION_READ,
    query=CaseQuery,
    answers={200: CaseList},
    summary="The cases that I may see: headquarters' sanction people all, others their own once they are told",
)
def list_cases() -> Response:
    asked, actor = read_query(CaseQuery), current_actor()
    unit_id = None
    if asked.unit is not None:
        unit = unit_below(actor.unit_path, asked.unit)
        unit_id = unit.id if unit else -1  # a foreign or unknown unit: an empty list
    page = queries.list_cases(
        actor, state=asked.state, unit_id=unit_id, rule=asked.rule, cursor=asked.cursor, limit=asked.limit
    )
    items = [case_shown(each) for each in queries.views(actor, page.items)]
    return answer(CaseList(items=items, next_cursor=page.next_cursor))


@api.get(
    "/sanction-cases/<key:case_id>",
    needs=Permission.SANCTION_READ,
    answers={200: CaseAnswer},
    summary="One case",
)
def get_case(case_id: int) -> Response:
    return _shown(queries.get_case(current_actor(), case_id))


@api.get(
    "/sanction-cases/<key:case_id>/steps",
    needs=Permission.SANCTION_READ,
    answers={200: StepList},
    summary="Who took which step of a case when, and why",
)
def list_steps(case_id: int) -> Response:
    case = queries.get_case(current_actor(), case_id)
    return answer(StepList(items=[step_shown(each) for each in queries.steps_of(current_actor(), case)]))


@api.post(
    "/sanction-cases",
    needs=Permission.SANCTION_PROPOSE,
    body=ProposeBody,
    answers={201: CaseAnswer},
    summary="Propose a case by hand, with evidence; without measures those of the rulebook",
)
def propose() -> Response:
    body = read_body(ProposeBody)
    proposal = service.Proposal(
        rule=body.rule,
        facts=body.said,
        unit=body.unit,
        person=body.person,
        documents=body.documents or [],
        measures=measures_of(body.measures),
    )
    return _shown(service.propose(current_actor(), proposal), 201)


@api.post(
    "/sanction-cases/<key:case_id>/propose",
    needs=Permission.SANCTION_PROPOSE,
    body=AdoptBody,
    answers={200: CaseAnswer},
    summary="Adopt a draft: whoever does is its proposer, and the party is told",
)
def adopt(case_id: int) -> Response:
    _found(case_id)
    body = read_body(AdoptBody, optional=True)
    case = service.adopt(
        current_actor(),
        case_id,
        facts=body.facts,
        documents=body.documents,
        measures=measures_of(body.measures),
        note=body.note,
    )
    return _shown(case)


@api.post(
    "/sanction-cases/<key:case_id>/statement",
    needs=Permission.SANCTION_ANSWER,
    body=StatementBody,
    answers={200: CaseAnswer},
    summary="The party states its side before the decision",
)
def state_side(case_id: int) -> Response:
    _found(case_id)
    body = read_body(StatementBody)
    return _shown(service.state_side(current_actor(), case_id, body.text, body.documents or []))


@api.post(
    "/sanction-cases/<key:case_id>/approve",
    needs=Permission.SANCTION_APPROVE,
    body=ApproveBody,
    answers={200: CaseAnswer},
    summary="Approve, as proposed or with milder measures",
)
def approve(case_id: int) -> Response:
    _found(case_id)
    body = read_body(ApproveBody, optional=True)
    return _shown(service.approve(current_actor(), case_id, body.note, measures_of(body.measures)))


@api.post(
    "/sanction-cases/<key:case_id>/reject",
    needs=Permission.SANCTION_APPROVE,
    body=NoteBody,
    answers={200: CaseAnswer},
    summary="No sanction: the case ends",
)
def reject(case_id: int) -> Response:
    _found(case_id)
    body = read_body(NoteBody, optional=True)
    return _shown(service.reject(current_actor(), case_id, body.note))


@api.post(
    "/sanction-cases/<key:case_id>/return",
    needs=Permission.SANCTION_APPROVE,
    body=ReasonBody,
    answers={200: CaseAnswer},
    summary="Back to the officer, with what is lacking",
)
def give_back(case_id: int) -> Response:
    _found(case_id)
    body = read_body(ReasonBody)
    return _shown(service.give_back(current_actor(), case_id, body.reason))


@api.post(
    "/sanction-cases/<key:case_id>/serve",
    needs=Permission.SANCTION_SERVE,
    body=NoteBody,
    answers={200: CaseAnswer},
    summary="Serve the decision: the time to appeal begins",
)
def serve(case_id: int) -> Response:
    _found(case_id)
    read_body(NoteBody, optional=True)
    return _shown(service.serve(current_actor(), case_id))


@api.post(
    "/sanction-cases/<key:case_id>/acknowledge",
    needs=Permission.SANCTION_ANSWER,
    body=NoteBody,
    answers={200: CaseAnswer},
    summary="The party has the decision",
)
def acknowledge(case_id: int) -> Response:
    _found(case_id)
    read_body(NoteBody, optional=True)
    return _shown(service.acknowledge(current_actor(), case_id))


@api.post(
    "/sanction-cases/<key:case_id>/appeal",
    needs=Permission.SANCTION_ANSWER,
    body=AppealBody,
    answers={200: CaseAnswer},
    summary="The party appeals, once, with its grounds",
)
def appeal(case_id: int) -> Response:
    _found(case_id)
    body = read_body(AppealBody)
    return _shown(service.appeal(current_actor(), case_id, body.grounds))


@api.post(
    "/sanction-cases/<key:case_id>/decide",
    needs=Permission.SANCTION_DECIDE,
    body=DecideBody,
    answers={200: CaseAnswer},
    summary="Hear the appeal: upheld, varied or revoked",
)
def decide(case_id: int) -> Response:
    _found(case_id)
    body = read_body(DecideBody)
    measures = measures_of(body.measures)
    return _shown(service.decide(current_actor(), case_id, body.decision, body.note, measures))


@api.post(
    "/sanction-cases/<key:case_id>/execute",
    needs=Permission.SANCTION_EXECUTE,
    body=NoteBody,
    answers={200: CaseAnswer},
    summary="Let the measures take effect; finance executes what moves money",
)
def execute(case_id: int) -> Response:
    _found(case_id)
    read_body(NoteBody, optional=True)
    return _shown(service.execute(current_actor(), case_id))


@api.post(
    "/sanction-cases/<key:case_id>/close",
    needs=Permission.SANCTION_CLOSE,
    body=NoteBody,
    answers={200: CaseAnswer},
    summary="Nothing is left to do",
)
def close(case_id: int) -> Response:
    _found(case_id)
    body = read_body(NoteBody, optional=True)
    return _shown(service.close(current_actor(), case_id, body.note))


@api.post(
    "/sanction-cases/<key:case_id>/withdraw",
    needs=Permission.SANCTION_WITHDRAW,
    body=ReasonBody,
    answers={200: CaseAnswer},
    summary="Take the case back, from any state before it was executed",
)
def withdraw(case_id: int) -> Response:
    _found(case_id)
    body = read_body(ReasonBody)
    return _shown(service.withdraw(current_actor(), case_id, body.reason))


@api.get(
    "/units/<code>/standing",
    needs=Permission.STANDING_READ,
    answers={200: StandingAnswer},
    summary="What a unit may still do, and the cases behind it",
)
def get_standing(code: str) -> Response:
    actor = current_actor()
    unit = unit_below(actor.unit_path, code)
    if unit is None:
        raise NotFound()
    return answer(standing_shown(unit.code, queries.standing(actor, unit, clock.now())))
