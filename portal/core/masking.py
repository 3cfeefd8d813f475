"""Personal data for those who need not see it whole: numbers and addresses are cut, nothing is lost underneath."""

import re

_DIGITS = re.compile(r"(?<!\d)\d(?:[ -]?\d){6,}(?!\d)")
_MOBILES = re.compile(r"(?<![0-9A-Fa-f])1[3-9]\d{9}(?![0-9A-Fa-f])")  # alone: not within a hash
_DISTRICT = re.compile(r"^.{0,20}?(?:[区县旗]|(?<=.{3})市(?=.*市)|市(?!.*[区县旗市]))")
SHOWN = 6  # characters of an address without a district


def mask_phone(phone: str) -> str:
    """'13812345678' as '138****5678'; shorter numbers keep less, and never more than half of their digits."""
    if not any(map(str.isdigit, phone)):
        return "" if not phone else "****"
    if len(phone) >= 11:
        return f"{phone[:3]}****{phone[-4:]}"
    kept = len(phone) // 4
    return f"{phone[:kept]}****{phone[len(phone) - kept :]}"


def mask_address(address: str) -> str:
    """The address down to its district: '浙江省杭州市西湖区…'; without one, its first characters."""
    if not address:
        return ""
    found = _DISTRICT.match(address)
    kept = found[0] if found and len(found[0]) < len(address) else address[: min(SHOWN, len(address) // 2)]
    return f"{kept}…"


def mask_numbers(text: str) -> str:
    """Free words with each long number in them masked as a phone is."""
    return _DIGITS.sub(lambda found: mask_phone(re.sub(r"[ -]", "", found[0])), text)


def mask_mobiles(text: str) -> str:
    """Words in which other long numbers (ids, amounts, hashes) are to stay: only mobile numbers are masked."""
    return _MOBILES.sub(lambda found: mask_phone(found[0]), text)
