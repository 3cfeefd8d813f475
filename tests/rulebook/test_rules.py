"""The rulebook's schema: the five books hold, faults say where, the questions other rooms ask are answered."""

import copy
import json
import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from portal.rulebook import rules
from portal.rulebook.rules import (
    Kind,
    Rulebook,
    RulebookError,
    Term,
    Who,
    chapters,
    duration,
    read,
    term,
    term_words,
    time_of_day,
)

BOOKS = Path(__file__).parents[2] / "config" / "rulebooks"
FIRST_MEASURES = "sanctions.breaches[customer_file_missing].answerable[dealer].measures"
KEYS = ("flooring", "aluminium", "machinery", "equipment", "manufacturer")


def document(key: str) -> dict[str, Any]:
    return tomllib.loads((BOOKS / f"{key}.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def flooring() -> Rulebook:
    return read(document("flooring"))


def faults(change: Any, key: str = "flooring") -> list[str]:
    wrong = copy.deepcopy(document(key))
    change(wrong)
    with pytest.raises(RulebookError) as refused:
        read(wrong)
    return refused.value.faults


def column(of: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in of["customer_file"]["columns"] if each["name"] == name)
    return found


@pytest.mark.parametrize("key", KEYS)
def test_every_shipped_book_holds(key: str) -> None:
    book = read(document(key))
    assert book.key == key
    assert [each.name for each in book.columns][:7] == list(rules.ALWAYS_REQUIRED)
    assert all(chapter.entries for chapter in chapters(book))


@pytest.mark.parametrize("key", KEYS)
def test_a_book_survives_the_database(key: str) -> None:
    # jsonb keeps no order of keys, so everything whose order matters must be a list
    stored = json.loads(json.dumps(document(key), sort_keys=True))
    assert read(stored) == read(document(key))


@pytest.mark.parametrize("key", KEYS)
def test_every_rule_names_a_source_and_every_anchor_is_one(key: str) -> None:
    entries = [entry for chapter in chapters(read(document(key))) for entry in chapter.entries]
    assert all(entry.sources and entry.lines for entry in entries)
    assert len({entry.key for entry in entries}) == len(entries)


def test_all_72_requirements_are_quoted() -> None:
    assert list(rules.REQUIREMENTS) == [f"R{n:03d}" for n in range(1, 73)]
    assert all(each.zh and each.en and each.article for each in rules.REQUIREMENTS.values())


def test_the_other_four_differ() -> None:
    own = {key: {each.name for each in read(document(key)).columns if each.own} for key in KEYS}
    assert own["flooring"] == set()
    assert "serial_no" in own["machinery"]
    assert "contract_no" in own["manufacturer"]
    assert read(document("equipment")).windows.statistics.day == 4
    assert len({read(document(key)).windows.dealer.day for key in KEYS}) >= 4


# --- R041, R042: windows ---
def test_r041_r042_windows_end_at_24_of_the_named_day(flooring: Rulebook) -> None:
    calendar, october = flooring.calendar, date(2026, 10, 1)
    assert calendar.local_end(flooring.window("dealer"), october) == datetime(2026, 11, 6)
    assert calendar.local_end(flooring.window("region"), october) == datetime(2026, 11, 9)
    assert calendar.local_end(flooring.window("lock"), date(2026, 12, 1)) == datetime(2027, 1, 21)
    assert not flooring.shifts_on_holidays


def test_a_named_day_can_be_left_out() -> None:
    changed = document("flooring")
    changed["calendar"]["includes_named_day"] = False
    book = read(changed)
    assert book.calendar.local_end(book.window("dealer"), date(2026, 10, 1)) == datetime(2026, 11, 5)


# --- R046, R047: consequences ---
def test_r047_consequence_for_a_dealer(flooring: Rulebook) -> None:
    found = flooring.consequence(flooring.windows.dealer.breach, "dealer")
    assert found
    assert found.source == "R047"
    assert found.text.zh == "取消后续营销政策支持（由总部认定）"
    assert "marketing support" in found.text.of("en")
    assert str(found.text) == found.text.zh  # outside a request


def test_r046_consequences_for_the_managers(flooring: Rulebook) -> None:
    manager = flooring.answerable("consolidation_missing", Who.REGIONAL_MANAGER)
    assert manager
    assert [(each.kind.value, each.share) for each in manager.measures] == [
        ("commission_withheld", 10),
        ("circular", None),
    ]
    above = flooring.answerable("consolidation_missing", "channel_manager")
    assert above
    assert above.measures[0].kind == "management_responsibility"
    assert flooring.consequence("consolidation_missing", "dealer") is None
    assert flooring.consequence(None, "dealer") is None


def test_r015_ladder_climbs_and_stays_at_its_top(flooring: Rulebook) -> None:
    staff = flooring.answerable("staff_misconduct", "employee")
    assert staff
    assert [staff.step(n)[0].kind.value for n in (1, 2, 3, 4)] == [
        "warning",
        "fine",
        "dismissal_recommended",
        "dismissal_recommended",
    ]


def test_a_breach_is_found_by_key_and_by_requirement(flooring: Rulebook) -> None:
    assert flooring.breach("R033") is flooring.breach("brand_damaged") is not None
    assert flooring.breach("R072") is None


# --- API.md: flooring defaults ---
def test_flooring_defaults(flooring: Rulebook) -> None:
    days = (flooring.window(name).day for name in ("dealer", "region", "statistics", "lock"))
    assert list(days) == [5, 8, 4, 20]
    limits = flooring.limits
    assert (limits.megabytes, limits.unpacked_megabytes, limits.rows, limits.columns) == (
        20,
        200,
        100_000,
        200,
    )
    assert flooring.customer_file.returned_within == Term(calendar=timedelta(hours=48))
    assert flooring.customer_file.forgotten == timedelta(days=92)
    lengths = {each.name: each.max_length for each in flooring.columns}
    assert lengths["customer_name"] == lengths["product_model"] == lengths["purchase_region"] == 100
    assert lengths["address"] == lengths["remarks"] == 1000
    visits, times = flooring.return_visits, flooring.sanctions.procedure
    assert visits
    assert (visits.attempts, visits.attempt_days, visits.coverage) == (3, 2, 100)
    assert visits.lease == timedelta(minutes=15)
    assert visits.calls_to == timedelta(hours=20, minutes=30)
    assert (times.statement.days, times.approval.days, times.appeal.days, times.top_up.days) == (3, 3, 7, 15)


def test_r034_eight_documents_and_r050_for_ever(flooring: Rulebook) -> None:
    dossier = flooring.dossier("escalation")
    assert dossier
    assert len(dossier.documents) == 8
    kept = flooring.record_class("complaint_form")
    assert kept
    assert kept.for_ever
    assert kept.years is None


# --- R048: columns ---
def test_r048_columns(flooring: Rulebook) -> None:
    required = [each.name for each in flooring.columns if each.required]
    assert required == list(rules.ALWAYS_REQUIRED)
    area = flooring.column("area")
    assert area
    assert area.kind is Kind.DECIMAL
    assert not area.required
    assert flooring.column("nothing") is None


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("客户姓名", "customer_name"),
        (" 客户\u3000姓名 ", "customer_name"),
        ("customer_name", "customer_name"),
        ("Customer Name", "customer_name"),
        ("业主姓名", "customer_name"),
        ("地址*", "address"),
        ("联系电话（必填）", "phone"),
        ("手机号码", "phone"),
        ("产品\n型号", "product_model"),
        ("备\u3000注", "remarks"),
        ("数量(台)", "quantity"),
        ("购买面积(㎡)", "area"),
        ("面积（平方米）", "area"),
        ("购买日期（年/月/日）", "purchase_date"),
        ("ＰＨＯＮＥ", "phone"),
        ("\ufeff客户姓名\u200b", "customer_name"),
        ("合同号", "order_no"),
        ("姓名（安装师傅）", None),
        ("身份证号", None),
        ("", None),
        ("（ ）", None),
    ],
)
def test_headings_are_recognised(flooring: Rulebook, heading: str, name: str | None) -> None:
    found = flooring.column_for(heading)
    assert (found.name if found else None) == name


# --- faults say where ---
def test_all_faults_are_listed_each_with_its_place() -> None:
    def change(of: dict[str, Any]) -> None:
        of["calendar"]["windows"]["dealer"]["day"] = 45
        of["calendar"]["colour"] = "red"
        column(of, "phone")["kind"] = "telephone"
        del of["customer_file"]["limits"]["rows"]
        of["sanctions"]["procedure"]["appeal"] = "soon"
        of["retention"][0]["source"] = "R999"
        of["sanctions"]["breaches"][0]["answerable"][0]["measures"][0]["kind"] = "flogging"

    found = faults(change)
    assert "calendar.windows.dealer.day: must be 1 to 28, is 45" in found
    assert "calendar.colour: is not known here" in found
    assert any(
        line.startswith("customer_file.columns[phone].kind: must be one of text, phone,") for line in found
    )
    assert "customer_file.limits.rows: is missing" in found
    assert 'sanctions.procedure.appeal: must be a duration such as "15min", "48h", "3d", is soon' in found
    assert "retention[product_acceptance].source: must be a requirement from R001 to R072, is R999" in found
    assert any(line.startswith(f"{FIRST_MEASURES}[flogging].kind: must be one of") for line in found)
    assert len(found) == 7


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda of: of["calendar"]["windows"]["region"].update(day=5),
            "calendar.windows.region.day: must come after windows.dealer (day 5), is 5",
        ),
        (
            lambda of: of["calendar"]["windows"]["lock"].update(day=6),
            "calendar.windows.lock.day: must come after windows.region (day 8), is 6",
        ),
        (
            lambda of: of["calendar"].update(time_zone="Asia/Atlantis"),
            "calendar.time_zone: must be a time zone such as Asia/Shanghai, is Asia/Atlantis",
        ),
        (
            lambda of: of["calendar"]["windows"]["dealer"].update(at="25:00"),
            'calendar.windows.dealer.at: must be a time of day from "00:00" to "24:00", is 25:00',
        ),
        (
            lambda of: of["calendar"]["windows"]["dealer"].update(day="5"),
            "calendar.windows.dealer.day: must be a whole number, is 5",
        ),
        (
            lambda of: of["calendar"].update(shifts_on_holidays="no"),
            "calendar.shifts_on_holidays: must be true or false, is no",
        ),
        (
            lambda of: of["calendar"]["windows"]["dealer"].update(breach="no_such"),
            "calendar.windows.dealer.breach: must be a breach of sanctions.breaches, is no_such",
        ),
        (
            lambda of: of["customer_file"]["columns"].remove(column(of, "quantity")),
            "customer_file.columns[quantity]: is missing",
        ),
        (
            lambda of: column(of, "quantity").update(required=False),
            "customer_file.columns[quantity].required: must be true",
        ),
        (
            lambda of: column(of, "area").update(kind="text", max_length=10, least=None, most=None),
            'customer_file.columns[area].kind: must be "decimal" for area, is "text"',
        ),
        (
            lambda of: column(of, "remarks")["headings"]["zh"].append(" 姓 名 "),
            'customer_file.columns[remarks].headings: "姓名" also belongs to customer_name',
        ),
        (
            lambda of: column(of, "address").pop("max_length"),
            "customer_file.columns[address].max_length: is missing",
        ),
        (
            lambda of: of["return_visits"].update(attempt_days=9),
            "return_visits.attempt_days: must be at most attempts (3), is 9",
        ),
        (
            lambda of: of["return_visits"]["script"]["opening"].update(en="Hello {person}"),
            "return_visits.script.opening.en: names {person}, which nobody fills in",
        ),
        (
            lambda of: of["promises"][0].update(months=1),
            "promises[complaint_response].within: or months must be given, not both",
        ),
        (
            lambda of: of["promises"].append(of["promises"][0]),
            "promises[complaint_response]: stands twice",
        ),
        (
            lambda of: of["sanctions"]["breaches"][0]["answerable"][0]["measures"][0].update(share=10),
            f"{FIRST_MEASURES}[marketing_support_cancelled].share: has no place on marketing_support_cancelled",
        ),
        (
            lambda of: of["retention"][0].update(for_ever=True),
            "retention[product_acceptance].years: or for_ever must be given, not both",
        ),
        (lambda of: of.update(format=2), "format: must be one of 1, is 2"),
        (lambda of: of["title"].pop("en"), "title.en: is missing"),
        (lambda of: of.update(promises="none"), "promises: must be a list, is none"),
        (lambda of: of.update(calendar="none"), "calendar: must be a table, is none"),
    ],
)
def test_a_fault_says_where(change: Any, fault: str) -> None:
    assert faults(change) == [fault]


def test_two_duplicate_headings_are_both_told() -> None:
    def change(of: dict[str, Any]) -> None:
        column(of, "remarks")["headings"]["zh"] += ["姓名", "电话"]

    assert len(faults(change)) == 2


# --- small values ---
@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15min", timedelta(minutes=15)),
        ("48h", timedelta(hours=48)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
        ("1d12h", timedelta(hours=36)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert duration(text) == length


@pytest.mark.parametrize("text", ["", "3", "3 d", "d", "-3d", "1.5h", "3dx", "１h ", "P3D"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "found", "words"),
    [
        ("48h", Term(calendar=timedelta(hours=48)), "48 hours"),
        ("8wh", Term(working_hours=timedelta(hours=8)), "8 working hours"),
        ("1wd", Term(working_days=1), "1 working day"),
        ("30wd", Term(working_days=30), "30 working days"),
    ],
)
def test_terms(text: str, found: Term, words: str) -> None:
    assert term(text) == found
    assert str(term_words(found)) == words


@pytest.mark.parametrize("text", ["0wd", "0wh", "1001wd", "0h", "3 wd", "wd", "1wd2wh", "1.5wh"])
def test_no_terms(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        term(text)


def test_working_hours_are_in_order_and_needed_where_something_counts_them() -> None:
    def overlapping(of: dict[str, Any]) -> None:
        of["calendar"]["working"]["friday"] = ["08:00-12:00", "11:00-17:00"]

    def backwards(of: dict[str, Any]) -> None:
        of["calendar"]["working"]["friday"] = ["12:00-08:00"]

    def none(of: dict[str, Any]) -> None:
        of["calendar"]["working"] = {"source": "R041"}

    def missing(of: dict[str, Any]) -> None:
        del of["calendar"]["working"]
        of["customer_file"]["returned_within"] = "2wd"
        of["promises"][0]["within"] = "8wh"

    assert faults(overlapping) == ["calendar.working.friday: must be in order, without overlap"]
    assert "must end later than it begins" in faults(backwards)[0]
    assert faults(none) == ["calendar.working.monday: or another day must have working hours"]
    assert faults(missing) == [
        "customer_file.returned_within: is in working time, and calendar.working is missing",
        "promises[complaint_response].within: is in working time, and calendar.working is missing",
    ]


def test_a_book_from_before_working_hours_and_escalation_still_holds() -> None:
    of = document("flooring")
    del of["calendar"]["working"], of["calendar"]["escalation"]
    assert read(of).calendar.escalation is None


def test_reminders_are_sent_in_hours_that_there_are() -> None:
    def backwards(of: dict[str, Any]) -> None:
        of["calendar"]["reminders"] |= {"from_time": "21:00", "to_time": "08:00", "before": ["2h", "120min"]}

    assert faults(backwards) == [
        "calendar.reminders.to_time: must be later than from_time",
        "calendar.reminders.before: names one time twice",
    ]


def test_times_of_day() -> None:
    assert time_of_day("24:00") == timedelta(days=1)
    assert rules.hour_and_minute(time_of_day("08:30")) == "08:30"
    for wrong in ("24:01", "8:30", "08:60", "", "noon"):
        with pytest.raises(ValueError, match="must be a time of day"):
            time_of_day(wrong)


def test_durations_in_words() -> None:
    said = [str(rules.duration_words(duration(text))) for text in ("15min", "1h", "48h", "3d", "92d")]
    assert said == ["15 minutes", "1 hour", "48 hours", "3 days", "92 days"]


def test_a_book_cannot_be_changed(flooring: Rulebook) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(flooring.calendar.windows.dealer, "day", 6)  # noqa: B010 - the type checker would refuse it


def test_the_version_in_force_for_a_month() -> None:
    versions = [(1, date(2026, 7, 1)), (2, date(2026, 12, 1)), (3, date(2026, 12, 1))]
    asked = [(2026, 5), (2026, 7), (2026, 11), (2026, 12), (2027, 6)]
    assert [rules.version_for(versions, date(year, month, 1)) for year, month in asked] == [1, 1, 1, 3, 3]
    assert rules.version_for([], date(2026, 7, 1)) is None


def test_no_english_article_has_chinese_in_it() -> None:
    articles = [each.article_in("en") for each in rules.REQUIREMENTS.values()]
    assert [each for each in articles if not each.isascii()] == []
    assert rules.REQUIREMENTS["R043"].article_in("en") == "S2 File management 1"
    assert rules.REQUIREMENTS["R043"].article_in("zh") == "S2 档案管理 1"
    assert rules.REQUIREMENTS["R051"].article_in("en") == "S3.I, II.0"
