"""The operations. A case that the actor may not see is a 404 before its body is read."""

from collections.abc import Callable
from typing import TypeVar

from flask import Response

from portal.access import Actor, ApiRoom, Permission, current_actor
from portal.core import clock
from portal.core.api import Model, answer, read_body, read_query
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
    ReviewBody,
    Said,
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
from portal.sanctions.rules import Decision

api = ApiRoom("sanctions", __name__)
T = TypeVar("T", bound=Model)


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


# --- steps: each is a POST on the case, with its own permission and body ----------------------------------------


def _step(
    name: str, needs: Permission, body: type[T], summary: str, *, optional: bool = False
) -> Callable[[Callable[[Actor, int, T], Case]], None]:
    """Make a step's operation of a function (actor, case, body); a case that is not seen is 404 before its body."""

    def wrap(work: Callable[[Actor, int, T], Case]) -> None:
        def take(case_id: int) -> Response:
            actor = current_actor()
            queries.get_case(actor, case_id)
            return _shown(work(actor, case_id, read_body(body, optional=optional)))

        take.__name__ = work.__name__
        path = f"/sanction-cases/<key:case_id>/{name}"
        api.post(path, needs=needs, body=body, answers={200: CaseAnswer}, summary=summary)(take)

    return wrap


@_step(
    "propose",
    Permission.SANCTION_PROPOSE,
    AdoptBody,
    "Adopt a draft: whoever does is its proposer, and the party is told",
    optional=True,
)
def adopt(actor: Actor, case_id: int, body: AdoptBody) -> Case:
    measures = measures_of(body.measures)
    return service.adopt(
        actor, case_id, facts=body.facts, documents=body.documents, measures=measures, note=body.note
    )


@_step(
    "statement", Permission.SANCTION_ANSWER, StatementBody, "The party states its side before the decision"
)
def state_side(actor: Actor, case_id: int, body: StatementBody) -> Case:
    return service.state_side(actor, case_id, body.text, body.documents or [])


@_step(
    "approve",
    Permission.SANCTION_APPROVE,
    ApproveBody,
    "Approve, as proposed or with milder measures",
    optional=True,
)
def approve(actor: Actor, case_id: int, body: ApproveBody) -> Case:
    return service.approve(actor, case_id, body.note, measures_of(body.measures))


@_step("decide", Permission.SANCTION_DECIDE, DecideBody, "Hear the appeal: upheld, varied or revoked")
def decide(actor: Actor, case_id: int, body: DecideBody) -> Case:
    return service.decide(actor, case_id, body.decision, body.note, measures_of(body.measures))


@_step(
    "review",
    Permission.SANCTION_DECIDE,
    ReviewBody,
    "What it hangs on fell: the decision stands, or falls with it and is undone",
)
def review(actor: Actor, case_id: int, body: ReviewBody) -> Case:
    return service.review(actor, case_id, Decision(body.decision), body.note)


def _say(
    name: str, needs: Permission, verb: Callable[[Actor, int, str], Case], body: type[Said], what: str
) -> None:
    """A step that takes a text and nothing else; a note may be left out."""

    def work(actor: Actor, case_id: int, said: Said) -> Case:
        return verb(actor, case_id, said.said)

    work.__name__ = verb.__name__
    _step(name, needs, body, what, optional=body is NoteBody)(work)


_say("reject", Permission.SANCTION_APPROVE, service.reject, NoteBody, "No sanction: the case ends")
_say(
    "return",
    Permission.SANCTION_APPROVE,
    service.give_back,
    ReasonBody,
    "Back to the officer, with what is lacking",
)
_say(
    "serve",
    Permission.SANCTION_SERVE,
    service.serve,
    NoteBody,
    "Serve the decision: the time to appeal begins",
)
_say("acknowledge", Permission.SANCTION_ANSWER, service.acknowledge, NoteBody, "The party has the decision")
_say(
    "appeal",
    Permission.SANCTION_ANSWER,
    service.appeal,
    AppealBody,
    "The party appeals, once, with its grounds",
)
_say(
    "execute",
    Permission.SANCTION_EXECUTE,
    service.execute,
    NoteBody,
    "Let the measures take effect; finance executes what moves money",
)
_say("close", Permission.SANCTION_CLOSE, service.close, NoteBody, "Nothing is left to do")
_say(
    "withdraw",
    Permission.SANCTION_WITHDRAW,
    service.withdraw,
    ReasonBody,
    "Take the case back, from any state before it was executed",
)


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
