"""Filing, mending, submitting: the service on the real database (R040, R041, R047, R048)."""

from datetime import date, timedelta

import pytest

from portal import clocks
from portal.clocks import Kind as Duty
from portal.core import clock
from portal.core.errors import Conflict, Invalid, NotFound
from portal.customer_files import queries, service
from portal.customer_files.rules.moves import (
    MOVES,
    DealerState,
    Move,
    RowStatus,
    State,
    Version,
    after,
    standing,
)
from tests.conftest import Hands
from tests.customer_files.filing import OCTOBER, csv_of, received, row, rows, submit, submitted
from tests.factories import World


def codes(file_id: int, **only: str) -> list[tuple[int | None, str | None, str]]:
    page = queries.list_problems(queries.get_file(file_id), whole=True, limit=200, **only)
    return [(each.row, each.column, each.code) for each in page.items]


# --- moves ----------------------------------------------------------------------------------------------------------


def test_what_was_consolidated_moves_no_more() -> None:
    assert {move for state, move in MOVES if state is State.CONSOLIDATED} == {Move.REVISE}
    with pytest.raises(Conflict) as refused:
        after(State.CONSOLIDATED, Move.WITHDRAW)
    assert refused.value.code == "wrong_state"


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], DealerState.NOT_BEGUN),
        ([State.CHECKING], DealerState.CHECKING),
        ([State.SUBMITTED, State.NEEDS_CORRECTION], DealerState.SUBMITTED),
        ([State.CONSOLIDATED, State.READY], DealerState.CONSOLIDATED),
        ([State.CONSOLIDATED, State.SUBMITTED], DealerState.SUBMITTED),
        ([State.RETURNED], DealerState.RETURNED),
        ([State.RETURNED, State.NEEDS_CORRECTION], DealerState.NEEDS_CORRECTION),
        ([State.WITHDRAWN], DealerState.NOT_BEGUN),
        ([State.SUPERSEDED, State.WITHDRAWN], DealerState.NOT_BEGUN),
    ],
)
def test_R041_where_a_dealer_stands(versions: list[State], expected: DealerState) -> None:
    given = [Version(number, number, state, nil=False) for number, state in enumerate(versions, 1)]
    assert standing(given)[0] is expected


# --- receiving ------------------------------------------------------------------------------------------------------


def test_R048_rows_become_purchases_as_they_were_read(world: World) -> None:
    file = received(world.as_("clerk"), [row(1), row(2, phone="139 0000 0002", quantity="2 台")])
    assert (file.state, file.total, file.good) == ("ready", 2, 2)
    second = queries.list_rows(file, whole=True).items[1]
    assert second.values["phone"] == "13900000002"
    assert second.values["quantity"] == 2
    assert [each.code for each in second.problems] == ["read_as"]
    assert file.warnings == 1


def test_R048_a_bad_cell_keeps_its_own_text(world: World) -> None:
    file = received(world.as_("clerk"), [row(1, quantity="两三个", purchase_date="2026-10-32")])
    assert (file.state, file.bad) == ("needs_correction", 1)
    first = queries.list_rows(file, whole=True).items[0]
    assert (first.values["quantity"], first.values["purchase_date"]) == ("两三个", "2026-10-32")


def test_the_same_bytes_twice_are_one_file(world: World) -> None:
    actor = world.as_("clerk")
    content = csv_of(row(1), row(2))
    first = service.receive_sheet(
        actor, month=OCTOBER, name="a.csv", content=content, received_at=clock.now()
    )
    again = service.receive_sheet(
        actor, month=OCTOBER, name="b.csv", content=content, received_at=clock.now()
    )
    assert again.again
    assert again.file.id == first.file.id
    other = service.receive_sheet(
        actor, month=OCTOBER, name="a.csv", content=csv_of(row(3)), received_at=clock.now()
    )
    back = service.receive_sheet(actor, month=OCTOBER, name="a.csv", content=content, received_at=clock.now())
    assert [first.file.version, other.file.version, back.file.version] == [1, 2, 3]
    assert [queries.get_file(each.file.id).state for each in (first, other, back)] == [
        "superseded",
        "superseded",
        "ready",
    ]


def test_a_refused_file_leaves_nothing_but_its_record(world: World) -> None:
    actor = world.as_("clerk")
    with pytest.raises(Invalid) as refused:
        service.receive_sheet(
            actor, month=OCTOBER, name="x.csv", content="姓名,电话\n王,1".encode(), received_at=clock.now()
        )
    assert refused.value.code == "missing_columns"
    assert queries.list_versions(actor.unit_id, OCTOBER) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd.xlsx", "passwd.xlsx"),
        ("C:\\档案\\十月.xlsx", "十月.xlsx"),
        ("a\r\nSet-Cookie: x.xlsx", "aSet-Cookie_ x.xlsx"),
        ("", "customers"),
        ("客" * 300 + ".xlsx", "客" * 145 + ".xlsx"),
        ("\u202excod.xlsx", "xcod.xlsx"),
    ],
)
def test_a_file_name_is_only_for_showing(name: str, shown: str) -> None:
    assert service.safe_name(name) == shown


def test_a_dealer_files_for_its_store_and_for_no_other(world: World) -> None:
    actor = world.as_("clerk")
    assert received(actor, rows(1), unit="S1").unit_id == world.units["S1"].id
    for code in ("S3", "D2", "R1", "nobody"):
        with pytest.raises(Invalid) as refused:
            received(actor, rows(1), unit=code)
        assert refused.value.code == "unknown_unit"


# --- windows (R041, R047) -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "code"),
    [("2026-10-31 23:59:59", "month_not_open"), ("2026-11-21 00:00:00", "month_locked")],
)
def test_R041_a_month_takes_files_from_its_end_to_its_lock(
    world: World, at: Hands, moment: str, code: str
) -> None:
    at(moment)
    with pytest.raises(Conflict) as refused:
        received(world.as_("clerk2"), rows(1))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("moment", "on_time"),
    [("2026-11-05 23:59:59", True), ("2026-11-06 00:00:00", False), ("2026-11-20 23:59:59", False)],
)
def test_R047_on_time_until_the_end_of_the_fifth(world: World, at: Hands, moment: str, on_time: bool) -> None:
    at(moment)
    actor = world.as_("clerk2")
    receipt = submit(actor, received(actor, rows(1)))
    assert receipt.on_time is on_time
    duty = clocks.find(Duty.CUSTOMER_FILE, actor.unit_id, OCTOBER)
    assert duty is not None
    assert duty.state_at(clock.now()) == ("met" if on_time else "late")


def test_R047_bytes_that_were_in_count_when_the_submission_follows_the_check(world: World, at: Hands) -> None:
    at("2026-11-05 23:58:00")
    actor = world.as_("clerk2")
    file = received(actor, rows(1))
    at("2026-11-06 00:20:00")
    assert submit(actor, file).on_time


def test_R047_a_change_after_the_deadline_counts_from_the_submission(world: World, at: Hands) -> None:
    at("2026-11-05 23:58:00")
    actor = world.as_("clerk2")
    file = received(actor, rows(2))
    at("2026-11-06 00:01:00")
    service.exclude_row(actor, file.id, 2, "退货")
    assert not submit(actor, file).on_time


# --- mending (R048) -------------------------------------------------------------------------------------------------


def test_R048_a_row_is_mended_in_place(world: World) -> None:
    actor = world.as_("clerk2")
    file = received(actor, [row(1, phone="1390000"), row(2)])
    still = service.mend_row(actor, file.id, 1, {"phone": "139000"})
    assert still.file.state == "needs_correction"
    assert [each.code for each in still.row.problems] == ["invalid_phone"]
    assert still.row.values["phone"] == "139000"
    good = service.mend_row(actor, file.id, 1, {"phone": "13900000001"})
    assert (good.file.state, good.file.bad, good.row.status) == ("ready", 0, RowStatus.GOOD)
    with pytest.raises(Invalid) as refused:
        service.mend_row(actor, file.id, 1, {"colour": "red"})
    assert refused.value.code == "unknown_column"


def test_R048_mending_makes_and_frees_duplicates(world: World) -> None:
    actor = world.as_("clerk2")
    file = received(actor, [row(1), row(2), row(1)])
    assert codes(file.id) == [(3, None, "duplicate_in_file")]
    service.mend_row(actor, file.id, 1, {"phone": "13900000009"})
    assert (file.state, [code for _, _, code in codes(file.id)]) == ("ready", ["order_no_reused"])
    service.mend_row(actor, file.id, 1, {"phone": row(1)["phone"]})
    assert codes(file.id, severity="error") == [(3, None, "duplicate_in_file")]
    service.exclude_row(actor, file.id, 1, "重复")
    assert (file.state, file.good, file.excluded) == ("ready", 2, 1)
    service.include_row(actor, file.id, 1)
    assert (file.state, file.bad) == ("needs_correction", 1)


def test_R048_one_correction_for_all_equal_values_is_remembered(world: World) -> None:
    actor = world.as_("clerk2")
    file = received(actor, [row(n, quantity="一") for n in (1, 2, 3)] + [row(4, quantity="很多")])
    wrong = {(each.column, each.value): each.count for each in queries.list_wrong_values(file)}
    if ("quantity", "一") not in wrong:
        pytest.skip("the rules read 一 as a number")
    assert service.correct_equal(actor, file.id, "quantity", "一", "1") == 3
    assert (file.bad, file.good) == (1, 3)
    later = received(actor, [row(9, quantity="一")], unit=None)
    assert later.state == "ready"
    assert codes(later.id) == [(1, "quantity", "read_as")]


def test_R048_one_correction_for_all_equal_dates(world: World) -> None:
    actor = world.as_("clerk2")
    file = received(actor, [row(n, purchase_date="十月初") for n in (1, 2, 3)])
    assert [(each.value, each.count) for each in queries.list_wrong_values(file)] == [("十月初", 3)]
    assert service.correct_equal(actor, file.id, "purchase_date", "十月初", "2026-10-01") == 3
    assert file.state == "ready"
    later = received(actor, [row(9, purchase_date="十月初")])
    assert later.state == "ready"
    assert codes(later.id) == [(1, "purchase_date", "read_as")]


def test_a_filed_file_is_not_editable(world: World) -> None:
    actor = world.as_("clerk2")
    file = submitted(actor, rows(2))
    for change in (
        lambda: service.mend_row(actor, file.id, 1, {"remarks": "x"}),
        lambda: service.exclude_row(actor, file.id, 1, "x"),
        lambda: service.include_row(actor, file.id, 1),
        lambda: service.correct_equal(actor, file.id, "remarks", "a", "b"),
    ):
        with pytest.raises(Conflict) as refused:
            change()
        assert refused.value.code == "not_editable"
    with pytest.raises(NotFound):
        service.mend_row(actor, file.id, 99, {"remarks": "x"})


def test_R048_other_files_are_compared_within_ones_own_subtree(world: World) -> None:
    submitted(world.as_("clerk3"), [row(1)])  # another dealer: must not be told of
    actor = world.as_("clerk")
    store = received(actor, [row(1), row(2), row(3)], unit="S1")
    submit(actor, store, {})
    own = received(actor, [row(1), row(2, customer_name="李四"), row(8, order_no="SO3")])
    assert set(codes(own.id)) == {
        (1, None, "duplicate_in_network"),
        (2, "phone", "phone_reused"),
        (3, "order_no", "order_no_reused"),
    }
    assert own.state == "ready"
    assert own.warnings == 3


# --- submitting -----------------------------------------------------------------------------------------------------


def test_R041_submitting_twice_gives_the_same_receipt(world: World, at: Hands) -> None:
    actor = world.as_("clerk2")
    file = received(actor, rows(2))
    first = submit(actor, file)
    at.forward(minutes=5)
    assert submit(actor, file) == first
    assert first.number == "HZ-202610-D2-01"


def test_a_file_with_errors_is_not_submitted(world: World) -> None:
    actor = world.as_("clerk2")
    with pytest.raises(Conflict) as refused:
        submit(actor, received(actor, [row(1, phone="")]))
    assert refused.value.code == "has_errors"


def test_a_store_without_a_part_needs_a_reason(world: World) -> None:
    actor = world.as_("clerk")
    submit(actor, received(actor, rows(2, 5), unit="S1"), {})
    file = received(actor, rows(1))
    with pytest.raises(Conflict) as refused:
        submit(actor, file, {})
    assert (refused.value.code, refused.value.extra["stores"]) == ("stores_missing", ["S2"])
    with pytest.raises(Invalid) as unknown:
        submit(actor, file, {"S3": "x"})
    assert unknown.value.code == "unknown_unit"
    submit(actor, file, {"S2": "停业装修"})
    assert (file.customers, file.people, file.missing_parts) == (3, 3, [{"unit": "S2", "reason": "停业装修"}])
    assert [part.unit.code for part in queries.list_parts(file)] == ["S1"]


def test_a_part_in_a_filed_file_is_not_withdrawn(world: World) -> None:
    dealer = world.as_("clerk")
    part = received(dealer, rows(2, 5), unit="S1")
    submit(dealer, part, {})
    whole = received(dealer, rows(1))
    submit(dealer, whole, {"S2": "停业"})
    store = world.as_("store")
    with pytest.raises(Conflict) as refused:
        service.withdraw(store, part.id, "错了")
    assert refused.value.code == "part_of_filed"
    service.withdraw(world.as_("clerk"), whole.id, "错了")
    assert service.withdraw(world.as_("store"), part.id, "错了").state == "withdrawn"


def test_R040_a_nil_return_is_a_file(world: World) -> None:
    actor = world.as_("clerk2")
    file = service.receive_nil(actor, month=OCTOBER, reason="本月没有客户", received_at=clock.now()).file
    assert (file.state, file.total) == ("ready", 0)
    submit(actor, file)
    assert queries.stand([file])[0] is DealerState.NIL


def test_a_withdrawn_file_reopens_the_duty(world: World) -> None:
    actor = world.as_("clerk2")
    file = submitted(actor, rows(1))
    service.withdraw(actor, file.id, "少了一户")
    duty = clocks.find(Duty.CUSTOMER_FILE, actor.unit_id, OCTOBER)
    assert duty is not None
    assert duty.closed_at is None
    again = received(actor, rows(1))
    assert again.version == 2
    submit(actor, again)
    assert duty.closed_at is not None


def test_submit_true_submits_by_itself(world: World) -> None:
    actor = world.as_("clerk3")
    assert received(actor, rows(1), submit=True).state == "submitted"
    assert received(actor, [row(1, phone="")], submit=True).state == "needs_correction"
    dealer = world.as_("clerk")
    assert received(dealer, rows(1), submit=True).state == "ready"  # its stores are missing


def test_R041_a_newer_submission_takes_the_place_of_the_filed_one(world: World) -> None:
    actor = world.as_("clerk3")
    first = submitted(actor, rows(2))
    second = received(actor, rows(3))
    assert first.state == "submitted"
    submit(actor, second)
    assert (queries.get_file(first.id).state, second.state) == ("superseded", "submitted")


# --- returned and revised -------------------------------------------------------------------------------------------


def test_R041_a_returned_file_comes_back_within_48_hours(world: World, at: Hands) -> None:
    dealer = world.as_("clerk2")
    file = submitted(dealer, rows(3))
    manager = world.as_("region")
    due_at = service.return_file(manager, file.id, "地址不全", [service.RowReason(2, "缺门牌号")])
    assert due_at == clock.now() + timedelta(hours=48)
    with pytest.raises(Invalid) as refused:
        service.return_file(manager, file.id, "x", [service.RowReason(77, "x")])
    assert refused.value.code == "unknown_row"
    dealer = world.as_("clerk2")
    assert [duty.kind for duty in clocks.duties_of(dealer.unit_id, OCTOBER)] == [Duty.RETURNED_FILE]
    new = service.revise(dealer, file.id)
    assert service.revise(dealer, file.id).id == new.id
    marked = {each.row: each.return_reason for each in queries.list_rows(new, whole=True).items}
    assert marked == {1: None, 2: "缺门牌号", 3: None}
    service.mend_row(dealer, new.id, 2, {"address": "浙江省宁波市江北区人民路 1 号 2 室"})
    submit(dealer, new)
    assert queries.get_file(file.id).state == "superseded"
    assert clocks.duties_of(dealer.unit_id, OCTOBER) == []


def test_the_lock_waits_for_a_returned_file(world: World, at: Hands) -> None:
    at("2026-11-19 12:00:00")
    file = submitted(world.as_("clerk2"), rows(3))
    at("2026-11-20 12:00:00")
    service.return_file(world.as_("region"), file.id, "地址不全")
    at("2026-11-21 12:00:00")
    dealer = world.as_("clerk2")
    submit(dealer, service.revise(dealer, file.id))
    with pytest.raises(Conflict) as refused:
        received(dealer, rows(4))
    assert refused.value.code == "month_locked"


def test_a_part_is_looked_at_with_its_dealers_file(world: World) -> None:
    part = received(world.as_("clerk"), rows(1), unit="S1")
    with pytest.raises(Conflict) as refused:
        service.check_in_order(world.as_("region"), part.id)
    assert refused.value.code == "part_of_file"


def test_another_month_is_another_file(world: World, at: Hands) -> None:
    at("2026-12-02 10:00:00")
    actor = world.as_("clerk3")
    file = received(actor, [row(1, purchase_date="2026-11-05")], date(2026, 11, 1))
    submit(actor, file)
    assert file.on_time
