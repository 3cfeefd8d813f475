"""First, second, third: by rule or by a group of rules, for units and for persons (R015 is the pattern)."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from portal import rulebook, sanctions
from portal.rulebook import Measure, Rulebook
from tests.conftest import Hands
from tests.factories import World
from tests.sanctions.court import Court

LADDER = (
    (Measure(kind="warning"),),
    (Measure(kind="circular"),),
    (Measure(kind="compensation_claimed", amount=100_000),),
)
STEPS = ["warning", "circular", "compensation_claimed"]
GROUPED = {"customer_file_missing", "brand_damaged", "consolidation_missing", "assisted_fraud"}


def climbing(book: Rulebook, group: str | None) -> Rulebook:
    """The same rulebook in which four rules have a ladder for everybody who answers, alone or in one group."""
    breaches = []
    for each in book.sanctions.breaches:
        if each.key in GROUPED:
            answers = tuple(
                one.model_copy(update={"measures": (), "ladder": LADDER}) for one in each.answerable
            )
            breaches.append(each.model_copy(update={"group": group, "answerable": answers}))
        else:
            breaches.append(each)
    assert {each.key for each in breaches} >= GROUPED
    return book.model_copy(
        update={"sanctions": book.sanctions.model_copy(update={"breaches": tuple(breaches)})}
    )


@pytest.fixture
def ruled(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    def rule(group: str | None) -> None:
        world.as_("officer")
        found = rulebook.in_force(world.network.id, date(2026, 10, 1))
        book = climbing(found.book, group)
        monkeypatch.setattr(rulebook, "at_version", lambda *_: book)
        monkeypatch.setattr(rulebook, "in_force", lambda *_: type(found)(found.version, book))

    return rule


def decided(court: Court, **body: Any) -> dict[str, Any]:
    """Proposed by the rulebook's own measures, and approved."""
    case = court.propose(**body)
    court.heard(case["id"])
    return case


def step(case: dict[str, Any]) -> tuple[int, list[str]]:
    return case["step"], [each["kind"] for each in case["measures"]]


def breach(world: World, rule: str, requirement: str, unit: str, at: Hands, n: int) -> None:
    """The clock finds a broken rule."""
    actor = world.as_("officer")
    by = [(f"test:{n}", world.units[unit].id)]
    sanctions.report_breaches(actor, [sanctions.Report(rule, requirement, 1, at.moment, by)], at.moment)


def test_R015_units_climb_one_ladder_of_a_group_of_rules(
    world: World, court: Court, at: Hands, ruled: Callable[[str | None], None]
) -> None:
    ruled("dealers")
    assert step(decided(court, rule="R033", unit="D1")) == (1, ["warning"])
    breach(world, "customer_file_missing", "R047", "D1", at, 1)  # another rule of the group, by the clock
    (draft,) = court.list("?state=draft&unit=D1")
    assert step(draft) == (2, ["circular"])
    court.step(draft["id"], "propose")
    court.heard(draft["id"])
    assert step(decided(court, rule="R033", unit="D1")) == (3, ["compensation_claimed"])
    assert step(court.propose(rule="R033", unit="D1")) == (
        4,
        ["compensation_claimed"],
    )  # past the last: the last
    assert step(court.propose(rule="R033", unit="D2")) == (1, ["warning"])


def test_R015_rules_without_a_group_climb_alone(
    world: World, court: Court, at: Hands, ruled: Callable[[str | None], None]
) -> None:
    ruled(None)
    assert step(decided(court, rule="R033", unit="D1")) == (1, ["warning"])
    breach(world, "customer_file_missing", "R047", "D1", at, 1)
    (draft,) = court.list("?state=draft&unit=D1")
    assert step(draft) == (1, ["warning"])
    assert step(court.propose(rule="R033", unit="D1")) == (2, ["circular"])


def test_R015_persons_climb_one_ladder_of_a_group_of_rules(
    world: World, court: Court, at: Hands, ruled: Callable[[str | None], None]
) -> None:
    ruled("managers")
    region = world.email("region")
    assert step(decided(court, rule="R036", person=region)) == (1, ["warning"])
    breach(world, "consolidation_missing", "R046", "R1", at, 1)
    (draft,) = [each for each in court.list("?state=draft&unit=R1") if each["person"]]
    assert step(draft) == (2, ["circular"])
    court.step(draft["id"], "propose")
    court.heard(draft["id"])
    assert step(court.propose(rule="R036", person=region)) == (3, ["compensation_claimed"])
    assert step(court.propose(rule="R036", person=world.email("region2"))) == (1, ["warning"])


def test_R015_a_person_and_its_unit_are_two_parties(
    world: World, court: Court, ruled: Callable[[str | None], None]
) -> None:
    ruled("all")
    decided(court, rule="R033", unit="D1")
    case = court.propose(rule="R033", person=world.email("principal"), measures=[{"kind": "warning"}])
    assert case["step"] == 1


def test_R015_what_was_only_proposed_does_not_count_yet(
    court: Court, ruled: Callable[[str | None], None]
) -> None:
    ruled("all")
    first = court.propose(rule="R033", unit="D1")
    assert step(court.propose(rule="R033", unit="D1")) == (1, ["warning"])
    court.heard(first["id"])
    assert step(court.propose(rule="R033", unit="D1")) == (2, ["circular"])
    assert [kind for _, kinds in [step(court.get(first["id"]))] for kind in kinds] == STEPS[:1]
