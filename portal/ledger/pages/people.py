"""A person's commissions: one's own, anybody's for those who read the ledger at headquarters."""

from flask import Response, request
from flask_wtf import FlaskForm

from portal import accounts
from portal.access import Permission, Role, current_actor
from portal.core.errors import NotFound
from portal.core.numbers import whole
from portal.ledger import queries
from portal.ledger.forms import DepositForm
from portal.ledger.pages.door import room
from portal.ledger.pages.shown import account_page, statement_of
from portal.ledger.queries import pages as listed
from portal.ledger.rules import Owner

READS_ALL = (Role.FINANCE, Role.EXECUTIVE)


def asked_person() -> tuple[Owner, str]:
    """My own accounts, or with ?person= anybody's for those who read the ledger at headquarters. Raises NotFound."""
    actor = current_actor()
    asked = request.args.get("person", "")
    person_id = whole(asked)
    if asked and (person_id is None or (actor.role not in READS_ALL and person_id != actor.person_id)):
        raise NotFound()
    of = person_id or actor.person_id
    owner = queries.person_owner(actor.network_id, of) if of else None
    if owner is None or owner.person_id is None:
        raise NotFound()
    return owner, accounts.names_of([owner.person_id]).get(owner.person_id, "")


@room.get("/commission", needs=Permission.LEDGER_READ_PERSON)
def commission() -> str:
    return commission_page(*asked_person())


def commission_page(owner: Owner, name: str, sent: FlaskForm | None = None) -> str:
    """The page; `sent`: finance's form that came back with errors."""
    actor = current_actor()
    assert owner.person_id
    return account_page(
        owner,
        "ledger/commission.html",
        name=name,
        own=owner.person_id == actor.person_id,
        shares=listed.waiting_of(owner.person_id),
        pays=actor.may(Permission.LEDGER_POST) and owner.person_id != actor.person_id,
        form=sent or DepositForm(formdata=None, prefix="p-"),
        failed=sent,
    )


@room.get("/commission/statement.<kind>", needs=Permission.LEDGER_READ_PERSON)
def commission_statement(kind: str) -> Response:
    owner, name = asked_person()
    return statement_of(owner, name, f"person-{owner.person_id}", kind)
