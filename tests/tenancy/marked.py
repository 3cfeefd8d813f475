"""A dealer whose every text is unique, so that it is known wherever it comes out; with something in every room."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from portal.core.db import db, look_as
from tests.conftest import ApiClient
from tests.customer_files.filing import HEADINGS
from tests.factories import World

MONTH = "2026-10"
COMMON = "鹤鸣"
"""Stands in every mark: what a sibling may search for."""
TABLES = {
    "file_id": "customer_file",
    "visit_id": "visit",
    "rectification_id": "rectification",
    "obligation_id": "obligation",
    "case_id": "sanction_case",
    "effect_id": "sanction_effect",
    "document_id": "document",
    "customer_id": "customer",
    "notice_id": "notice",
    "transaction_id": "ledger_transaction",
}
"""A path parameter's name → the table whose ids it takes."""


@dataclass
class Marked:
    """What the dealer D1 (and its store S1) has: the marks in its texts, and what an address may name."""

    marks: list[str] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)

    def mark(self, word: str) -> str:
        self.marks.append(f"{COMMON}{word}{len(self.marks):03d}X")
        return self.marks[-1]


def done(answer: Any, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200, 201, 202)), (
        answer.request.path,
        answer.status_code,
        answer.text,
    )
    return answer.json


def a_sheet(of: Marked, numbers: range, *, faulty: bool = False) -> bytes:
    lines = [HEADINGS]
    for number in numbers:
        model, region, order, remarks = (of.mark(word) for word in ("型号", "区域", "单号", "备注"))
        phone = f"1371234{number:04d}"
        of.marks.append(phone)
        name, address = of.mark("姓名"), f"浙江省杭州市西湖区{of.mark('地址')}路{number}号"
        when = "" if faulty and number == numbers[0] else "2026-10-05"
        lines.append(f"{name},{phone},{address},{model},{when},{region},1,{order},{remarks}")
    return "\n".join(lines).encode()


def furnish(world: World, api_as: Callable[..., ApiClient]) -> Marked:
    """Take D1's October through every state that leaves a text somewhere."""
    it = Marked()
    clerk, store, region, officer, agent = (
        api_as(world.actors[who]) for who in ("clerk", "store", "region", "officer", "agent")
    )

    def upload(client: ApiClient, content: bytes) -> dict[str, Any]:
        sent = {"month": MONTH, "file": (io.BytesIO(content), f"{it.mark('文件')}.csv")}
        return dict(done(client.post("/customer-files", data=sent)))

    def submit(client: ApiClient, file: str, **missing: str) -> None:
        body = {"missing": [{"unit": unit, "reason": reason} for unit, reason in missing.items()]}
        receipt = done(client.post(f"/customer-files/{file}/submit", json=body))["receipt"]
        it.receipts.append(receipt["number"])

    submit(store, upload(store, a_sheet(it, range(2)))["id"])
    nil = done(store.post("/customer-files", json={"month": MONTH, "nil": True, "reason": it.mark("零申报")}))
    upload(store, a_sheet(it, range(2, 4)))
    first = upload(clerk, a_sheet(it, range(10, 13), faulty=True))["id"]
    row = done(clerk.get(f"/customer-files/{first}/rows?status=bad"))["items"][0]["row"]
    done(clerk.post(f"/customer-files/{first}/rows/{row}/exclude", json={"reason": it.mark("不报")}))
    submit(clerk, first, S2=it.mark("门店缺"))
    done(region.post(f"/customer-files/{first}/check", json={"note": it.mark("审核")}))
    rows = [{"row": row + 1, "reason": it.mark("行退回")}]
    done(region.post(f"/customer-files/{first}/return", json={"reason": it.mark("退回"), "rows": rows}))
    second = done(clerk.post(f"/customer-files/{first}/revise"))["id"]
    submit(clerk, second, S2=it.mark("门店缺"))
    done(clerk.post(f"/customer-files/{second}/withdraw", json={"reason": it.mark("撤回")}))
    done(region.post(f"/consolidations/{MONTH}/remind", json={"units": ["D1"], "note": it.mark("催报")}))
    third = upload(clerk, a_sheet(it, range(20, 23)))["id"]
    submit(clerk, third, S2=it.mark("门店缺"))
    body = {"missing": [{"unit": "D2", "reason": "停业"}]}
    it.receipts.append(done(region.post(f"/consolidations/{MONTH}/submit", json=body))["receipt"]["number"])
    upload(clerk, a_sheet(it, range(30, 32), faulty=True))
    photo = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(photo, "JPEG")
    photo.seek(0)
    done(clerk.post("/documents", data={"file": (photo, f"{it.mark('照片')}.jpg")}))
    for _ in range(2):
        visit = done(agent.post("/return-visits/next"))
        said = {"result": "reached", "outcome": "unsatisfied", "note": it.mark("回访"), "answers": {}}
        done(agent.post(f"/return-visits/{visit['id']}/attempts", json=said))
    money = {"amount": {"amount": 500_000, "currency": "CNY"}, "reference": it.mark("保证金")}
    done(api_as(world.actors["finance"]).post("/ledger/D1/deposits", json=money))
    case = {"rule": "R033", "unit": "D1", "facts": it.mark("事实")}
    number = done(officer.post("/sanction-cases", json=case))["id"]
    hand_on(world, int(number), it.mark("落实"))
    assert nil["kind"] == "nil"
    db.session.expire_all()
    return it


def hand_on(world: World, case_id: int, note: str) -> None:
    """A measure of the case that people carry out, as its execution would leave it."""
    look_as(world.actors["officer"].scope)
    db.session.execute(
        db.text(
            """INSERT INTO sanction_effect (network_id, unit_path, case_id, round, place, about_unit_id, kind,
                                            applied_at, settled_at, act_due_at, act_note)
               SELECT network_id, unit_path, id, 1, 1, about_unit_id, 'referred_to_legal', told_at, told_at,
                      told_at + interval '14 days', :note
               FROM sanction_case WHERE id = :id"""
        ),
        {"id": case_id, "note": note},
    )


def objects(world: World) -> dict[str, list[tuple[str, str]]]:
    """Path parameter → (id, unit path) of some things at D1 and below, and of what is above it in the same tree."""
    look_as(world.actors["supervisor"].scope)
    found: dict[str, list[tuple[str, str]]] = {}
    low, high = world.units["D1"].unit_path, world.units["D1"].unit_path.rstrip(".") + "/"
    for name, table in TABLES.items():
        found[name] = _some(table, low, high) or _some(
            table, world.network.root_path, "9"
        )  # kept by headquarters
    cases = db.session.execute(
        db.text("SELECT number, unit_path FROM sanction_case WHERE number IS NOT NULL")
    ).all()
    found["case_number"] = [(number, path) for number, path in cases]
    return found


def _some(table: str, low: str, high: str) -> list[tuple[str, str]]:
    rows = db.session.execute(
        db.text(
            f"""SELECT id::text, unit_path FROM (
                    SELECT id, unit_path, row_number() OVER (PARTITION BY unit_path ORDER BY id) AS place
                    FROM {table} WHERE unit_path >= :low AND unit_path < :high) AS numbered
                WHERE place <= 3 ORDER BY id"""
        ),
        {"low": low, "high": high},
    ).all()
    return [(key, path) for key, path in rows]
