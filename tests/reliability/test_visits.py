"""Calls are saved while web, worker and database are killed with kill -9: an answered save is there, once and whole;
an unanswered one is there whole or not at all.

PORTAL_CALL_KILLS=40 for the figure of the closing note; the suite kills four times.
"""

import os
import random
import threading
import time
from collections import Counter
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.reliability.filing import MONTH, Ledger, Program, a_sheet
from tests.reliability.house import AGENTS, House, until

KILLS = int(os.environ.get("PORTAL_CALL_KILLS", "4"))
TARGETS = ("web process", "worker", "database", "connection", "web server")
CALLING = "2026-11-10T10:00:00+08:00"
REGION, DEALER = "R7", "D007"
PEOPLE = 400
SEED = 20_261_110
OUTCOMES: dict[str, dict[str, str]] = {
    "satisfied": {"result": "reached", "outcome": "satisfied"},
    "unsatisfied": {"result": "reached", "outcome": "unsatisfied"},
    "no_answer": {"result": "no_answer"},
    "refused": {"result": "refused"},
}


def consolidated(house: House) -> None:
    """The region's month is at headquarters, and its people wait for their calls."""
    ledger = Ledger()
    Program(house, DEALER, ledger).upload(a_sheet(PEOPLE), submit=True)
    manager, caller = Program(house, "manager7@jz.example", ledger), Program(house, "boss@jz.example", ledger)
    path = f"/consolidations/{MONTH}"

    def filed() -> bool:
        lines = manager.send("GET", path).json()["dealers"]
        return any(each["unit"] == DEALER and each["state"] == "submitted" for each in lines)

    until(filed, 60, "the dealer has filed")
    answer = manager.send("POST", f"{path}/submit", json={"missing": []})
    if answer.status_code == 409:
        reasons = [{"unit": each, "reason": "停业"} for each in answer.json()["dealers"]]
        answer = manager.send("POST", f"{path}/submit", json={"missing": reasons})
    assert answer.status_code == 200, answer.text
    until(
        lambda: bool(caller.send("GET", "/return-visits?state=waiting").json()["items"]),
        60,
        "visits are open",
    )


class Caller:
    """An agent's program: claims, saves, and remembers what was answered; a save is sent again with its key."""

    def __init__(self, house: House, number: int, ledger: Ledger) -> None:
        self.program = Program(house, f"agent{number}@jz.example", ledger)
        self.number, self.ledger = number, ledger
        self.tried: dict[str, str] = {}  # note -> what was sent
        self.saved: dict[str, str] = {}  # note -> visit
        self.claimed: list[str] = []

    def live(self, chance: random.Random, over: threading.Event) -> None:
        while not over.is_set():
            answer = self.program.send("POST", "/return-visits/next")
            if answer.status_code == 204:
                return
            if answer.status_code != 200:
                self.ledger.refused.append(f"next: {answer.status_code} {answer.text[:200]}")
                continue
            visit = answer.json()["id"]
            self.claimed.append(visit)
            kind, note = chance.choice(list(OUTCOMES)), f"通话 {self.number}-{len(self.claimed)}"
            self.tried[note] = kind
            saved = self.program.send(
                "POST", f"/return-visits/{visit}/attempts", key=note.replace(" ", "-").encode().hex(),
                json={**OUTCOMES[kind], "note": note},
            )  # fmt: skip
            if saved.status_code == 200:
                self.saved[note] = visit
            else:
                self.ledger.refused.append(f"save: {saved.status_code} {saved.text[:200]}")


@pytest.mark.slow
def test_R040_an_answered_save_is_there_and_whole_whatever_is_killed(house: House) -> None:
    house.open(CALLING)
    consolidated(house)
    ledger, over, failed = Ledger(), threading.Event(), []
    callers = [Caller(house, number, ledger) for number in range(AGENTS)]

    def live(caller: Caller) -> None:
        try:
            caller.live(random.Random(SEED + caller.number), over)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=live, args=[caller]) for caller in callers]
    for each in threads:
        each.start()
    chance, kills = random.Random(SEED), Counter[str]()
    try:
        while kills.total() < KILLS:
            saved = answered(callers)
            until(lambda saved=saved: answered(callers) > saved + 3, 60, "they go on calling")  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.5))  # somewhere in the middle of a save
            target = TARGETS[kills.total() % len(TARGETS)]
            if house.kill(target, chance):
                kills[target] += 1
                until(house.well, 60, f"well again after the {target} was killed\n{house.log()}")
        until(lambda: answered(callers) > 5 * KILLS, 60, "they go on calling")
    finally:
        over.set()
        for each in threads:
            each.join()
    assert not failed
    found = compared(house, callers)
    print(
        f"\n{kills.total()} kills {dict(kills)}; {ledger.requests} requests, {answered(callers)} saves answered; "
        f"{found or 'all there'}"
    )
    assert not found
    assert not ledger.refused


def answered(callers: list[Caller]) -> int:
    return sum(len(caller.saved) for caller in callers)


ATTEMPTS = """
    SELECT a.note, a.visit_id::text AS visit, a.result, a.outcome, v.state, v.visited, v.standing, v.holder_id,
        r.state AS rectification,
        (SELECT count(*) FROM rectification_round t WHERE t.rectification_id = r.id) AS rounds,
        (SELECT count(*) FROM obligation o WHERE o.kind = 'rectification' AND o.subject = r.id::text
         AND o.closed_at IS NULL) AS owed,
        (SELECT count(*) FROM event e WHERE e.action = 'visit:attempted' AND e.object_id = v.id::text) AS events
    FROM visit_attempt a JOIN visit v ON v.id = a.visit_id LEFT JOIN rectification r ON r.visit_id = v.id
"""
COUNTS = """
    WITH counted AS (SELECT unit_id, sum(people), sum(visited), sum(satisfied), sum(unsatisfied), sum(refused),
                            sum(closed) FROM visit_count GROUP BY unit_id),
    days AS (SELECT unit_id, sum(people), sum(visited), sum(satisfied), sum(unsatisfied), sum(refused), sum(closed)
             FROM visit_day WHERE kind = 'dealer' GROUP BY unit_id),
    proof AS (SELECT unit_id, count(*), count(*) FILTER (WHERE visited), count(*) FILTER (WHERE standing = 'satisfied'),
                     count(*) FILTER (WHERE standing = 'unsatisfied'), count(*) FILTER (WHERE standing = 'refused'),
                     count(*) FILTER (WHERE state = 'closed') FROM visit GROUP BY unit_id)
    (SELECT * FROM counted EXCEPT SELECT * FROM proof) UNION ALL (SELECT * FROM proof EXCEPT SELECT * FROM counted)
    UNION ALL (SELECT * FROM days EXCEPT SELECT * FROM proof) UNION ALL (SELECT * FROM proof EXCEPT SELECT * FROM days)
"""
WHOLE: dict[str, Any] = {
    "satisfied": ("closed", True, "satisfied", None, 0, 0),
    "unsatisfied": ("with_dealer", True, "unsatisfied", "open", 1, 1),
    "no_answer": ("retry", False, "none", None, 0, 0),
    "refused": ("retry", False, "refused", None, 0, 0),
}


def compared(house: House, callers: list[Caller]) -> list[str]:
    """What is not as it must be: lost, doubled, half, or counted wrongly."""
    with house.database() as there:
        there.row_factory = dict_row
        rows = there.execute(ATTEMPTS).fetchall()
        wrong = [f"counts {row}" for row in there.execute(COUNTS)]
        wrong += [f"job {each}" for each in house.jobs_left(there)]
    by_note = Counter(row["note"] for row in rows)
    tried = {note: kind for caller in callers for note, kind in caller.tried.items()}
    for caller in callers:
        wrong += [f"lost {note}" for note in caller.saved if not by_note[note]]
    wrong += [f"doubled {note}" for note, many in by_note.items() if many > 1]
    wrong += [
        f"called twice {visit}" for visit, many in Counter(row["visit"] for row in rows).items() if many > 1
    ]
    for row in rows:
        is_now = tuple(
            row[name] for name in ("state", "visited", "standing", "rectification", "rounds", "owed")
        )
        if is_now != WHOLE[tried[row["note"]]] or row["events"] != 1 or row["holder_id"] is not None:
            wrong.append(f"half {row}")
    return wrong
