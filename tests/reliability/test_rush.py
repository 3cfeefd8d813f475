"""The last minute before the deadline: every dealer files, each gets a receipt, nobody is judged late.

PORTAL_RUSH=200x300 for the figure of the closing note; the suite has fewer and smaller ones.
"""

import os
import statistics
import threading
import time
from datetime import datetime, timedelta

import pytest

from tests.reliability.filing import Ledger, Program, a_sheet
from tests.reliability.house import House, until
from tests.reliability.test_kill import compared, settled

DEALERS, ROWS = map(int, os.environ.get("PORTAL_RUSH", "20x100").split("x"))
DEADLINE = datetime.fromisoformat("2026-11-06T00:00:00+08:00")
AT_ONCE = 40
LAST = 60 if DEALERS > 100 else 20  # seconds before the deadline in which they all come
TWICE = DEALERS // 10


def before_the_deadline(seconds: float) -> str:
    return (DEADLINE - timedelta(seconds=seconds)).isoformat()


@pytest.mark.slow
def test_all_file_in_the_last_minute_and_nobody_is_late(house: House) -> None:
    house.end()
    house.start(before_the_deadline(LAST + 1.5 * house.took))
    until(lambda: house.clock() > DEADLINE - timedelta(seconds=LAST), 600, "the last minute has begun")
    ledger = Ledger()
    taken: list[float] = []
    failed: list[Exception] = []
    units = sorted(unit for unit in house.tokens if unit.startswith("D"))[:DEALERS]
    sheets = {unit: a_sheet(ROWS) for unit in units}
    waiting = iter(units)
    gate = threading.Lock()

    def next_unit() -> str | None:
        with gate:
            return next(waiting, None)

    def file() -> None:
        while (unit := next_unit()) is not None:
            began = time.monotonic()
            try:
                program = Program(house, unit, ledger)
                told = program.upload(sheets[unit], key=f"rush-{unit}")
                program.submit(told["id"], key=f"rush-{unit}-submit")
                taken.append(time.monotonic() - began)
                if units.index(unit) < TWICE:
                    assert program.upload(sheets[unit], key=f"rush-{unit}") == told
            except Exception as error:  # noqa: BLE001 - looked at below, in the test's own thread
                failed.append(error)

    dealers = [threading.Thread(target=file) for _ in range(AT_ONCE)]
    began = time.monotonic()
    for each in dealers:
        each.start()
    for each in dealers:
        each.join()
    spent = time.monotonic() - began
    left = (DEADLINE - house.clock()).total_seconds()
    settled(house)
    found = compared(house, ledger)
    late = [receipt for receipt in ledger.receipts.values() if not receipt["on_time"]]
    p95 = statistics.quantiles(taken, n=20)[-1]
    print(
        f"\n{len(units)} dealers with {ROWS} rows in {spent:.1f} s, {len(ledger.receipts)} receipts, {len(late)} late; "
        f"upload to receipt p50 {statistics.median(taken):.2f} s, p95 {p95:.2f} s; "
        f"the last one {left:.1f} s before the deadline"
    )
    assert not failed
    assert not ledger.refused
    assert len(ledger.receipts) == len(units)
    assert late == []
    assert not found.all()
