"""Phone numbers as people write them, brought to one form.

A mobile is 11 digits; a landline keeps its area code (0571-88888888); a foreign one is in E.164 (+85291234567).
"""

import re
import unicodedata
from typing import Any

import phonenumbers

from portal.customer_files.rules.problems import Code

Note = tuple[Code, dict[str, Any]]

MOBILE = re.compile(r"1[3-9][0-9]{9}")
MOBILES = re.compile(r"(?:1[3-9][0-9]{9} )*")
_LANDLINE = re.compile(r"(010|02[0-9]|0[3-9][0-9]{2})([2-9][0-9]{6,7})")
_SERVICE = re.compile(r"(400|800)([0-9]{3})([0-9]{4})")
_LABEL = re.compile(
    r"^(?:联系|客户|手机|固定|固话|办公)?(?:电话|手机|号码|固话|座机|tel|phone|mobile|mob)(?:号码|号)?[:：.]*",
    re.I,
)
_EXTENSION = re.compile(r"(?:转|分机|ext\.?|x|#)[:：]?([0-9]{1,6})$", re.I)
_SPLIT = re.compile(r"[/,，、;；|\n]|或|和|及")
_JOINTS = str.maketrans("", "", " -–—‐‑‒―−_.·()[]【】（）'’`\t")
_FLOAT = re.compile(r"([0-9]+)\.0*")
_SCIENTIFIC = re.compile(r"([0-9])\.?([0-9]*)[eE]\+?([0-9]+)")


def read_phone(text: str) -> tuple[str | None, list[Note]]:
    """The number in `text` (clean, not empty) in its one form, or None with the error; and what to say about it."""
    folded = unicodedata.normalize("NFKC", text)
    plain = _FLOAT.sub(r"\1", folded) if _FLOAT.fullmatch(folded) else folded
    scientific = _SCIENTIFIC.fullmatch(plain)
    if scientific:
        digits = scientific[1] + scientific[2]
        if len(digits) < 11 or len(digits) > int(scientific[3]) + 1:
            return None, [(Code.INVALID_PHONE, {"why": "digits_lost"})]
        plain = digits.ljust(int(scientific[3]) + 1, "0")
    plain = _LABEL.sub("", plain.strip())
    number, notes = _one(plain)
    if number:
        return number, notes
    mobiles = list(dict.fromkeys(re.findall(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])", plain)))
    if len(mobiles) > 1:
        return mobiles[0], [(Code.UNUSUAL_PHONE, {"why": "several", "expected": mobiles[0]})]
    several = [found for part in _SPLIT.split(plain) if (found := _one(_LABEL.sub("", part.strip()))[0])]
    if len(set(several)) > 1 and len(several) == sum(1 for part in _SPLIT.split(plain) if part.strip()):
        return several[0], [(Code.UNUSUAL_PHONE, {"why": "several", "expected": several[0]})]
    return _among_words(plain, notes)


def _one(plain: str) -> tuple[str | None, list[Note]]:  # noqa: C901 — one form of number after the other
    """One number and nothing else."""
    extension = _EXTENSION.search(plain)
    if extension and len(extension[0]) < len(plain):
        base, _notes = _one(plain[: extension.start()])
        if base:
            return f"{base}-{extension[1]}", [(Code.UNUSUAL_PHONE, {"why": "extension"})]
    digits = plain.translate(_JOINTS)
    if re.fullmatch(r"\+?[0-9]+", digits) is None:
        return None, [(Code.INVALID_PHONE, {})]
    home = re.sub(r"^(?:\+|00)?86(?=1[3-9][0-9]{9}$|0?[1-9][0-9]{8,10}$)", "", digits)
    if MOBILE.fullmatch(home):
        return home, []
    for candidate in (home, "0" + home) if home != digits else (home,):
        landline = _LANDLINE.fullmatch(candidate)
        if landline:
            return f"{landline[1]}-{landline[2]}", []
    if MOBILE.fullmatch(home[1:]) and home[0] == "0":
        return home[1:], []  # a leading zero, as mobiles were once dialled
    service = _SERVICE.fullmatch(home)
    if service:
        return "-".join(service.groups()), [(Code.UNUSUAL_PHONE, {"why": "service"})]
    if re.fullmatch(r"95[0-9]{3}", home):
        return home, [(Code.UNUSUAL_PHONE, {"why": "service"})]
    if digits.startswith(("+", "00")):
        return _foreign("+" + digits.lstrip("+").removeprefix("00"))
    return None, [(Code.INVALID_PHONE, _what_is_wrong(home))]


def _foreign(digits: str) -> tuple[str | None, list[Note]]:
    try:
        number = phonenumbers.parse(digits, None)
    except phonenumbers.NumberParseException:
        return None, [(Code.INVALID_PHONE, {})]
    if number.country_code == 86 or not phonenumbers.is_possible_number(number):
        return None, [(Code.INVALID_PHONE, {})]
    form = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return form, [(Code.UNUSUAL_PHONE, {"why": "foreign"})]


def _what_is_wrong(digits: str) -> dict[str, Any]:
    """Which words help: how many digits are missing or too many, a missing area code, a start that no mobile has."""
    if re.fullmatch(r"1[3-9][0-9]*", digits):
        if len(digits) < 11:
            return {"why": "short", "count": 11 - len(digits)}
        return {"why": "long", "count": len(digits) - 11}
    if re.fullmatch(r"[2-8][0-9]{6,7}", digits):
        return {"why": "area_code"}
    if len(digits) == 11 and digits[0] == "1":
        return {"why": "prefix", "value": digits[:2]}
    return {}


def _among_words(plain: str, notes: list[Note]) -> tuple[str | None, list[Note]]:
    """A number with words beside it (“13000600024（妻子）”): taken where exactly one stands there."""
    joined = re.sub(r"(?<=[0-9])[ -](?=[0-9])", "", plain)
    runs = re.findall(r"\+?[0-9]+", joined)
    words = re.sub(r"[^\w]|[0-9_]", "", joined)
    if not words:
        return None, notes or [(Code.INVALID_PHONE, {})]
    found = [number for run in runs if (number := _one(run)[0])]
    if len(set(found)) == 1 and all(len(run) < 5 or _one(run)[0] for run in runs):
        return found[0], [(Code.UNUSUAL_PHONE, {"why": "words", "expected": found[0]})]
    if len(set(found)) > 1:
        return found[0], [(Code.UNUSUAL_PHONE, {"why": "several", "expected": found[0]})]
    if len(runs) == 1:
        return None, _one(runs[0])[1] or notes
    return None, notes or [(Code.INVALID_PHONE, {})]
