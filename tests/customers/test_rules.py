"""Counting once, masking, and how the list is indexed."""

from datetime import date

from portal.customers.rules import Person, Purchase, as_seen, counted_once, facet

OCTOBER = date(2026, 10, 1)


def bought(file_id, row_no, model="KT-60A", month=OCTOBER):
    return Purchase(month, model, date(2026, 10, 12), 1, "", file_id, row_no)


def test_equal_rows_of_one_file_are_two_purchases():
    assert len(counted_once([bought(1, 2), bought(1, 3)])) == 2


def test_what_a_newer_file_holds_again_counts_once():
    kept = counted_once([bought(1, 2), bought(1, 3, "KT-90A"), bought(2, 2)])
    assert [(each.file_id, each.product_model) for each in kept] == [(2, "KT-60A"), (1, "KT-90A")]


def test_the_newest_month_comes_first():
    kept = counted_once([bought(9, 2, month=date(2026, 9, 1)), bought(1, 2)])
    assert [each.month for each in kept] == [OCTOBER, date(2026, 9, 1)]


def test_those_above_see_a_part():
    person = Person("1", "王建国", "13812345678", "浙江省杭州市西湖区文三路128号", "瑞居家居", "ZJ-0007")
    assert as_seen(person, whole=True) is person
    seen = as_seen(person, whole=False)
    assert (seen.phone, seen.address, seen.name) == ("138****5678", "浙江省杭州市西湖区…", "王建国")


def test_facets():
    assert facet(None, None) == facet(None, "") == ""
    assert facet(OCTOBER, None) == "2026-10|"
    assert facet(None, "KT-60A") == "|KT-60A"
    assert facet(OCTOBER, "KT-60A") == "2026-10|KT-60A"
