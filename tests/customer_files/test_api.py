"""/customer-files and /consolidations as a program sees them (API.md)."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from openpyxl import load_workbook

from portal.core.db import db
from tests.conftest import ApiClient
from tests.customer_files.filing import csv_of, row, rows, sheet
from tests.factories import World

As = Callable[..., ApiClient]
MONTH = "2026-10"


def filed(api: ApiClient, given: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    response = api.post("/customer-files", json={"month": MONTH, "customers": given, **more})
    assert response.status_code == 202, response.text
    return dict(response.json)


def submit(api: ApiClient, file_id: str, *missing: str) -> Any:
    reasons = [{"unit": code, "reason": "停业"} for code in missing]
    return api.post(f"/customer-files/{file_id}/submit", json={"missing": reasons})


def test_R041_from_upload_to_receipt(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    response = api.post("/customer-files", **sheet(csv_of(row(1), row(2, phone="139")), "../十月.csv"))
    assert response.status_code == 202, response.text
    file = response.json
    assert file["file_name"] == "十月.csv"
    assert (file["unit"], file["month"], file["version"], file["state"]) == (
        "D2",
        MONTH,
        1,
        "needs_correction",
    )
    assert file["rows"] == {"total": 2, "good": 1, "bad": 1, "excluded": 0, "warnings": 0}
    problems = api.get(f"/customer-files/{file['id']}/problems").json["items"]
    assert [(each["row"], each["column"], each["code"], each["severity"]) for each in problems] == [
        (3, "phone", "invalid_phone", "error")
    ]
    assert problems[0]["value"] == "139"
    assert "8" in problems[0]["message"]
    refused = submit(api, file["id"], "S3")
    assert (refused.status_code, refused.json["code"]) == (409, "has_errors")
    mended = api.patch(f"/customer-files/{file['id']}/rows/3", json={"phone": "13900000002"})
    assert mended.status_code == 200, mended.text
    assert (mended.json["problems"], mended.json["state"], mended.json["rows"]["good"]) == ([], "ready", 2)
    refused = submit(api, file["id"])
    assert (refused.status_code, refused.json["code"], refused.json["stores"]) == (
        409,
        "stores_missing",
        ["S3"],
    )
    first = submit(api, file["id"], "S3")
    assert first.status_code == 200
    assert first.json["receipt"]["due_at"] == "2026-11-06T00:00:00+08:00"
    assert first.json["receipt"]["on_time"] is True
    assert submit(api, file["id"], "S3").json == first.json
    assert api.get(f"/customer-files/{file['id']}").json["receipt"] == first.json["receipt"]


def test_the_content_type_decides(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    for kind in ("text/csv", "application/xml", ""):
        response = api.post("/customer-files", data=b"x", content_type=kind)
        assert response.status_code == 415
    assert api.post("/customer-files", data={"month": MONTH}).status_code in (415, 422)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable"),
        ("姓名,电话\n王,1".encode(), "missing_columns"),
        (csv_of(), "no_rows"),
        (b"%PDF-1.4", "unsupported_type"),
        (csv_of({**row(1), "customer_name": "", "phone": "", "address": "", "product_model": ""}), "no_rows"),
    ],
)
def test_whole_file_codes_come_before_the_answer(world: World, api_as: As, content: bytes, code: str) -> None:
    api = api_as(world.actors["clerk2"])
    response = api.post("/customer-files", **sheet(content))
    if response.status_code == 202:  # the rules saw a customer in it
        assert response.json["rows"]["total"] > 0
        return
    assert (response.status_code, response.json["code"]) == (422, code)
    assert response.json["errors"][0]["pointer"] == "/file"
    assert api.get(f"/customer-files?month={MONTH}").json["items"] == []


def test_the_same_bytes_answer_200(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    first = api.post("/customer-files", **sheet(csv_of(row(1))))
    again = api.post("/customer-files", **sheet(csv_of(row(1)), "other.csv"))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json["id"] == again.json["id"]


def test_nil_rows_and_parts_as_json(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk"])
    nil = api.post("/customer-files", json={"month": MONTH, "nil": True, "reason": "无"})
    assert (nil.status_code, nil.json["state"], nil.json["kind"]) == (202, "ready", "nil")
    bad = [
        {"month": MONTH},
        {"month": MONTH, "nil": True},
        {"month": MONTH, "nil": True, "reason": "x", "customers": []},
        {"month": "2026-13", "customers": []},
        {"month": MONTH, "customers": []},
        {"month": MONTH, "customers": [{"colour": "x"}]},
        {"month": MONTH, "customers": rows(1), "unit": "D2"},
        {"month": MONTH, "customers": rows(1), "odd": 1},
    ]
    answers = [api.post("/customer-files", json=body) for body in bad]
    assert [each.status_code for each in answers] == [422] * len(bad)
    assert [each.json["code"] for each in answers[4:7]] == ["no_rows", "unknown_column", "unknown_unit"]
    parts = api.post("/customer-files", json={"month": MONTH, "parts_only": True})
    assert (parts.status_code, parts.json["kind"]) == (202, "parts")
    assert (
        api_as(world.actors["clerk3"])
        .post("/customer-files", json={"month": MONTH, "parts_only": True})
        .status_code
        == 422
    )


def test_a_mapping_explains_headings_and_is_remembered(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    content = csv_of(row(1)).decode().replace("客户姓名", "甲").encode()
    refused = api.post("/customer-files", **sheet(content))
    assert (refused.status_code, refused.json["code"]) == (422, "missing_columns")
    mapping = json.dumps({"甲": "customer_name"})
    assert api.post("/customer-files", **sheet(content, mapping=mapping)).status_code == 202
    assert api.post("/customer-files", **sheet(content + b"\n")).status_code == 202
    for wrong in ("{", "[]", '{"a": 1}', '{"甲": "colour"}'):
        assert api.post("/customer-files", **sheet(content, mapping=wrong)).status_code == 422


def test_exclude_and_include(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    file = filed(api, [row(1), row(2, phone="12")])
    path = f"/customer-files/{file['id']}/rows/2"
    assert api.post(f"{path}/exclude", json={}).status_code == 422
    out = api.post(f"{path}/exclude", json={"reason": "退货"}).json
    assert (out["state"], out["rows"]["excluded"]) == ("ready", 1)
    listed = api.get(f"/customer-files/{file['id']}/rows?status=excluded").json["items"]
    assert [(each["row"], each["reason"]) for each in listed] == [(2, "退货")]
    assert api.post(f"{path}/include").json["state"] == "needs_correction"
    assert api.patch(path, json={"colour": "x"}).status_code == 422
    assert api.patch(path, json={}).status_code == 422
    assert api.patch(f"/customer-files/{file['id']}/rows/99", json={}).status_code == 404


def test_before_the_submission_those_above_see_state_and_counts_alone(world: World, api_as: As) -> None:
    dealer = api_as(world.actors["clerk3"])
    file = filed(dealer, [row(1)])
    for who in ("region2", "channel", "supervisor", "agent"):
        above = api_as(world.actors[who])
        assert above.get(f"/customer-files/{file['id']}").json["rows"]["total"] == 1
        for part in ("rows", "problems", "annotated.xlsx"):
            assert above.get(f"/customer-files/{file['id']}/{part}").status_code == 404
    submit(dealer, file["id"])
    above = api_as(world.actors["region2"])
    values = above.get(f"/customer-files/{file['id']}/rows").json["items"][0]["values"]
    assert values["phone"] == "130****0001"
    assert "435" not in values["address"]
    annotated = above.get(f"/customer-files/{file['id']}/annotated.xlsx")
    assert annotated.status_code == 200
    texts = [str(cell.value) for line in load_workbook(io.BytesIO(annotated.data)).active for cell in line]
    assert row(1)["phone"] not in " ".join(texts)


def test_anothers_file_is_not_there(world: World, other: World, api_as: As) -> None:
    file = filed(api_as(world.actors["clerk3"]), [row(1)])
    for who in (
        world.actors["clerk2"],
        world.actors["region"],
        other.actors["supervisor"],
        other.actors["clerk3"],
    ):
        api = api_as(who)
        assert api.get(f"/customer-files/{file['id']}").status_code == 404
        assert api.get("/customer-files").json["items"] == []
        assert api.get("/customer-files?unit=D3").json["items"] == []
    api = api_as(world.actors["clerk2"])
    for verb in ("submit", "withdraw", "revise"):
        assert api.post(f"/customer-files/{file['id']}/{verb}", json={}).status_code == 404
    assert api.patch(f"/customer-files/{file['id']}/rows/1", json={"remarks": "x"}).status_code == 404
    assert api.get("/customer-files/none").status_code == 404


def test_nobody_above_files_for_a_dealer(world: World, api_as: As) -> None:
    file = filed(api_as(world.actors["clerk3"]), [row(1)])
    for who in ("region2", "channel", "supervisor", "agent", "executive", "admin"):
        api = api_as(world.actors[who])
        assert api.post("/customer-files", json={"month": MONTH, "customers": rows(1)}).status_code == 403
        assert api.post(f"/customer-files/{file['id']}/submit", json={}).status_code == 403
    assert api_as(world.actors["clerk3"]).post(f"/customer-files/{file['id']}/check").status_code == 403
    assert api_as(None).get("/customer-files").status_code == 401


def test_R041_check_return_revise(world: World, api_as: As) -> None:
    dealer, manager = api_as(world.actors["clerk3"]), api_as(world.actors["region2"])
    file = filed(dealer, rows(3))
    path = f"/customer-files/{file['id']}"
    assert manager.post(f"{path}/check", json={"note": "x"}).json["code"] == "wrong_state"
    submit(dealer, file["id"])
    assert manager.post(f"{path}/check", json={"note": "好"}).json["state"] == "checked"
    refused = manager.post(f"{path}/return", json={"reason": "x", "rows": [{"row": 50, "reason": "y"}]})
    assert (refused.status_code, refused.json["code"]) == (422, "unknown_row")
    returned = manager.post(f"{path}/return", json={"reason": "地址", "rows": [{"row": 2, "reason": "不全"}]})
    assert (returned.status_code, returned.json["state"]) == (200, "returned")
    assert dealer.patch(f"{path}/rows/2", json={"remarks": "x"}).json["code"] == "not_editable"
    new = dealer.post(f"{path}/revise")
    assert (new.status_code, new.json["version"], new.json["state"]) == (201, 2, "ready")
    marked = dealer.get(f"/customer-files/{new.json['id']}/rows").json["items"]
    assert [each["return_reason"] for each in marked] == [None, "不全", None]
    submit(dealer, new.json["id"])
    assert dealer.get(path).json["state"] == "superseded"
    assert (
        dealer.post(f"/customer-files/{new.json['id']}/withdraw", json={"reason": "x"}).json["state"]
        == "withdrawn"
    )


def test_R042_consolidations(world: World, api_as: As) -> None:
    dealer, manager = api_as(world.actors["clerk3"]), api_as(world.actors["region2"])
    path = f"/consolidations/{MONTH}"
    assert manager.get(path).json["dealers"][0]["state"] == "not_begun"
    assert manager.post(f"{path}/submit").json["dealers"] == ["D3"]
    assert manager.post(f"{path}/remind", json={"units": ["D3"]}).json == {"reminded": ["D3"], "skipped": []}
    assert manager.post(f"{path}/remind", json={"units": ["D1"]}).json["code"] == "unknown_unit"
    submit(dealer, filed(dealer, rows(2))["id"])
    done = manager.post(f"{path}/submit")
    assert done.status_code == 200, done.text
    assert done.json["receipt"]["due_at"] == "2026-11-09T00:00:00+08:00"
    assert manager.post(f"{path}/submit").json["code"] == "nothing_new"
    seen = manager.get(path).json
    assert (seen["region"], seen["state"], seen["totals"]["customers"]) == ("R2", "consolidated", 2)
    assert seen["dealers"][0]["state"] == "consolidated"
    for who in ("supervisor", "executive", "channel"):
        above = api_as(world.actors[who])
        assert "R2" in {each["region"] for each in above.get(path).json["regions"]}
        assert above.get(f"{path}?region=R2").json["totals"]["people"] == 2
        assert above.get(f"{path}?region=nope").status_code == 404
        assert above.post(f"{path}/submit?region=R2").status_code == 403
    assert manager.get(f"{path}?region=R1").status_code == 404
    assert api_as(world.actors["channel"]).get(f"{path}?region=R3").status_code == 404
    assert dealer.get(path).status_code == 403
    assert manager.get("/consolidations/2026-13").status_code == 422


def test_R042_the_summary_is_masked_and_recorded(world: World, api_as: As) -> None:
    dealer, manager = api_as(world.actors["clerk3"]), api_as(world.actors["region2"])
    submit(dealer, filed(dealer, [row(1, remarks="=1+1 13912345678"), row(2)])["id"])
    manager.post(f"/consolidations/{MONTH}/submit")
    for who, query in (("region2", ""), ("supervisor", "?region=R2"), ("supervisor", "")):
        made = api_as(world.actors[who]).get(f"/consolidations/{MONTH}/summary.xlsx{query}")
        assert made.status_code == 200
        lines = list(load_workbook(io.BytesIO(made.data)).active.values)
        assert len(lines) == 3
        assert row(1)["phone"] not in str(lines)
        assert "13912345678" not in str(lines)
    assert api_as(world.actors["executive"]).get(f"/consolidations/{MONTH}/summary.xlsx").status_code == 403
    world.as_("supervisor")
    looks = db.session.execute(
        db.text("SELECT count(*) FROM event WHERE action = 'consolidation:downloaded'")
    ).scalar()
    assert looks == 3


def test_the_form_can_be_filed_again(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    form = api.get("/customer-files/template.xlsx")
    assert form.status_code == 200
    book = load_workbook(io.BytesIO(form.data))
    assert len(book.active[1]) >= 12
    refused = api.post("/customer-files", **sheet(form.data, "form.xlsx"))
    assert (refused.status_code, refused.json["code"]) == (422, "no_rows")


def test_what_was_mended_in_place_stands_in_the_annotated_file(world: World, api_as: As) -> None:
    """Who mends some rows in the page and the others in the sheet loses nothing by sending the sheet again."""
    api = api_as(world.actors["clerk2"])
    sent = csv_of(row(1), row(2, phone="13"), row(3, purchase_date="下周"), row(4, quantity="两件"))
    file = api.post("/customer-files", **sheet(sent)).json
    place = f"/customer-files/{file['id']}"
    assert file["rows"]["bad"] == 3
    assert api.patch(f"{place}/rows/3", json={"phone": "13000010002"}).status_code == 200
    assert api.patch(f"{place}/rows/4", json={"purchase_date": "2026-10-09"}).status_code == 200
    made = api.get(f"{place}/annotated.xlsx").data
    again = api.post("/customer-files", **sheet(made, "十月_标注.xlsx")).json
    problems = api.get(f"/customer-files/{again['id']}/problems").json["items"]
    assert [(each["row"], each["column"]) for each in problems if each["severity"] == "error"] == [
        (5, "quantity")
    ]
    rows_now = {
        each["row"]: each["values"] for each in api.get(f"/customer-files/{again['id']}/rows").json["items"]
    }
    assert rows_now[3]["phone"] == "13000010002"
    assert rows_now[4]["purchase_date"] == "2026-10-09"
    assert rows_now[2]["customer_name"] == row(1)["customer_name"]


def test_the_annotated_file_can_be_sent_again(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    file = api.post("/customer-files", **sheet(csv_of(row(1), row(2, phone="139")))).json
    made = api.get(f"/customer-files/{file['id']}/annotated.xlsx")
    again = api.post("/customer-files", **sheet(made.data, "a.xlsx"))
    assert (again.status_code, again.json["rows"]["bad"]) == (202, 1)
    json_file = filed(api, [row(1), row(2, phone="139")])
    made = api.get(f"/customer-files/{json_file['id']}/annotated.xlsx")
    assert api.post("/customer-files", **sheet(made.data, "b.xlsx")).json["rows"]["bad"] == 1


def test_lists_are_paged_by_keyset(world: World, api_as: As) -> None:
    api = api_as(world.actors["clerk2"])
    file = filed(api, rows(5))
    found, cursor = [], ""
    while True:
        page = api.get(f"/customer-files/{file['id']}/rows?limit=2{cursor}").json
        found += [each["row"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == [1, 2, 3, 4, 5]
    filed(api, rows(6))
    assert [each["version"] for each in api.get("/customer-files?limit=1").json["items"]] == [2]
    assert api.get("/customer-files?state=superseded").json["items"][0]["version"] == 1
    assert api.get("/customer-files?cursor=x").status_code == 422
