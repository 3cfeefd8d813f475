"""/consolidations: the region's month, reminders, the summary file and its amendments."""

from flask import Response

from portal import network
from portal.access import Actor, Permission, current_actor
from portal.core import arrival
from portal.core import month as months
from portal.core.api import XLSX, answer, read_body, read_query
from portal.core.errors import FieldError, Invalid, NotFound
from portal.core.texts import lazy
from portal.customer_files import queries, service
from portal.customer_files.api import shapes
from portal.customer_files.api.files import api, attached
from portal.customer_files.api.shapes import (
    BoardAnswer,
    BoardsAnswer,
    BoardTotals,
    ConsolidationAnswer,
    DealerAnswer,
    RegionQuery,
    RegionsAnswer,
    RemindBody,
    RemindedAnswer,
    SubmitAnswer,
    SubmitBody,
)
from portal.customer_files.queries import RegionBoard
from portal.customer_files.service.consolidating import receipt_of
from portal.network import Unit


@api.get(
    "/consolidations/<month>",
    needs=Permission.CONSOLIDATION_READ,
    query=RegionQuery,
    answers={200: BoardsAnswer},
    summary="A region's month, dealer by dealer; without a region, every region below me",
)
def get_board(month: str) -> Response:
    asked = read_query(RegionQuery)
    of, actor = months.parse(month), current_actor()
    region = _region(actor, asked.region)
    if region is not None:
        return answer(board_answer(queries.region_board(region, of)))
    regions = network.units_below(actor.unit_path, kind="region")
    boards = queries.list_boards(regions, of, actor.unit_path)
    return answer(RegionsAnswer(regions=[board_answer(board) for board in boards]))


@api.post(
    "/consolidations/<month>/remind",
    needs=Permission.CONSOLIDATION_SUBMIT,
    query=RegionQuery,
    body=RemindBody,
    answers={200: RemindedAnswer},
    summary="Remind whoever still owes",
)
def remind_dealers(month: str) -> Response:
    region = _own_region(current_actor())
    of, body = months.parse(month), read_body(RemindBody, optional=True)
    done = service.remind(current_actor(), of, region, body.units, body.note)
    return answer(RemindedAnswer(reminded=done.reminded, skipped=done.skipped))


@api.post(
    "/consolidations/<month>/submit",
    needs=Permission.CONSOLIDATION_SUBMIT,
    query=RegionQuery,
    body=SubmitBody,
    answers={200: SubmitAnswer},
    summary="Send the region's files to headquarters; again: an amendment",
)
def submit_consolidation(month: str) -> Response:
    requested_at = arrival.reached()
    region = _own_region(current_actor())
    of, body = months.parse(month), read_body(SubmitBody, optional=True)
    receipt = service.consolidate(
        current_actor(), of, region, requested_at=requested_at, missing=body.reasons()
    )
    return answer(SubmitAnswer(receipt=shapes.receipt_answer(receipt)))


@api.get(
    "/consolidations/<month>/summary.xlsx",
    needs=Permission.CONSOLIDATION_EXPORT,
    query=RegionQuery,
    answers={200: XLSX},
    summary="The summary customer file",
)
def get_summary(month: str) -> Response:
    asked = read_query(RegionQuery)
    of, actor = months.parse(month), current_actor()
    region = _region(actor, asked.region)
    regions = [region] if region else network.units_below(actor.unit_path, kind="region")
    made = service.summary(actor, of, regions)
    return Response(made, mimetype=XLSX, headers=attached(f"summary-{months.text(of)}.xlsx"))


def _region(actor: Actor, code: str | None) -> Unit | None:
    """The region that is asked for, the caller's own by default; None for all below. Raises NotFound."""
    if code is None:
        return network.get_unit(actor.unit_id) if actor.unit_kind == "region" else None
    region = network.unit_below(actor.unit_path, code)
    if region is None or region.kind != "region":
        raise NotFound()
    return region


def _own_region(actor: Actor) -> Unit:
    """The one region to act for; above a region it has to be named."""
    region = _region(actor, read_query(RegionQuery).region)
    if region is None:
        words = lazy("Say for which region: ?region=")
        raise Invalid("invalid", words, [FieldError("/region", "required", words)])
    return region


def board_answer(board: RegionBoard) -> BoardAnswer:
    return BoardAnswer(
        region=board.region.code,
        name=board.region.name,
        month=months.text(board.month),
        state=board.state,
        due_at=board.due_at,
        dealers=[
            DealerAnswer(
                unit=line.unit.code,
                name=line.unit.name,
                state=line.state,
                customers=line.customers,
                people=line.people,
                excluded=line.excluded,
                submitted_at=line.submitted_at,
                on_time=line.on_time,
                version=line.version,
                due_at=line.due_at,
                file=str(line.file.id) if line.file else None,
            )
            for line in board.dealers
        ],
        totals=BoardTotals(
            dealers=len(board.dealers),
            missing=len(board.missing),
            customers=board.customers,
            people=board.people,
            excluded=board.excluded,
        ),
        consolidations=[
            ConsolidationAnswer(
                number=each.number,
                receipt=shapes.receipt_answer(receipt_of(each)),
                customers=each.customers,
                matched=each.matched,
            )
            for each in board.consolidations
        ],
    )
