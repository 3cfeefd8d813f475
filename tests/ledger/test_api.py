"""The ledger by the API: who may, which fields, which codes (API.md, Sanctions and ledger)."""

import io
from datetime import timedelta

import pytest

from tests.conftest import Hands
from tests.factories import World


def money(amount: int) -> dict[str, object]:
    return {"amount": amount, "currency": "CNY"}


def pay(api, unit: str = "D1", amount: object = None, reference: str = "B-1"):
    return api.post(f"/ledger/{unit}/deposits", json={"amount": amount or money(500), "reference": reference})


def test_a_deposit_and_what_it_leaves(world: World, api_as, at: Hands) -> None:
    finance = api_as(world.actors["finance"])
    made = pay(finance)
    assert made.status_code == 201
    assert made.json["amount"] == money(500)
    assert {each["kind"]: each["balance"] for each in made.json["accounts"]}["margin"] == money(500)
    shown = finance.get("/ledger/D1").json
    assert shown["accounts"] == [
        {"kind": "margin", "balance": money(500)},
        {"kind": "margin_hold", "balance": money(0)},
        {"kind": "receivable", "balance": money(0)},
    ]
    (entry,) = finance.get("/ledger/D1/entries").json["items"]
    assert (entry["account"], entry["amount"], entry["balance"], entry["case"]) == (
        "margin",
        money(500),
        money(500),
        None,
    )
    assert entry["transaction"] == made.json["transaction"]
    again = pay(finance)
    assert (again.status_code, again.json["code"]) == (409, "reference_used")
    assert pay(finance, "D1", 300, "B-2").status_code == 201  # fen as a bare number


def test_entries_until_a_moment(world: World, api_as, at: Hands) -> None:
    finance = api_as(world.actors["finance"])
    for number in range(3):
        pay(finance, reference=f"B-{number}")
        at.forward(hours=1)
    listed = finance.get("/ledger/D1/entries").json["items"]
    until = listed[1]["at"].replace("+", "%2B")
    assert finance.get(f"/ledger/D1/entries?until={until}").json["items"] == listed[:2]
    assert finance.get(f"/ledger/D1?until={until}").json["accounts"][0]["balance"] == money(1000)
    first = finance.get("/ledger/D1/entries?limit=2").json
    assert first["items"] == listed[:2]
    assert (
        finance.get(f"/ledger/D1/entries?limit=2&cursor={first['next_cursor']}").json["items"] == listed[2:]
    )
    for wrong in ("yesterday", "0001-01-01T00:00:00%2B14:00", "2026-11-03"):
        assert finance.get(f"/ledger/D1/entries?until={wrong}").status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"amount": money(0), "reference": "B"},
        {"amount": money(-5), "reference": "B"},
        {"amount": {"amount": 5, "currency": "USD"}, "reference": "B"},
        {"amount": 5.5, "reference": "B"},
        {"amount": True, "reference": "B"},
        {"amount": {"amount": True, "currency": "CNY"}, "reference": "B"},
        {"amount": {"amount": "12", "currency": "CNY"}, "reference": "B"},
        {"amount": {"amount": 12.0, "currency": "CNY"}, "reference": "B"},
        {"amount": "5", "reference": "B"},
        {"amount": money(5), "reference": " "},
        {"amount": money(10**20), "reference": "B"},
        {"amount": money(5)},
        {"amount": money(5), "reference": "B", "posted_by": 7},
    ],
)
def test_deposits_that_are_none(world: World, api_as, body: dict[str, object]) -> None:
    assert api_as(world.actors["finance"]).post("/ledger/D1/deposits", json=body).status_code == 422


def test_who_sees_whose_money(world: World, other: World, api_as) -> None:
    pay(api_as(world.actors["finance"]))
    expected = {
        "finance": 200,
        "executive": 200,
        "principal": 200,
        "clerk": 403,
        "region": 403,
        "channel": 403,
        "officer": 403,
        "approver": 403,
        "agent": 403,
        "admin": 403,
    }
    found = {who: api_as(world.actors[who]).get("/ledger/D1").status_code for who in expected}
    assert found == expected
    assert api_as(world.actors["principal"]).get("/ledger/D2").status_code == 404
    assert api_as(other.actors["finance"]).get("/ledger/NOPE").status_code == 404
    balances = api_as(other.actors["finance"]).get("/ledger/D1").json["accounts"]
    assert {each["balance"]["amount"] for each in balances} == {0}  # its own D1
    for who in ("executive", "principal", "officer"):
        assert pay(api_as(world.actors[who]), reference=who).status_code == 403
    region = world.actors["region"]
    mine = f"/ledger/people/{region.person_id}"
    assert {
        who: api_as(world.actors[who]).get(mine).status_code
        for who in ("region", "finance", "region2", "admin")
    } == {
        "region": 200,
        "finance": 200,
        "region2": 404,
        "admin": 403,
    }
    assert [each["kind"] for each in api_as(region).get(mine).json["accounts"]] == [
        "commission_due",
        "commission_withheld",
        "receivable",
    ]


def test_a_commission_statement_by_the_api(world: World, api_as, at: Hands) -> None:
    finance = api_as(world.actors["finance"])

    def send(content: bytes, month: str = "2026-10"):
        form = {"month": month, "file": (io.BytesIO(content), "c.csv")}
        return finance.post("/ledger/commissions", data=form, content_type="multipart/form-data")

    good = f"email,amount\n{world.email('region')},100.5\n".encode()
    wrong = send(b"email,amount\nnobody@x.example,5\n")
    assert (wrong.status_code, wrong.json["code"]) == (422, "invalid_rows")
    assert wrong.json["errors"][0]["pointer"] == "/rows/2"
    done = send(good)
    assert (done.status_code, done.json["total"], done.json["people"]) == (201, money(10_050), 1)
    assert send(good).json["code"] == "already_imported"
    assert send(good, "2026-13").status_code == 422
    for ahead in ("2026-12", "2099-12"):
        early = send(good, ahead)
        assert (early.status_code, early.json["errors"][0]["pointer"]) == (422, "/month")
    assert finance.post("/ledger/commissions", json={"month": "2026-10"}).status_code == 415
    form = {"month": "2026-10"}
    lacking = finance.post("/ledger/commissions", data=form, content_type="multipart/form-data")
    assert lacking.status_code == 422


def test_the_same_deposit_sent_twice_with_a_key(world: World, api_as, at: Hands) -> None:
    finance = api_as(world.actors["finance"])
    headers = {"Idempotency-Key": "pay-1"}
    body = {"amount": money(5), "reference": "B-1"}
    first = finance.post("/ledger/D1/deposits", json=body, headers=headers)
    at(at.moment + timedelta(minutes=5))
    second = finance.post("/ledger/D1/deposits", json=body, headers=headers)
    assert (first.status_code, second.status_code, second.json) == (201, 201, first.json)
