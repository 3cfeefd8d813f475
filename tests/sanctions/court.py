"""How tests take a case through the procedure by the API: each role's program, and the steps by name."""

from collections.abc import Callable
from typing import Any

from portal.core.db import db
from tests.conftest import ApiClient, Hands
from tests.factories import World

WHO = {
    "propose": "officer",
    "statement": "principal",
    "approve": "approver",
    "reject": "approver",
    "return": "approver",
    "serve": "officer",
    "acknowledge": "principal",
    "appeal": "principal",
    "decide": "approver2",
    "execute": "finance",
    "close": "officer",
    "withdraw": "officer",
}
BODY: dict[str, dict[str, Any]] = {
    "statement": {"text": "We moved house that week."},
    "return": {"reason": "A photo is lacking."},
    "withdraw": {"reason": "A mistake."},
    "appeal": {"grounds": "It was the carrier."},
    "decide": {"decision": "upheld", "note": "heard"},
}


class Court:
    """The API as each of them sees it."""

    def __init__(self, world: World, api_as: Callable[..., ApiClient], at: Hands) -> None:
        self.world, self.at, self._api_as = world, at, api_as
        self._clients: dict[str, ApiClient] = {}

    def __call__(self, who: str) -> ApiClient:
        if who not in self._clients:
            self._clients[who] = self._api_as(self.world.actors[who])
        return self._clients[who]

    def margin(self, unit: str, amount: int, reference: str = "BANK-1") -> None:
        body = {"amount": {"amount": amount, "currency": "CNY"}, "reference": reference}
        assert self("finance").post(f"/ledger/{unit}/deposits", json=body).status_code == 201

    def balances(self, place: str, who: str = "finance") -> dict[str, int]:
        found = self(who).get(f"/ledger/{place}")
        assert found.status_code == 200, found.text
        shown = {each["kind"]: each["balance"]["amount"] for each in found.json["accounts"]}
        return {kind: amount for kind, amount in shown.items() if amount}

    def propose(self, **body: Any) -> dict[str, Any]:
        made = self("officer").post("/sanction-cases", json={"facts": "What happened."} | body)
        assert made.status_code == 201, made.text
        return made.json  # type: ignore[no-any-return]

    def tried(self, case: str, step: str, who: str | None = None, **body: Any) -> Any:
        return self(who or WHO[step]).post(f"/sanction-cases/{case}/{step}", json=BODY.get(step, {}) | body)

    def step(self, case: str, step: str, who: str | None = None, **body: Any) -> dict[str, Any]:
        done = self.tried(case, step, who, **body)
        assert done.status_code == 200, done.text
        return done.json  # type: ignore[no-any-return]

    def refused(self, case: str, step: str, who: str | None = None, **body: Any) -> tuple[int, str]:
        done = self.tried(case, step, who, **body)
        return done.status_code, done.json.get("code", done.json.get("state"))

    def get(self, case: str, who: str = "officer") -> dict[str, Any]:
        found = self(who).get(f"/sanction-cases/{case}")
        assert found.status_code == 200, found.text
        return found.json  # type: ignore[no-any-return]

    def list(self, query: str = "", who: str = "officer") -> list[dict[str, Any]]:
        found = self(who).get(f"/sanction-cases{query}")
        assert found.status_code == 200, found.text
        return found.json["items"]  # type: ignore[no-any-return]

    def heard(self, case: str, **body: Any) -> dict[str, Any]:
        """Approved after the party's time to speak, by one or two."""
        self.at.forward(days=3)
        done = self.step(case, "approve", "approver", **body)
        return self.step(case, "approve", "approver3", **body) if done["state"] == "proposed" else done

    def served(self, case: str) -> dict[str, Any]:
        self.heard(case)
        return self.step(case, "serve")

    def final(self, case: str) -> dict[str, Any]:
        """Served, and the time to appeal is over."""
        done = self.served(case)
        self.at.forward(days=7)
        return done


def seen_by(world: World, who: str, table: str) -> int:
    world.as_(who)
    return db.session.scalar(db.text(f"SELECT count(*) FROM {table}")) or 0
