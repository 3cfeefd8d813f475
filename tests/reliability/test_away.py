"""The database is away, and the same request sent twice and at once: honest answers, one effect."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.reliability.filing import MONTH, Ledger, Program, a_sheet, sha
from tests.reliability.house import House, until

PAIRS = 8


def call(house: House, unit: str, key: str, content: bytes) -> requests.Response:
    return requests.post(
        f"{house.base}/api/v1/customer-files",
        headers={"Authorization": f"Bearer {house.tokens[unit]}", "Idempotency-Key": key},
        data={"month": MONTH, "submit": "true"},
        files={"file": ("十月.csv", content)},
        timeout=60,
    )


def count(house: House, content: bytes) -> int:
    with house.database() as there:
        row = there.execute(
            "SELECT count(*) FROM customer_file WHERE sha256 = %s", (sha(content),)
        ).fetchone()
    return row[0] if row else 0


@pytest.mark.slow
def test_away_means_503_without_a_receipt_and_it_recovers_by_itself(house: House) -> None:
    """PostgreSQL is held still (SIGSTOP does not answer), then killed: no answer below 500 without the rows."""
    server = house.postmaster()
    assert server is not None
    content = a_sheet(5)
    answers: list[requests.Response] = []

    def keep_asking(over: Callable[[], bool]) -> None:
        while not over():
            answers.append(call(house, "D001", "away", content))
            time.sleep(0.05)

    over = threading.Event()
    asking = threading.Thread(target=keep_asking, args=[over.is_set])
    server.kill()
    asking.start()
    until(
        lambda: any(each.status_code == 503 for each in answers) or count_of(answers, 202) > 0,
        60,
        "an answer",
    )
    until(house.well, 60, "it recovers by itself")
    until(lambda: count_of(answers, 202) > 0, 60, "the file is taken in")
    over.set()
    asking.join()
    refused = [each for each in answers if each.status_code != 202]
    for each in refused:
        assert each.status_code == 503, each.text
        assert each.headers["Content-Type"] == "application/problem+json"
        assert int(each.headers["Retry-After"]) > 0
        assert each.json()["code"] == "unavailable"
        assert "receipt" not in each.json()
    taken = [each.json() for each in answers if each.status_code == 202]
    assert all(each == taken[0] for each in taken)
    assert taken[0]["receipt"]["on_time"] is True
    assert count(house, content) == 1
    print(f"\n{len(refused)} honest refusals, then {len(taken)} equal answers")


def count_of(answers: list[requests.Response], status: int) -> int:
    return sum(each.status_code == status for each in answers)


@pytest.mark.slow
def test_the_same_key_at_once_has_one_effect_and_one_answer(house: House) -> None:
    sent = [(f"D{2 + number:03d}", f"at-once-{number}", a_sheet(50)) for number in range(PAIRS)]
    with ThreadPoolExecutor(4 * PAIRS) as pool:
        told = list(pool.map(lambda each: call(house, *each), [each for each in sent for _ in range(4)]))
    for number, (unit, key, content) in enumerate(sent):
        four = told[4 * number : 4 * number + 4]
        busy = [each for each in four if each.status_code == 409]
        assert all(each.json()["code"] == "in_progress" for each in busy)
        done = [each.json() for each in four if each.status_code == 202]
        assert len(done) + len(busy) == 4, [each.text for each in four]
        again = call(house, unit, key, content)
        assert again.status_code == 202
        assert all(each == again.json() for each in done)
        assert count(house, content) == 1
        other = call(house, unit, key, a_sheet(1))
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.slow
def test_two_clerks_submit_at_once_and_get_one_receipt(house: House) -> None:
    program = Program(house, "D010", Ledger())
    told = program.upload(a_sheet(20))

    def submit(number: int) -> dict[str, object]:
        time.sleep(random.Random(number).uniform(0, 0.02))
        mine = Program(house, "D010", Ledger())
        return dict(mine.send("POST", f"/customer-files/{told['id']}/submit", json={"missing": []}).json())

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(submit, range(8)))
    assert all(each == receipts[0] for each in receipts)
    assert "receipt" in receipts[0]
