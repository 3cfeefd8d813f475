"""Every problem code of a customer file: how grave it is, what it says to the clerk, and how to mend it."""

from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

ERROR = "error"
WARNING = "warning"


class Code(StrEnum):
    """Problem codes of API.md ("Customer files")."""

    MISSING = "missing"
    INVALID_PHONE = "invalid_phone"
    INVALID_DATE = "invalid_date"
    OUTSIDE_MONTH = "outside_month"
    INVALID_NUMBER = "invalid_number"
    INVALID_TEXT = "invalid_text"
    TOO_LONG = "too_long"
    TOO_MANY_FIELDS = "too_many_fields"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    NEAR_DUPLICATE = "near_duplicate"
    DUPLICATE_IN_NETWORK = "duplicate_in_network"
    PHONE_REUSED = "phone_reused"
    ORDER_NO_REUSED = "order_no_reused"
    UNKNOWN_PRODUCT = "unknown_product"
    UNKNOWN_REGION = "unknown_region"
    INCOMPLETE_ADDRESS = "incomplete_address"
    UNUSUAL_PHONE = "unusual_phone"
    READ_AS = "read_as"
    MERGED = "merged"
    CLEANED = "cleaned"
    HIDDEN_ROWS = "hidden_rows"
    NOT_A_CUSTOMER = "not_a_customer"

    @property
    def severity(self) -> str:
        """ERROR or WARNING, where the case itself does not say otherwise (outside_month, unknown_…: see judging)."""
        return ERROR if self in _ERRORS else WARNING


_ERRORS = frozenset(
    {
        Code.MISSING,
        Code.INVALID_PHONE,
        Code.INVALID_DATE,
        Code.OUTSIDE_MONTH,
        Code.INVALID_NUMBER,
        Code.INVALID_TEXT,
        Code.TOO_LONG,
        Code.TOO_MANY_FIELDS,
        Code.DUPLICATE_IN_FILE,
    }
)


class Problem(NamedTuple):
    """One thing to say about a row; `row` as the person sees it, `column` canonical or None for the whole row.

    `params` are plain JSON values for `message`; `value` is the cell's own text (cut to 200 characters).
    """

    row: int
    column: str | None
    code: Code
    severity: str
    params: Mapping[str, Any]
    value: str


class FileRefused(Exception):
    """The whole file is refused; nothing of it goes in.

    `code` is one of API.md's whole-file codes, `detail` says why and how to mend it, `extra` goes into the answer
    (missing_columns: `missing`, `found`, `row`; ambiguous_columns: `columns`).
    """

    def __init__(self, code: str, detail: str | LazyString, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.extra = extra


def unreadable() -> FileRefused:
    """The refusal of a file that is damaged."""
    return FileRefused(
        "unreadable",
        _l("The file is damaged and cannot be read: open it in Excel or WPS and save it again as xlsx"),
    )


def unsafe(reason: object) -> FileRefused:
    """The refusal of a file that no spreadsheet program would write."""
    return FileRefused(
        "unsafe_file",
        _l("%(reason)s. Open it in Excel or WPS, save it as a new xlsx and send that", reason=reason),
    )


def message(code: Code | str, params: Mapping[str, Any], column_label: str = "") -> str:
    """What to tell the clerk, in the reader's language; `column_label` is the column's own heading word."""
    code = Code(code)
    words = {
        "value": "",
        "expected": "",
        "month": "",
        "row": "",
        "limit": "",
        "count": "",
        "name": "",
        **params,
        "column": column_label,
    }
    template = _SENTENCES.get((code, str(params.get("why", "")))) or _SENTENCES[code, ""]
    text: str = gettext(template) % words
    near = params.get("nearest")
    if near:
        text += gettext("; did you mean %(names)s?") % {"names": " / ".join(near)}
    return text


def _n(sentence: str) -> str:
    """Marks a sentence for translation; it is translated when it is said."""
    return sentence


_SENTENCES: dict[tuple[Code, str], str] = {
    (Code.MISSING, ""): _n("%(column)s is empty: fill it in"),
    (Code.MISSING, "formula"): _n("%(column)s is a formula without a result: type the value itself"),
    (Code.MISSING, "placeholder"): _n("%(column)s says only “%(value)s”: fill it in"),
    (Code.MISSING, "merged_number"): _n(
        "%(column)s is merged over several rows: give each row its own number (unmerge the cells first)"
    ),
    (Code.INVALID_PHONE, ""): _n(
        "Not a phone number: 11 digits for a mobile, area code and number for a landline"
    ),
    (Code.INVALID_PHONE, "short"): _n("Too short by %(count)s: a mobile number has 11 digits"),
    (Code.INVALID_PHONE, "long"): _n("Too long by %(count)s: a mobile number has 11 digits"),
    (Code.INVALID_PHONE, "prefix"): _n("No mobile number begins with %(value)s: check the digits"),
    (Code.INVALID_PHONE, "area_code"): _n("The area code is missing: write it as 0571-88888888"),
    (Code.INVALID_PHONE, "digits_lost"): _n(
        "Excel has rounded this number and lost its last digits: set the cell to text and type all 11 digits"
    ),
    (Code.INVALID_PHONE, "error"): _n("The cell shows the Excel error %(value)s: type the phone number"),
    (Code.INVALID_DATE, ""): _n("No date that can be read: write it as %(expected)s"),
    (Code.INVALID_DATE, "no_such_day"): _n("There is no such day: write the date as %(expected)s"),
    (Code.INVALID_DATE, "ambiguous"): _n(
        "Day and month cannot be told apart: write the date as %(expected)s"
    ),
    (Code.INVALID_DATE, "no_day"): _n("The day is missing: write the date as %(expected)s"),
    (Code.INVALID_DATE, "no_year"): _n("The year is missing: write the date as %(expected)s"),
    (Code.INVALID_DATE, "words"): _n("Words are no date: write it as %(expected)s"),
    (Code.INVALID_DATE, "error"): _n(
        "The cell shows the Excel error %(value)s: type the date as %(expected)s"
    ),
    (Code.OUTSIDE_MONTH, ""): _n("The date lies outside %(month)s"),
    (Code.OUTSIDE_MONTH, "after"): _n(
        "The date lies after %(month)s: file it with its own month, or mend the date"
    ),
    (Code.OUTSIDE_MONTH, "future"): _n("The date lies in the future: a purchase in %(month)s is expected"),
    (Code.OUTSIDE_MONTH, "earlier"): _n(
        "The date lies before %(month)s: kept as a customer filed late; check the date"
    ),
    (Code.OUTSIDE_MONTH, "too_early"): _n(
        "The date lies long before %(month)s: mend it, or leave the row out"
    ),
    (Code.INVALID_NUMBER, ""): _n("Not a number: write digits only"),
    (Code.INVALID_NUMBER, "whole"): _n("Must be a whole number of 1 or more"),
    (Code.INVALID_NUMBER, "positive"): _n("Must be a number above 0"),
    (Code.INVALID_NUMBER, "too_large"): _n("Far too large: check the digits"),
    (Code.INVALID_NUMBER, "comma"): _n("Use “.” for the decimal point"),
    (Code.INVALID_NUMBER, "date"): _n("The cell holds a date: set its format to number and type the number"),
    (Code.INVALID_NUMBER, "error"): _n("The cell shows the Excel error %(value)s: type the number"),
    (Code.INVALID_TEXT, ""): _n("%(column)s cannot be read as text: type it again"),
    (Code.INVALID_TEXT, "damaged"): _n("Some characters are damaged (�): type the text again"),
    (Code.INVALID_TEXT, "date"): _n(
        "The cell holds a date, not %(column)s: set its format to text and type it again"
    ),
    (Code.INVALID_TEXT, "yes_no"): _n("The cell holds TRUE or FALSE, not %(column)s: type it again"),
    (Code.INVALID_TEXT, "digits_lost"): _n(
        "Excel has rounded this long number and lost its last digits: set the cell to text and type it again"
    ),
    (Code.INVALID_TEXT, "error"): _n("The cell shows the Excel error %(value)s: type %(column)s"),
    (Code.INVALID_TEXT, "nested"): _n("%(column)s must be text, not a list or an object"),
    (Code.INVALID_TEXT, "not_allowed"): _n("%(column)s is not in the list: choose one of it"),
    (Code.INVALID_TEXT, "quote"): _n(
        "A quotation mark was opened and not closed in this line: remove it or close it"
    ),
    (Code.TOO_LONG, ""): _n("%(count)s characters; at most %(limit)s fit"),
    (Code.TOO_MANY_FIELDS, ""): _n(
        "%(count)s fields, but only %(limit)s headings: a comma inside a text? Put that text in quotation marks"
    ),
    (Code.DUPLICATE_IN_FILE, ""): _n("The same purchase stands in row %(row)s: leave one of the two out"),
    (Code.NEAR_DUPLICATE, ""): _n("Looks like row %(row)s: submit both only if there were two purchases"),
    (Code.DUPLICATE_IN_NETWORK, ""): _n("This purchase was filed before: check that it is not filed twice"),
    (Code.PHONE_REUSED, ""): _n("The same phone number stands under another name: check both"),
    (Code.PHONE_REUSED, "row"): _n(
        "The same phone number stands under another name in row %(row)s: check both"
    ),
    (Code.ORDER_NO_REUSED, ""): _n("This order number belongs to another customer too: check it"),
    (Code.ORDER_NO_REUSED, "row"): _n(
        "This order number belongs to another customer in row %(row)s too: check it"
    ),
    (Code.UNKNOWN_PRODUCT, ""): _n("“%(value)s” is not in the product list"),
    (Code.UNKNOWN_REGION, ""): _n("“%(value)s” is not in the list of regions"),
    (Code.INCOMPLETE_ADDRESS, ""): _n("Write the address down to the house number"),
    (Code.UNUSUAL_PHONE, ""): _n("An unusual phone number: check it"),
    (Code.UNUSUAL_PHONE, "foreign"): _n("A number outside mainland China: check it"),
    (Code.UNUSUAL_PHONE, "service"): _n(
        "A service number (400, 800, 95…): a customer's own number is better"
    ),
    (Code.UNUSUAL_PHONE, "several"): _n(
        "Several numbers in the cell: %(expected)s is used, the others are not called"
    ),
    (Code.UNUSUAL_PHONE, "extension"): _n("A number with an extension: check it"),
    (Code.UNUSUAL_PHONE, "words"): _n("Words beside the number were left out: %(expected)s is used"),
    (Code.READ_AS, ""): _n("Read as %(expected)s: check it"),
    (Code.MERGED, ""): _n("The cell is merged: the value of row %(row)s was taken"),
    (Code.MERGED, "covered"): _n(
        "The merged cell of row %(row)s hides this one: its own value was taken, check it"
    ),
    (Code.CLEANED, ""): _n("Characters that cannot be shown were taken out: check the text"),
    (Code.CLEANED, "error"): _n("The cell shows the Excel error %(value)s and was left empty"),
    (Code.CLEANED, "formula"): _n("The cell is a formula without a result and was left empty"),
    (Code.HIDDEN_ROWS, ""): _n("This row is hidden in the sheet and was read all the same"),
    (Code.HIDDEN_ROWS, "other_sheet"): _n(
        "The sheet “%(name)s” holds %(count)s more rows that were not read: put all customers into one sheet"
    ),
    (Code.NOT_A_CUSTOMER, ""): _n("Not a customer: left out"),
    (Code.NOT_A_CUSTOMER, "total"): _n("A total, not a customer: left out"),
    (Code.NOT_A_CUSTOMER, "signature"): _n("A signature or a note, not a customer: left out"),
    (Code.NOT_A_CUSTOMER, "heading"): _n("The headings once more, not a customer: left out"),
    (Code.NOT_A_CUSTOMER, "example"): _n("The example row of the form, not a customer: left out"),
}


def nearest(value: str, allowed: tuple[str, ...]) -> list[str]:
    """Up to three names of `allowed` that look like `value`, best first."""
    folded = {name.casefold(): name for name in reversed(allowed)}
    return [folded[hit] for hit in get_close_matches(value.casefold(), list(folded), n=3, cutoff=0.6)]


def suggestion(code: Code | str, params: Mapping[str, Any]) -> str | None:
    """The value that would mend the cell, where one is obvious; else None."""
    found = params.get("suggest")
    if found is None and Code(code) in (Code.UNKNOWN_PRODUCT, Code.UNKNOWN_REGION) and params.get("nearest"):
        found = params["nearest"][0]
    return None if found is None else str(found)
