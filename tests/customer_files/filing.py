"""Files to file: rows of October 2026, and calls that every test of this room needs."""

import io
from datetime import date
from typing import Any

from portal.access import Actor
from portal.core import clock
from portal.customer_files import service
from portal.customer_files.models import CustomerFile

OCTOBER = date(2026, 10, 1)
ROW = {
    "customer_name": "王芳",
    "phone": "13000010000",
    "address": "浙江省杭州市西湖区文三路435号10栋882室",
    "product_model": "QY-8206",
    "purchase_date": "2026-10-05",
    "purchase_region": "杭州",
    "quantity": 1,
    "area": 86.5,
    "order_no": "SO1",
    "remarks": "送货上门",
}
HEADINGS = "客户姓名,联系电话,地址,产品型号,购买日期,购买区域,数量,订单号,备注"


def row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A good row; each number is another customer with another order."""
    return {
        **ROW,
        "customer_name": f"王{chr(0x4E00 + number)}",
        "phone": f"130000{10000 + number}",
        "order_no": f"SO{number}",
        **changes,
    }


def rows(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [row(number) for number in range(start, start + count)]


def csv_of(*given: dict[str, Any]) -> bytes:
    names = [
        "customer_name",
        "phone",
        "address",
        "product_model",
        "purchase_date",
        "purchase_region",
        "quantity",
        "order_no",
        "remarks",
    ]
    return "\n".join([HEADINGS, *(",".join(str(each[name]) for name in names) for each in given)]).encode()


def sheet(content: bytes, name: str = "十月.csv", **fields: str) -> dict[str, Any]:
    """Arguments of a multipart upload."""
    return {"data": {"month": "2026-10", "file": (io.BytesIO(content), name), **fields}}


def received(actor: Actor, given: list[dict[str, Any]], month: date = OCTOBER, **more: Any) -> CustomerFile:
    return service.receive_rows(actor, month=month, customers=given, received_at=clock.now(), **more).file


def submitted(actor: Actor, given: list[dict[str, Any]], month: date = OCTOBER, **more: Any) -> CustomerFile:
    """A dealer's file as it stands filed; its stores have sent nothing, for a reason."""
    file = received(actor, given, month, **more)
    submit(actor, file)
    return file


def submit(actor: Actor, file: CustomerFile, missing: dict[str, str] | None = None) -> service.Receipt:
    if missing is None:
        missing = {"D1": {"S1": "停业", "S2": "停业"}, "D2": {"S3": "停业"}}.get(actor.unit_code, {})
    return service.submit(actor, file.id, requested_at=clock.now(), missing=missing)
