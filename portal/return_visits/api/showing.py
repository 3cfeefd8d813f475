"""Visits and rectifications as the API answers them: words in the reader's language, numbers masked."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from portal import accounts, network
from portal.access import Actor
from portal.core import clock
from portal.core import month as months
from portal.core.db import within
from portal.core.masking import mask_address, mask_numbers, mask_phone
from portal.core.texts import language
from portal.return_visits import queries
from portal.return_visits.api import shapes
from portal.return_visits.models import Attempt, Rectification, RectificationRound, Visit
from portal.return_visits.queries import Calling, Purchase
from portal.return_visits.rules import desk, signals
from portal.return_visits.rules.outcomes import CALLABLE, Standing


def customer(name: str, phone: str, address: str, *, whole: bool) -> shapes.CustomerAnswer:
    if not whole:
        phone, address = mask_phone(phone), mask_address(address)
    return shapes.CustomerAnswer(name=name, phone=phone, address=address)


def visits(actor: Actor, listed: Sequence[Visit]) -> list[shapes.VisitAnswer]:
    """Masked, whoever asks: a list is no call."""
    now = clock.now()
    bought = queries.purchases_of(listed)
    units = network.units_by_id(each.unit_id for each in listed)
    names = accounts.names_of(
        {each.holder_id for each in listed if each.holder_id} | {each.pool for each in listed if each.pool}
    )
    return [
        shapes.VisitAnswer(
            **_fields(each, bought[each.id], units[each.unit_id].code, names, now, whole=False)
        )
        for each in listed
    ]


def _fields(
    visit: Visit, bought: Iterable[Purchase], unit: str, names: dict[int, str], now: datetime, *, whole: bool
) -> dict[str, object]:
    held = visit.held_at(now)
    return {
        "id": str(visit.id),
        "month": months.text(visit.month),
        "unit": unit,
        "state": visit.state_at(now),
        "customer": customer(visit.name, visit.called_phone, visit.called_address, whole=whole),
        "purchases": [_purchase(each) for each in bought],
        "attempts": visit.attempts,
        "round": visit.round,
        "next_at": visit.next_at if visit.state in CALLABLE else None,
        "lease_until": visit.lease_until if held else None,
        "holder": names.get(visit.holder_id or 0) if held else None,
        "assigned_to": names.get(visit.pool),
        "outcome": None if visit.standing == Standing.NONE else visit.standing,
        "signals": [
            shapes.SignalAnswer(
                code=each.code,
                detail=str(signals.words(each)),
                params=dict(each.params),
                records=[shapes.RecordAnswer(file=str(file_id), row=row) for file_id, row in each.records],
            )
            for each in signals.read(visit.signals)
        ],
        "weight": visit.weight,
        "waiver_reason": visit.waiver_reason,
    }


def _purchase(each: Purchase) -> shapes.PurchaseAnswer:
    return shapes.PurchaseAnswer(
        product_model=each.product_model,
        purchase_date=each.purchase_date,
        purchase_region=each.purchase_region,
        quantity=each.quantity,
        area=each.area,
        order_no=each.order_no,
        installed_on=each.installed_on,
        installer=each.installer,
        file=str(each.file_id),
        row=each.row_no,
    )


def held(actor: Actor, visit: Visit) -> shapes.HeldAnswer:
    """One visit with its history and script; number and address whole for whoever holds it."""
    now = clock.now()
    whole = visit.held_by(actor.person_id, now)
    everybody = queries.same_person(visit)
    bought = queries.purchases_of(everybody)
    unit = network.get_unit(visit.unit_id)
    names = accounts.names_of({each for each in (visit.holder_id, visit.pool) if each})
    mates = [each for each in everybody if each.joined_to == visit.id]
    mine = [*bought[visit.id], *(one for each in mates for one in bought[each.id])]
    ruled = queries.calling(actor.network_id, visit.month)
    rectification = queries.of_visit(visit.id)
    by_id = {each.id: each for each in everybody}
    return shapes.HeldAnswer(
        **_fields(visit, mine, unit.code, names, now, whole=whole),
        history=[_attempt(each, by_id[each.visit_id], whole) for each in queries.attempts_of(*by_id)],
        script=script(actor, visit, unit.name, mine, ruled),
        rectification=str(rectification.id) if rectification else None,
        together=[months.text(each.month) for each in mates],
    )


def _attempt(attempt: Attempt, of: Visit, whole: bool) -> shapes.AttemptAnswer:
    def words(text: str) -> str:
        return text if whole else mask_numbers(text)

    return shapes.AttemptAnswer(
        id=str(attempt.id),
        visit=str(attempt.visit_id),
        month=months.text(of.month),
        at=attempt.at,
        agent=attempt.agent,
        round=attempt.round,
        result=attempt.result,
        outcome=attempt.outcome,
        answers={
            name: words(value) if isinstance(value, str) else value for name, value in attempt.answers.items()
        },
        score=attempt.score,
        note=words(attempt.note),
        reason=words(attempt.reason),
        wish=words(attempt.wish),
        callback_at=attempt.callback_at,
        not_before=attempt.not_before,
        corrects=str(attempt.corrects) if attempt.corrects else None,
    )


def script(
    actor: Actor, visit: Visit, dealer: str, bought: Sequence[Purchase], ruled: Calling
) -> shapes.ScriptAnswer:
    """The rulebook's words with the names filled in, and its questions, in the reader's language."""
    lang = language()
    filled_in = desk.names(
        agent=actor.name,
        brand=actor.network_name if lang == "zh" else actor.network_name_en,
        customer=visit.name,
        dealer=dealer,
        products=(each.product_model for each in bought),
        month=visit.month,
        lang=lang,
    )
    return shapes.ScriptAnswer(
        **desk.script(ruled.book, filled_in, lang),
        questions=[
            shapes.QuestionAnswer(
                id=each.id,
                kind=each.kind,
                words=each.words.of(lang),
                required=each.required,
                choices=[shapes.ChoiceAnswer(id=one.id, label=one.label.of(lang)) for one in each.choices],
            )
            for each in ruled.book.questions
        ],
        rulebook_version=ruled.version,
    )


def rectifications(actor: Actor, listed: Sequence[Rectification]) -> list[shapes.RectificationAnswer]:
    """Whole for the dealer's people in their own rows, masked for all above."""
    whole = actor.sees_whole_phones
    ids = [each.id for each in listed]
    rounds, papers = queries.rounds_of(ids), queries.documents_of(ids)
    owed = queries.clocks_of(listed)
    with within(actor.whole_network):
        comments = queries.comment_clocks(listed)
    units = network.units_by_id(each.unit_id for each in listed)
    return [
        shapes.RectificationAnswer(
            id=str(each.id),
            visit=str(each.visit_id),
            unit=units[each.unit_id].code,
            month=months.text(each.month),
            customer=customer(each.name, each.phone, each.address, whole=whole),
            reason=each.reason,
            words=each.words if whole else mask_numbers(each.words),
            wish=each.wish if whole else mask_numbers(each.wish),
            opened_at=each.opened_at,
            due_at=owed[each.id].due_at if each.id in owed else each.due_at,
            state=each.state,
            rounds=each.rounds,
            comment_due=each.id in comments,
            comment_due_at=None if whole or each.id not in comments else comments[each.id].due_at,
            closed_at=each.closed_at,
            history=[_round(one, papers[each.id, one.number], whole) for one in rounds[each.id]],
        )
        for each in listed
    ]


def _round(one: RectificationRound, papers: Sequence[int], whole: bool) -> shapes.RoundAnswer:
    def words(text: str | None) -> str | None:
        return text if whole or text is None else mask_numbers(text)

    return shapes.RoundAnswer(
        number=one.number,
        reason=one.reason,
        words=words(one.words) or "",
        wish=words(one.wish) or "",
        opened_at=one.opened_at,
        due_at=one.due_at,
        reported_at=one.reported_at,
        reported_by=one.reported_by,
        action=words(one.action),
        result=words(one.result),
        phone=one.phone if whole or one.phone is None else mask_phone(one.phone),
        address=one.address if whole or one.address is None else mask_address(one.address),
        documents=[str(each) for each in papers],
        comment=words(one.comment),
        withdrawn=one.withdrawn_at is not None,
    )
