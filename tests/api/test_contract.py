"""API.md word by word, where a look from outside once found a difference."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.customer_files.rules.columns import Limits
from tests.conftest import ApiClient
from tests.customer_files.filing import csv_of, row, sheet
from tests.factories import World

As = Callable[..., ApiClient]


def errors(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(each["pointer"], each["code"]) for each in answer.json["errors"]]


def test_a_pointer_leads_to_the_field_as_it_was_sent(world: World, api_as: As) -> None:
    """No name of our own kinds of values in it, and one error for each place (RFC 6901)."""
    clerk = api_as(world.actors["clerk2"])
    sent = {"month": "2026-10", "customers": [{"phone": [1]}, "x"], "a/b~c": 1}
    found = errors(clerk.post("/customer-files", json=sent))
    assert sorted(pointer for pointer, _ in found) == ["/a~1b~0c", "/customers/0/phone", "/customers/1"]
    facts = {"rule": "R047", "unit": "D2", "facts": ["", 3]}
    found = errors(api_as(world.actors["officer"]).post("/sanction-cases", json=facts))
    assert {pointer for pointer, _ in found} <= {"/facts", "/facts/0", "/facts/1"}


def test_a_nil_return_without_its_reason_names_the_reason(world: World, api_as: As) -> None:
    clerk = api_as(world.actors["clerk2"], lang="zh")
    answer = clerk.post("/customer-files", json={"month": "2026-10", "nil": True})
    assert errors(answer) == [("/reason", "required")]
    assert answer.json["errors"][0]["detail"] == "此项必填。"


def test_what_is_said_to_be_false_is_as_good_as_not_said(world: World, api_as: As) -> None:
    clerk = api_as(world.actors["clerk2"])
    sent = {"month": "2026-10", "nil": False, "parts_only": False, "customers": [row(1)]}
    assert clerk.post("/customer-files", json=sent).status_code == 202
    assert errors(clerk.post("/customer-files", json={"month": "2026-10", "nil": False}))[0][0] == ""


def test_rows_as_json_that_are_no_customers_are_named_where_they_stand(world: World, api_as: As) -> None:
    clerk = api_as(world.actors["clerk2"])
    for rows in ([], [{}]):
        answer = clerk.post("/customer-files", json={"month": "2026-10", "customers": rows})
        assert errors(answer) == [("/customers", "no_rows")]


@pytest.mark.parametrize("mapping", ['{"a\\u0000": "phone"}', '{"a": "\\ud800"}', "[" * 20_000, "NaN", "{"])
def test_a_mapping_that_is_no_json_or_no_text_is_422(world: World, api_as: As, mapping: str) -> None:
    clerk = api_as(world.actors["clerk2"])
    answer = clerk.post("/customer-files", **sheet(csv_of(row(1)), mapping=mapping))
    assert errors(answer)[0][0].startswith("/mapping")


def test_one_row_more_than_the_rulebook_takes_is_refused(
    world: World, api_as: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The title, the headings, a total and a signature are no rows of customers; the 100,001st customer is."""
    few = Limits(rows=3)
    monkeypatch.setattr("portal.customer_files.service.checking.limits_of", lambda book: few)
    clerk = api_as(world.actors["clerk2"])
    fitting = csv_of(*(row(each) for each in range(3))) + "\n合计,,,,,,3\n制表人：王芳".encode()
    assert clerk.post("/customer-files", **sheet(fitting)).json["rows"]["total"] == 3
    answer = clerk.post("/customer-files", **sheet(csv_of(*(row(each) for each in range(4)))))
    assert errors(answer) == [("/file", "too_many_rows")]


def test_a_revision_begun_before_the_return_carries_its_reasons_too(world: World, api_as: As) -> None:
    clerk, region = api_as(world.actors["clerk2"]), api_as(world.actors["region"])
    filed = clerk.post("/customer-files", json={"month": "2026-10", "customers": [row(1), row(2)]}).json["id"]
    missing = {"missing": [{"unit": "S3", "reason": "停业"}]}
    assert clerk.post(f"/customer-files/{filed}/submit", json=missing).status_code == 200
    draft = clerk.post(f"/customer-files/{filed}/revise").json["id"]
    reasons = {"reason": "请核对", "rows": [{"row": 2, "reason": "电话不通"}]}
    assert region.post(f"/customer-files/{filed}/return", json=reasons).status_code == 200
    again = clerk.post(f"/customer-files/{filed}/revise")
    assert (again.status_code, again.json["id"], again.json["return_reason"]) == (201, draft, "请核对")
    rows = clerk.get(f"/customer-files/{draft}/rows").json["items"]
    assert [each["return_reason"] for each in rows] == [None, "电话不通"]


def test_nobody_is_reminded_of_a_month_that_is_not_over(world: World, api_as: As) -> None:
    region = api_as(world.actors["region"])
    assert region.post("/consolidations/2026-10/remind", json={}).json["reminded"] == ["D1", "D2"]
    answer = region.post("/consolidations/2026-11/remind", json={})
    assert (answer.status_code, answer.json["code"]) == (409, "month_not_open")


def test_a_month_is_not_sealed_before_its_lock(world: World, api_as: As) -> None:
    answer = api_as(world.actors["supervisor"]).post("/months/2026-10/seal")
    assert (answer.status_code, answer.json["code"]) == (409, "open_visits")
    assert answer.json["locked_at"] == "2026-11-21T00:00:00+08:00"


def test_no_body_and_an_empty_one_are_the_same_body(world: World, api_as: As) -> None:
    clerk = api_as(world.actors["clerk9"])
    nil = {"month": "2026-10", "nil": True, "reason": "停业"}
    filed = clerk.post("/customer-files", json=nil).json["id"]
    key = {"Idempotency-Key": "once"}
    first = clerk.post(f"/customer-files/{filed}/submit", headers=key)
    again = clerk.post(f"/customer-files/{filed}/submit", json={}, headers=key)
    assert (first.status_code, again.status_code, again.json) == (200, 200, first.json)
