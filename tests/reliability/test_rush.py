"""The last minute before the deadline: every dealer files, each gets a receipt, nobody is judged late.

PORTAL_RUSH=200x300 for the figure of the closing note; the suite has fewer and smaller ones.
"""

import http.client
import json
import os
import random
import socket
import statistics
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from tests.reliability.filing import MONTH, Ledger, Program, a_sheet
from tests.reliability.house import House, until
from tests.reliability.test_kill import compared, settled

DEALERS, ROWS = map(int, os.environ.get("PORTAL_RUSH", "20x100").split("x"))
DEADLINE = datetime.fromisoformat("2026-11-06T00:00:00+08:00")
LAST = 60 if DEALERS > 100 else 20  # seconds before the deadline in which they all come
TWICE = DEALERS // 10
THREADS = 2 * 4  # of `flask serve`


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

    def file(unit: str) -> None:
        time.sleep(random.Random(unit).uniform(0, LAST - 3))
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

    dealers = [threading.Thread(target=file, args=[unit]) for unit in units]
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
    assert house.people_in_logs() == []


@pytest.mark.slow
def test_who_waits_for_a_thread_over_the_deadline_is_on_time(house: House) -> None:
    """Every thread of the web server is held by an upload that dawdles until after the deadline.

    A submission that came before it is on time though nobody could work on it; so is a file whose bytes were in. The
    uploads that were being read are late, for their last bytes came after it; those that waited for a thread as well
    have the benefit of the doubt.
    """
    house.end()
    house.start(before_the_deadline(20 + 1.5 * house.took))
    until(lambda: house.clock() > DEADLINE - timedelta(seconds=20), 600, "the last moments have begun")
    units = sorted(unit for unit in house.tokens if unit.startswith("D"))
    ready, fresh, dawdling = units[0], units[1], units[2:14]
    program = Program(house, ready, Ledger())
    told = program.upload(a_sheet(3))
    held = hold_every_thread(house, dawdling)
    until(lambda: not house.well(), 15, "no thread is free")
    ledger = Ledger()
    waiting = [
        threading.Thread(target=lambda: Program(house, ready, ledger).submit(told["id"])),
        threading.Thread(target=lambda: Program(house, fresh, ledger).upload(a_sheet(3), submit=True)),
    ]
    for each in waiting:
        each.start()
    until(lambda: house.clock() > DEADLINE + timedelta(seconds=2), 60, "the deadline is over")
    assert not ledger.receipts
    for each in held:
        each.end()  # all of them, before the first answer: some wait for the thread of another
    late = [each.answer() for each in held]
    for each in waiting:
        each.join()
    settled(house)
    assert not ledger.refused
    assert {receipt["on_time"] for receipt in ledger.receipts.values()} == {True}
    assert len(ledger.receipts) == 2
    assert [answer["receipt"]["on_time"] for answer in late].count(False) == THREADS
    assert house.people_in_logs() == []


def hold_every_thread(house: House, units: list[str]) -> "list[Dawdler]":
    """Uploads that dawdle: as many as there are threads, then the rest, which wait for one.

    The web server's processes take connections as they come, one mostly the more; so each gets its own while the others
    stand still.
    """
    web, left = house.processes("web process"), list(units)
    held: list[Dawdler] = []
    for one in web:
        others = [each for each in web if each != one]
        for each in others:
            each.suspend()
        held += [Dawdler(house, left.pop()) for _ in range(THREADS // len(web))]
        time.sleep(1)
        for each in others:
            each.resume()
    return held + [Dawdler(house, unit) for unit in left]


class Dawdler:
    """An upload whose last byte comes when it is told to."""

    def __init__(self, house: House, unit: str) -> None:
        prepared = requests.Request(
            "POST",
            f"{house.base}/api/v1/customer-files",
            headers={"Authorization": f"Bearer {house.tokens[unit]}"},
            data={"month": MONTH, "submit": "true"},
            files={"file": ("十月.csv", a_sheet(3))},
        ).prepare()
        assert isinstance(prepared.body, bytes)
        self._last = prepared.body[-1:]
        self._socket = socket.create_connection(("127.0.0.1", house.port), timeout=60)
        head = "".join(f"{name}: {value}\r\n" for name, value in prepared.headers.items())
        self._socket.sendall(f"POST /api/v1/customer-files HTTP/1.1\r\nHost: here\r\n{head}\r\n".encode())
        self._socket.sendall(prepared.body[:-1])

    def end(self) -> None:
        self._socket.sendall(self._last)

    def answer(self) -> dict[str, Any]:
        answer = http.client.HTTPResponse(self._socket)
        answer.begin()
        told: dict[str, Any] = json.loads(answer.read())
        answer.close()
        self._socket.close()
        return told
