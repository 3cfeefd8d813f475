"""Quantities and areas as people write them."""

import re
import unicodedata
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from portal.customer_files.rules.problems import ERROR, WARNING, Code

Note = tuple[Code, str, dict[str, Any]]

LARGEST_WHOLE = 100_000
LARGEST_DECIMAL = 1_000_000

_PLAIN = re.compile(r"\+?([0-9]{1,15})(?:\.([0-9]{1,6}))?")
_NEGATIVE = re.compile(r"[-−–][0-9.,]+")
_THOUSANDS = re.compile(r"\+?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[0-9]{1,6},[0-9]{1,2}")
_UNIT = re.compile(
    r"\s*(?:台|件|套|个|只|块|片|箱|盒|张|包|捆|支|组|幅|樘|把|米|平方米|平方|平米|平|方|m2|m²|sqm|pcs?\.?|sets?)\s*",
    re.I,
)


def read_number(value: object, whole: bool) -> tuple[int | Decimal | None, list[Note]]:
    """The number in a cell (a number or clean text): whole ones from 1, others above 0; else None with the error."""
    if isinstance(value, (bool, date, time, timedelta)):
        why = "" if isinstance(value, bool) else "date"
        return None, [(Code.INVALID_NUMBER, ERROR, {"why": why})]
    if isinstance(value, int):
        return _judged(Decimal(value), whole, [])
    if isinstance(value, float):
        if value != value or abs(value) > 1e15:
            return None, [(Code.INVALID_NUMBER, ERROR, {"why": "too_large" if value > 0 else ""})]
        return _judged(Decimal(repr(round(value, 6))), whole, [])
    return _read_text(str(value), whole)


def _read_text(text: str, whole: bool) -> tuple[int | Decimal | None, list[Note]]:
    folded = unicodedata.normalize("NFKC", text) if not text.isascii() else text
    if any(unicodedata.numeric(sign, None) is not None and not sign.isdecimal() for sign in text):
        return None, [(Code.INVALID_NUMBER, ERROR, {})]  # ², ①, 两: what NFKC would turn into another number
    notes: list[Note] = []
    if not folded.isascii():
        latin = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in folded)
        if latin != folded:
            folded = latin
            notes = [(Code.READ_AS, WARNING, {"expected": latin})]
    folded = folded.strip()
    if _THOUSANDS.fullmatch(folded):
        folded = folded.replace(",", "")
    plain = _PLAIN.fullmatch(folded)
    if plain is None:
        unit = re.fullmatch(rf"(\+?[0-9][0-9,]*(?:\.[0-9]+)?){_UNIT.pattern}", folded, re.I)
        if unit is None:
            return None, [(Code.INVALID_NUMBER, ERROR, _what_is_wrong(folded))]
        number, more = _read_text(unit[1], whole)
        if number is None:
            return None, more
        return number, [(Code.READ_AS, WARNING, {"expected": str(number)})]
    return _judged(Decimal(plain[1] + "." + (plain[2] or "0")), whole, notes)


def _what_is_wrong(text: str) -> dict[str, Any]:
    if _DECIMAL_COMMA.fullmatch(text):
        return {"why": "comma", "suggest": text.replace(",", ".")}
    if _NEGATIVE.fullmatch(text):
        return {"why": "positive"}
    return {}


def _judged(number: Decimal, whole: bool, notes: list[Note]) -> tuple[int | Decimal | None, list[Note]]:
    if whole and (number < 1 or number != int(number)):
        return None, [(Code.INVALID_NUMBER, ERROR, {"why": "whole"})]
    if number <= 0:
        return None, [(Code.INVALID_NUMBER, ERROR, {"why": "positive"})]
    if number > (LARGEST_WHOLE if whole else LARGEST_DECIMAL):
        return None, [(Code.INVALID_NUMBER, ERROR, {"why": "too_large"})]
    if whole:
        return int(number), notes
    return (number.quantize(Decimal(1)) if number == int(number) else number.normalize()), notes
