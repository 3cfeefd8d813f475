"""Filed files for these tests, written straight into the tables: what filing itself does is tested in its own room."""

from datetime import date

from sqlalchemy import text

from portal import customers
from portal.core.db import db, finish
from tests.factories import World

OCTOBER = date(2026, 10, 1)
SEPTEMBER = date(2026, 9, 1)
WANG = {"customer_name": "王建国", "phone": "13812345678", "address": "浙江省杭州市西湖区文三路128号5栋2单元"}
LI = {"customer_name": "李梅", "phone": "13987654321", "address": "浙江省杭州市余杭区良睦路9号"}
_FILE = text(
    """
    INSERT INTO customer_file (network_id, unit_path, unit_id, month, version, kind, state, sha256, size, received_at,
                               total, good, submitted_at, receipt_number)
    SELECT u.network_id, u.unit_path, u.id, :month,
           1 + (SELECT count(*) FROM customer_file f WHERE f.unit_id = u.id AND f.month = :month), 'rows', :state, '',
           0, now(), :rows, :rows, CASE WHEN :filed THEN now() END, CASE WHEN :filed THEN :receipt END
    FROM unit u WHERE u.code = :unit AND u.network_id = :network
    RETURNING id
    """
)
_ROW = text(
    """
    INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
                                   product_model, purchase_date, quantity, order_no)
    SELECT network_id, unit_path, id, :row_no, :status, :customer_name, :phone, :address, :product_model,
           :purchase_date, :quantity, :order_no
    FROM customer_file WHERE id = :file
    """
)


def a_file(
    world: World, unit: str, rows: list[dict], *, month: date = OCTOBER, state: str = "submitted"
) -> int:
    """A file of this unit with these rows, as seen by whoever acts; nobody has been taken in yet."""
    filed = state not in ("checking", "needs_correction", "ready")
    given = {
        "network": world.network.id,
        "unit": unit,
        "month": month,
        "state": state,
        "rows": len(rows),
        "filed": filed,
        "receipt": f"HZ-{unit}-{month}-{len(rows)}-{state}-{id(rows)}",
    }
    file_id = db.session.scalar(_FILE, given)
    for number, row in enumerate(rows, 2):
        values = {
            "row_no": number,
            "status": "good",
            "product_model": "KT-60A",
            "purchase_date": month.replace(day=12),
            "quantity": 1,
            "order_no": "",
            "file": file_id,
        }
        db.session.execute(_ROW, values | row)
    finish(good=True)
    return file_id


def filed(world: World, who: str, unit: str, rows: list[dict], *, month: date = OCTOBER) -> int:
    """Submitted and taken in."""
    actor = world.as_(who)
    file_id = a_file(world, unit, rows, month=month)
    customers.take_in(actor, [file_id])
    finish(good=True)
    return file_id


def becomes(file_id: int, state: str) -> None:
    db.session.execute(
        text("UPDATE customer_file SET state = :state WHERE id = :id"), {"state": state, "id": file_id}
    )
    finish(good=True)
