"""/customer-files: a file comes in, is mended, submitted, taken back, looked at, returned and revised."""

from flask import Response, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from portal import accounts, network
from portal.access import ApiRoom, Permission, current_actor
from portal.core import arrival, clock
from portal.core import month as months
from portal.core.api import (
    JSON,
    MULTIPART,
    XLSX,
    Unsupported,
    answer,
    invalid,
    parse_json,
    read_body,
    read_form,
    read_query,
)
from portal.core.errors import FieldError, Invalid, NotFound
from portal.core.texts import lazy
from portal.customer_files import queries, service
from portal.customer_files.api import shapes
from portal.customer_files.api.shapes import (
    EmptyBody,
    FileAnswer,
    FileLine,
    FileList,
    FileQuery,
    Mapping,
    MendedAnswer,
    NoteBody,
    ProblemList,
    ProblemQuery,
    ReasonBody,
    ReturnBody,
    RowBody,
    RowList,
    RowQuery,
    SubmitAnswer,
    SubmitBody,
    UploadBody,
    UploadForm,
)
from portal.customer_files.rules.moves import State
from portal.customer_files.service import Mended, Received, RowReason

api = ApiRoom("customer_files", __name__)


@api.post(
    "/customer-files",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=UploadBody,
    form=UploadForm,
    files=("file",),
    answers={200: FileAnswer, 202: FileAnswer},
    summary="File a month: a spreadsheet, rows, a nil return, or the stores' parts alone",
)
def upload() -> Response:
    if request.mimetype == MULTIPART:
        accounts.count(f"uploads:{current_actor().token_id}", accounts.UPLOADS, clock.now())
        received = _upload_sheet()
    elif request.mimetype == JSON:
        received = _upload_json()
    else:
        raise Unsupported(MULTIPART, JSON)
    return answer(shapes.file_answer(received.file), 200 if received.again else 202)


def _upload_sheet() -> Received:
    try:
        form = read_form(UploadForm)
        sent = request.files.get("file")
    except RequestEntityTooLarge as error:
        words = lazy("The file is larger than what one upload may hold: keep only the customers' sheet.")
        raise Invalid("too_large", words, [FieldError("/file", "too_large", words)]) from error
    if sent is None:
        words = lazy("Choose a file.")
        raise Invalid("invalid", words, [FieldError("/file", "required", words)])
    mapping = _mapping(form.mapping)
    name = sent.filename or ""
    content = sent.stream.read()
    return service.receive_sheet(
        current_actor(),
        month=months.parse(form.month),
        name=name,
        content=content,
        received_at=arrival.bytes_in(),
        unit=form.unit,
        mapping=mapping,
        submit=form.submit,
    )


def _mapping(written: str | None) -> dict[str, str | None] | None:
    if written is None:
        return None
    given = parse_json(written, "/mapping")
    try:
        return Mapping.model_validate(given).root
    except ValidationError as error:
        raise invalid(error, given, "/mapping") from error


def _upload_json() -> Received:
    body = read_body(UploadBody)
    actor, month, now = current_actor(), months.parse(body.month), arrival.bytes_in()
    if body.customers is not None:
        return service.receive_rows(
            actor, month=month, customers=body.customers, received_at=now, unit=body.unit, submit=body.submit
        )
    if body.nil:
        return service.receive_nil(
            actor, month=month, reason=body.reason or "", received_at=now, unit=body.unit, submit=body.submit
        )
    return service.receive_parts_only(actor, month=month, received_at=now, unit=body.unit, submit=body.submit)


@api.get(
    "/customer-files",
    needs=Permission.CUSTOMER_FILE_READ,
    query=FileQuery,
    answers={200: FileList},
    summary="Every version that I may see, the newest first",
)
def list_files() -> Response:
    asked = read_query(FileQuery)
    page = queries.list_files(
        current_actor(),
        month=months.parse(asked.month) if asked.month else None,
        unit=asked.unit,
        state=asked.state,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    units = network.units_by_id(file.unit_id for file in page.items)
    items = [FileLine(**shapes.line_fields(file, units[file.unit_id].code)) for file in page.items]
    return answer(FileList(items=items, next_cursor=page.next_cursor))


@api.get(
    "/customer-files/template.xlsx",
    needs=Permission.CUSTOMER_FILE_READ,
    answers={200: XLSX},
    summary="The empty form of the running month",
)
def get_template() -> Response:
    return Response(service.template(current_actor()), mimetype=XLSX, headers=attached("customers.xlsx"))


def attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


@api.get(
    "/customer-files/<key:file_id>/annotated.xlsx",
    needs=Permission.CUSTOMER_FILE_READ,
    answers={200: XLSX},
    summary="The sheet as sent, bad cells marked and explained",
)
def get_annotated(file_id: int) -> Response:
    return Response(
        service.annotated(current_actor(), file_id),
        mimetype=XLSX,
        headers=attached(f"annotated-{file_id}.xlsx"),
    )


@api.get(
    "/customer-files/<key:file_id>",
    needs=Permission.CUSTOMER_FILE_READ,
    answers={200: FileAnswer},
    summary="One version, with its progress while it is being checked",
)
def get_file(file_id: int) -> Response:
    return answer(shapes.file_answer(queries.get_file(file_id)))


@api.get(
    "/customer-files/<key:file_id>/rows",
    needs=Permission.CUSTOMER_FILE_READ,
    query=RowQuery,
    answers={200: RowList},
    summary="The rows; for those above once it is submitted, with phones and addresses masked",
)
def list_rows(file_id: int) -> Response:
    actor = current_actor()
    file = queries.get_file_with_rows(actor, file_id)
    asked = read_query(RowQuery)
    page = queries.list_rows(
        file, whole=shapes.sees_whole(actor), status=asked.status, cursor=asked.cursor, limit=asked.limit
    )
    words = shapes.labels(file)
    return answer(
        RowList(items=[shapes.row_answer(row, words) for row in page.items], next_cursor=page.next_cursor)
    )


@api.get(
    "/customer-files/<key:file_id>/problems",
    needs=Permission.CUSTOMER_FILE_READ,
    query=ProblemQuery,
    answers={200: ProblemList},
    summary="What is wrong or worth a look, and how to mend it",
)
def list_problems(file_id: int) -> Response:
    actor = current_actor()
    file = queries.get_file_with_rows(actor, file_id)
    asked = read_query(ProblemQuery)
    page = queries.list_problems(
        file, whole=shapes.sees_whole(actor), severity=asked.severity, cursor=asked.cursor, limit=asked.limit
    )
    words = shapes.labels(file)
    items = [shapes.problem_answer(problem, words) for problem in page.items]
    return answer(ProblemList(items=items, next_cursor=page.next_cursor))


@api.patch(
    "/customer-files/<key:file_id>/rows/<key:row>",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=RowBody,
    answers={200: MendedAnswer},
    summary="Mend a row in place",
)
def mend_row(file_id: int, row: int) -> Response:
    _must_have(file_id, row)
    body = read_body(RowBody)
    return _mended(service.mend_row(current_actor(), file_id, row, body.root))


@api.post(
    "/customer-files/<key:file_id>/rows/<key:row>/exclude",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=ReasonBody,
    answers={200: MendedAnswer},
    summary="Leave a row out, with the reason that those above will see",
)
def exclude_row(file_id: int, row: int) -> Response:
    _must_have(file_id, row)
    body = read_body(ReasonBody)
    return _mended(service.exclude_row(current_actor(), file_id, row, body.reason))


@api.post(
    "/customer-files/<key:file_id>/rows/<key:row>/include",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=EmptyBody,
    answers={200: MendedAnswer},
    summary="Take a row in again",
)
def include_row(file_id: int, row: int) -> Response:
    _must_have(file_id, row)
    read_body(EmptyBody, optional=True)
    return _mended(service.include_row(current_actor(), file_id, row))


def _must_have(file_id: int, row: int) -> None:
    """404 before the fields are looked at."""
    if not queries.known_rows(queries.get_file(file_id).id, [row]):
        raise NotFound()


def _mended(mended: Mended) -> Response:
    words = shapes.labels(mended.file)
    problems = [shapes.problem_answer(each, words) for each in mended.row.problems]
    return answer(
        MendedAnswer(problems=problems, rows=shapes.counts(mended.file), state=State(mended.file.state))
    )


@api.post(
    "/customer-files/<key:file_id>/submit",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=SubmitBody,
    answers={200: SubmitAnswer},
    summary="Submit it; twice gives the same receipt",
)
def submit(file_id: int) -> Response:
    requested_at = arrival.reached()
    queries.get_file(file_id)
    body = read_body(SubmitBody, optional=True)
    receipt = service.submit(current_actor(), file_id, requested_at=requested_at, missing=body.reasons())
    return answer(SubmitAnswer(receipt=shapes.receipt_answer(receipt)))


@api.post(
    "/customer-files/<key:file_id>/withdraw",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=ReasonBody,
    answers={200: FileAnswer},
    summary="Take it back before it is consolidated; the duty is open again",
)
def withdraw(file_id: int) -> Response:
    queries.get_file(file_id)
    body = read_body(ReasonBody)
    return answer(shapes.file_answer(service.withdraw(current_actor(), file_id, body.reason)))


@api.post(
    "/customer-files/<key:file_id>/check",
    needs=Permission.CUSTOMER_FILE_CHECK,
    body=NoteBody,
    answers={200: FileAnswer},
    summary="In order",
)
def check(file_id: int) -> Response:
    queries.get_file(file_id)
    body = read_body(NoteBody, optional=True)
    return answer(shapes.file_answer(service.check_in_order(current_actor(), file_id, body.note)))


@api.post(
    "/customer-files/<key:file_id>/return",
    needs=Permission.CUSTOMER_FILE_CHECK,
    body=ReturnBody,
    answers={200: FileAnswer},
    summary="Back to the dealer, with reasons",
)
def return_file(file_id: int) -> Response:
    queries.get_file(file_id)
    body = read_body(ReturnBody)
    rows = [RowReason(each.row, each.reason) for each in body.rows]
    service.return_file(current_actor(), file_id, body.reason, rows)
    return answer(shapes.file_answer(queries.get_file(file_id)))


@api.post(
    "/customer-files/<key:file_id>/revise",
    needs=Permission.CUSTOMER_FILE_SUBMIT,
    body=EmptyBody,
    answers={201: FileAnswer},
    summary="The next version with the same rows, to mend in place",
)
def revise(file_id: int) -> Response:
    queries.get_file(file_id)
    read_body(EmptyBody, optional=True)
    return answer(shapes.file_answer(service.revise(current_actor(), file_id)), 201)
