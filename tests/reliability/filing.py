"""Dealers' programs that file and remember what they were told: the set check compares it with what is there."""

import hashlib
import random
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests

from tests.reliability.house import House

MONTH = "2026-10"
HEADINGS = "客户姓名,联系电话,地址,产品型号,购买日期,购买区域,数量,订单号,备注"
PATIENCE = 90.0
_numbers = count(1)
TRIED: dict[str, int] = {}
"""Every content that was ever made here: sha256 → its rows."""


def a_sheet(rows: int, faulty: int = 0) -> bytes:
    """A csv of customers that nobody else has; the first `faulty` ones lack their date."""
    start = next(_numbers) * 100_000
    lines = [
        f"王{chr(0x4E00 + number % 5000)},13{start + number:09d},浙江省杭州市西湖区文三路{number}号10栋882室,QY-8206,"
        f"{'' if number < faulty else f'2026-10-{number % 28 + 1:02d}'},杭州,1,SO{start + number},"
        for number in range(rows)
    ]
    content = "\n".join([HEADINGS, *lines]).encode()
    TRIED[sha(content)] = rows
    return content


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Ledger:
    """What the clients were told."""

    files: dict[str, str] = field(default_factory=dict)  # id → sha256
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)  # file id → receipt
    refused: list[str] = field(default_factory=list)  # what no client should ever be told
    repeated: int = 0
    requests: int = 0


class Program:
    """A dealer's program: sends again, with the same key, until it gets an answer."""

    def __init__(self, house: House, unit: str, ledger: Ledger) -> None:
        self.unit = unit
        self.ledger = ledger
        self._base = f"{house.base}/api/v1"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {house.tokens[unit]}"
        self._key = count(1)

    def send(self, method: str, path: str, *, key: str | None = None, **body: Any) -> requests.Response:
        """Until it is answered by something other than 'try again'."""
        until = time.monotonic() + PATIENCE
        headers = {"Idempotency-Key": key} if key else {}
        while True:
            self.ledger.requests += 1
            try:
                answer = self._session.request(method, self._base + path, headers=headers, timeout=30, **body)
                again = answer.status_code >= 500 or answer.status_code == 429
                again = again or (answer.status_code == 409 and answer.json()["code"] == "in_progress")
                if not again:
                    return answer
                if answer.status_code >= 500 and answer.status_code != 503:
                    self.ledger.refused.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            except requests.RequestException:
                pass
            assert time.monotonic() < until, f"{method} {path} was never answered"
            time.sleep(0.1)

    def new_key(self) -> str:
        return f"{self.unit}-{next(self._key)}"

    def upload(self, content: bytes, *, key: str | None = None, submit: bool = False) -> dict[str, Any]:
        """Acknowledged: the file is known by its id from now on."""
        answer = self.send(
            "POST",
            "/customer-files",
            key=key,
            data={"month": MONTH, **({"submit": "true"} if submit else {})},
            files={"file": ("十月.csv", content)},
        )
        if answer.status_code not in (200, 202):
            self.ledger.refused.append(f"upload: {answer.status_code} {answer.text[:300]}")
            return {}
        told: dict[str, Any] = answer.json()
        self.ledger.files[told["id"]] = sha(content)
        if told.get("receipt"):
            self.ledger.receipts[told["id"]] = told["receipt"]
        return told

    def submit(self, file_id: str, *, key: str | None = None) -> None:
        answer = self.send("POST", f"/customer-files/{file_id}/submit", key=key, json={"missing": []})
        if answer.status_code == 200:
            self.ledger.receipts[file_id] = answer.json()["receipt"]
        elif answer.status_code != 409 or answer.json()["code"] not in ("still_checking", "has_errors"):
            self.ledger.refused.append(f"submit: {answer.status_code} {answer.text[:300]}")

    def live(self, chance: random.Random, over: threading.Event, large: int) -> None:
        """File again and again until it is over: small and large, with faults and without, with keys and without."""
        while not over.is_set():
            kind = chance.choice(["small", "small", "small", "faulty", "at once", "large"])
            key = self.new_key() if chance.random() < 0.7 else None
            rows = large if kind == "large" else chance.randint(1, 300)
            content = a_sheet(rows, faulty=1 if kind == "faulty" else 0)
            told = self.upload(content, key=key, submit=kind in ("at once", "large"))
            if key and told and chance.random() < 0.3:
                self.ledger.repeated += 1
                again = self.upload(content, key=key, submit=kind in ("at once", "large"))
                if again != told:
                    self.ledger.refused.append(f"the second answer differs: {told} {again}")
            if told and kind == "small":
                self.submit(told["id"], key=self.new_key() if chance.random() < 0.7 else None)
