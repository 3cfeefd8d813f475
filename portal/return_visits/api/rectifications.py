"""/rectifications: what dealers put right."""

from flask import Response

from portal.access import Permission, current_actor
from portal.core.api import answer, read_query
from portal.return_visits import queries, service
from portal.return_visits.api import showing
from portal.return_visits.api.shapes import (
    CommentBody,
    RectificationAnswer,
    RectificationList,
    RectificationQuery,
    ReportBody,
)
from portal.return_visits.api.steps import Steps, api
from portal.return_visits.models import Rectification
from portal.return_visits.service import Report

LONGEST_ID = 18  # digits
rectification_step = Steps("/rectifications/<key:rectification_id>", queries.get_rectification)


@api.get(
    "/rectifications",
    needs=Permission.RECTIFICATION_READ,
    query=RectificationQuery,
    answers={200: RectificationList},
    summary="What is to be put right, the earliest limit first",
)
def list_rectifications() -> Response:
    asked, actor = read_query(RectificationQuery), current_actor()
    page = queries.list_rectifications(
        actor, state=asked.state, unit=asked.unit, cursor=asked.cursor, limit=asked.limit
    )
    items = showing.rectifications(actor, page.items)
    return answer(RectificationList(items=items, next_cursor=page.next_cursor))


@api.get(
    "/rectifications/<key:rectification_id>",
    needs=Permission.RECTIFICATION_READ,
    answers={200: RectificationAnswer},
    summary="One of them, with its rounds",
)
def get_rectification(rectification_id: int) -> Response:
    return answer(_shown(queries.get_rectification(rectification_id)))


@rectification_step(
    "report",
    Permission.RECTIFICATION_REPORT,
    ReportBody,
    RectificationAnswer,
    "What was done; headquarters visits the customer again",
)
def report(found: Rectification, body: ReportBody) -> RectificationAnswer:
    said = Report(
        action=body.action,
        result=body.result,
        phone=body.phone,
        address=body.address,
        documents=[_key(each) for each in body.documents],
    )
    return _shown(service.report(current_actor(), found.id, said))


@rectification_step(
    "comment",
    Permission.RECTIFICATION_COMMENT,
    CommentBody,
    RectificationAnswer,
    "The superior's word on a round",
)
def comment(found: Rectification, body: CommentBody) -> RectificationAnswer:
    return _shown(service.comment(current_actor(), found.id, body.comment))


def _key(written: str) -> int:
    """An opaque id as ours, or -1 for what is none."""
    good = written.isascii() and written.isdigit() and len(written) <= LONGEST_ID
    return int(written) if good else -1


def _shown(found: Rectification) -> RectificationAnswer:
    return showing.rectifications(current_actor(), [found])[0]
