"""What goes in and out of the operations on customer files."""

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from portal import network
from portal.access import Actor
from portal.core import month as months
from portal.core.api import ListQuery, Model, Moment
from portal.core.texts import language
from portal.customer_files import queries, service
from portal.customer_files.models import CustomerFile
from portal.customer_files.queries import ProblemView, RowView
from portal.customer_files.rules.moves import DealerState, Kind, RowStatus, State
from portal.customer_files.rules.problems import message
from portal.customer_files.service import Receipt

MonthText = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-10"])]
UnitCode = Annotated[str, Field(min_length=1, max_length=40)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)]
ColumnName = Annotated[str, Field(min_length=1, max_length=60)]
CellText = Annotated[str, Field(max_length=100_000)]
CellNumber = Annotated[float, Field(allow_inf_nan=False)]
CellInteger = Annotated[int, Field(ge=-(10**18), le=10**18)]
Cell = bool | CellInteger | CellNumber | CellText | None
RowNumber = Annotated[int, Field(ge=1, le=2_000_000_000)]


# --- in -------------------------------------------------------------------------------------------------------------


class UploadForm(Model):
    """The fields beside the file; `mapping` is a JSON object: heading → column, or null to leave it out."""

    month: MonthText
    unit: UnitCode | None = None
    submit: bool = False
    mapping: Annotated[str, Field(max_length=50_000)] | None = None


class Mapping(RootModel[dict[Annotated[str, Field(min_length=1, max_length=500)], ColumnName | None]]):
    """Heading → canonical column; null leaves a column out."""

    root: dict[Annotated[str, Field(min_length=1, max_length=500)], ColumnName | None] = Field(max_length=300)


class UploadBody(Model):
    """Exactly one of `customers`, `nil` (with its reason) and `parts_only`."""

    month: MonthText
    unit: UnitCode | None = None
    submit: bool = False
    nil: bool | None = None
    reason: Reason | None = None
    customers: Annotated[list[dict[ColumnName, Cell]], Field(max_length=1_000_000)] | None = None
    parts_only: bool | None = None

    @model_validator(mode="after")
    def _one_content(self) -> "UploadBody":
        if sum((bool(self.nil), self.customers is not None, bool(self.parts_only))) != 1:
            raise PydanticCustomError("one_content", "Send exactly one of customers, nil and parts_only.")
        if self.nil and self.reason is None:
            raise PydanticCustomError("required", "A nil return needs its reason.", {"field": "reason"})
        return self


class FileQuery(ListQuery):
    month: MonthText | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None
    state: State | None = None


class RowQuery(ListQuery):
    status: RowStatus | None = None


class ProblemQuery(ListQuery):
    severity: Literal["error", "warning"] | None = None


class RowBody(RootModel[dict[ColumnName, Cell]]):
    """Column → its new value."""

    root: dict[ColumnName, Cell] = Field(min_length=1, max_length=100)


class ReasonBody(Model):
    reason: Reason


class NoteBody(Model):
    note: Note = ""


class EmptyBody(Model):
    """Nothing is needed."""


class MissingUnit(Model):
    unit: UnitCode
    reason: Reason


class SubmitBody(Model):
    """A reason for each unit that sent nothing."""

    missing: list[MissingUnit] = Field(default_factory=list, max_length=2000)

    def reasons(self) -> dict[str, str]:
        return {each.unit: each.reason for each in self.missing}


class ReturnedRow(Model):
    row: RowNumber
    reason: Reason


class ReturnBody(Model):
    reason: Reason
    rows: list[ReturnedRow] = Field(default_factory=list, max_length=10_000)


class RemindBody(Model):
    """Without units: everybody who still owes."""

    units: list[UnitCode] = Field(default_factory=list, max_length=2000)
    note: Note = ""


class RegionQuery(Model):
    region: Annotated[str, Field(max_length=40)] | None = None


# --- out ------------------------------------------------------------------------------------------------------------


class RowCounts(Model):
    total: int
    good: int
    bad: int
    excluded: int
    warnings: int


class Progress(Model):
    done: int
    total: int


class PartAnswer(Model):
    unit: str
    id: str
    state: State
    rows: RowCounts


class ReceiptAnswer(Model):
    number: str
    submitted_at: Moment
    due_at: Moment
    on_time: bool


class SubmitAnswer(Model):
    receipt: ReceiptAnswer


class FileLine(Model):
    """A version in a list."""

    id: str
    unit: str
    month: str
    version: int
    state: State
    kind: Kind
    file_name: str | None
    sha256: str
    rows: RowCounts
    received_at: Moment
    receipt: ReceiptAnswer | None
    return_reason: str | None


class FileAnswer(FileLine):
    """One version. `progress` only while it is being checked; `parts` of a dealer's file."""

    progress: Progress | None
    parts: list[PartAnswer]
    nil_reason: str | None
    missing: list[MissingUnit]


class FileList(Model):
    items: list[FileLine]
    next_cursor: str | None


class ProblemAnswer(Model):
    """`row` is null for the whole file, `column` for the whole row."""

    row: int | None
    column: str | None
    code: str
    severity: Literal["error", "warning"]
    message: str
    value: str | None


class RowAnswer(Model):
    row: int
    status: RowStatus
    values: dict[str, str | int | float | None]
    problems: list[ProblemAnswer]
    reason: str | None
    return_reason: str | None


class RowList(Model):
    items: list[RowAnswer]
    next_cursor: str | None


class ProblemList(Model):
    items: list[ProblemAnswer]
    next_cursor: str | None


class MendedAnswer(Model):
    problems: list[ProblemAnswer]
    rows: RowCounts
    state: State


class DealerAnswer(Model):
    unit: str
    name: str
    state: DealerState
    customers: int
    people: int
    excluded: int
    submitted_at: Moment | None
    on_time: bool | None
    version: int | None
    due_at: Moment
    file: str | None


class BoardTotals(Model):
    dealers: int
    missing: int
    customers: int
    people: int
    excluded: int


class ConsolidationAnswer(Model):
    """A receipt of the region; number 0 is the first one, n the nth amendment."""

    number: int
    receipt: ReceiptAnswer
    customers: int
    matched: int


class BoardAnswer(Model):
    region: str
    name: str
    month: str
    state: Literal["open", "consolidated", "amendable"]
    due_at: Moment
    dealers: list[DealerAnswer]
    totals: BoardTotals
    consolidations: list[ConsolidationAnswer]


class RegionsAnswer(Model):
    regions: list[BoardAnswer]


class BoardsAnswer(RootModel[BoardAnswer | RegionsAnswer]):
    """One region, or all of those below."""


class RemindedAnswer(Model):
    reminded: list[str]
    skipped: list[str]


# --- from rows to shapes --------------------------------------------------------------------------------------------


def counts(file: CustomerFile) -> RowCounts:
    return RowCounts(
        total=file.total, good=file.good, bad=file.bad, excluded=file.excluded, warnings=file.warnings
    )


def receipt_answer(receipt: Receipt) -> ReceiptAnswer:
    return ReceiptAnswer(
        number=receipt.number,
        submitted_at=receipt.submitted_at,
        due_at=receipt.due_at,
        on_time=receipt.on_time,
    )


def line_fields(file: CustomerFile, unit_code: str) -> dict[str, Any]:
    return {
        "id": str(file.id),
        "unit": unit_code,
        "month": months.text(file.month),
        "version": file.version,
        "state": State(file.state),
        "kind": Kind(file.kind),
        "file_name": file.file_name,
        "sha256": file.sha256,
        "rows": counts(file),
        "received_at": file.received_at,
        "receipt": receipt_answer(service.receipt_of(file)) if file.receipt_number else None,
        "return_reason": file.return_reason,
    }


def file_answer(file: CustomerFile) -> FileAnswer:
    checking = file.state == State.CHECKING
    return FileAnswer(
        **line_fields(file, network.get_unit(file.unit_id).code),
        progress=Progress(done=file.progress_done, total=file.progress_total) if checking else None,
        parts=[
            PartAnswer(
                unit=part.unit.code,
                id=str(part.file.id),
                state=State(part.file.state),
                rows=counts(part.file),
            )
            for part in queries.list_parts(file)
            if part.file is not None
        ],
        nil_reason=file.nil_reason,
        missing=[MissingUnit(**each) for each in file.missing_parts or []],
    )


def labels(file: CustomerFile) -> dict[str, str]:
    """Column → its own word in the reader's language."""
    columns = service.columns_for(file.network_id, file.month)
    return {column.name: column.label(language()) for column in columns}


def problem_answer(problem: ProblemView, words: dict[str, str]) -> ProblemAnswer:
    return ProblemAnswer(
        row=problem.row,
        column=problem.column,
        code=problem.code,
        severity="error" if problem.severity == "error" else "warning",
        message=str(message(problem.code, problem.params, words.get(problem.column or "", ""))),
        value=problem.value,
    )


def row_answer(row: RowView, words: dict[str, str]) -> RowAnswer:
    return RowAnswer(
        row=row.row,
        status=row.status,
        values=dict(row.values),
        problems=[problem_answer(each, words) for each in row.problems],
        reason=row.reason,
        return_reason=row.return_reason,
    )


def sees_whole(actor: Actor) -> bool:
    return actor.sees_whole_phones
