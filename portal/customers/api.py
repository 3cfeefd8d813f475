"""GET /customers: the customers that I may see, by dealer, or by a part of what is known of them."""

from datetime import date

from flask import Response
from pydantic import Field

from portal.access import ApiRoom, Permission, current_actor
from portal.core import month as months
from portal.core.api import ListQuery, Model, answer, read_query
from portal.customers import queries, rules
from portal.customers.rules import Person

api = ApiRoom("customers", __name__)


class CustomerQuery(ListQuery):
    q: str = Field("", max_length=200)
    month: str | None = Field(None, max_length=20)
    unit: str | None = Field(None, max_length=40)
    model: str | None = Field(None, max_length=100)


class PurchaseAnswer(Model):
    month: str
    product_model: str
    purchase_date: date | None
    quantity: int | None
    order_no: str
    file: str
    row: int


class CustomerAnswer(Model):
    id: str
    name: str
    phone: str
    address: str
    unit: str
    submitted: bool
    purchases: list[PurchaseAnswer]


class CustomerList(Model):
    items: list[CustomerAnswer]
    next_cursor: str | None
    narrow: bool = Field(description="There are more hits than these: narrow the words.")


@api.get(
    "/customers",
    needs=Permission.CUSTOMER_READ,
    query=CustomerQuery,
    answers={200: CustomerList},
    summary="Customers with their purchases, by part of name, address, order number or phone",
)
def list_customers() -> Response:
    asked = read_query(CustomerQuery)
    actor = current_actor()
    month = months.parse(asked.month) if asked.month else None
    found = queries.find(
        actor,
        q=asked.q,
        month=month,
        unit=asked.unit,
        model=asked.model,
        cursor=asked.cursor,
        limit=asked.limit,
    )
    items = [_answered(rules.as_seen(each, whole=actor.sees_whole_phones)) for each in found.items]
    return answer(CustomerList(items=items, next_cursor=found.next_cursor, narrow=found.narrow))


def _answered(person: Person) -> CustomerAnswer:
    return CustomerAnswer(
        id=person.id,
        name=person.name,
        phone=person.phone,
        address=person.address,
        unit=person.unit_code,
        submitted=not person.draft,
        purchases=[
            PurchaseAnswer(
                month=months.text(each.month),
                product_model=each.product_model,
                purchase_date=each.purchase_date,
                quantity=each.quantity,
                order_no=each.order_no,
                file=str(each.file_id),
                row=each.row_no,
            )
            for each in person.purchases
        ],
    )
