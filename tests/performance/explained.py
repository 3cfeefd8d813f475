"""What each statement costs as it runs: its plan and the blocks it touches, which no load on the machine changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True)
class Cost:
    statement: str
    buffers: int
    whole_tables: frozenset[str]
    """Tables that were read from end to end."""


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from _nodes(inner)


@contextmanager
def explained(engine: Engine) -> Iterator[list[Cost]]:
    """The costs of all statements that this engine runs inside."""
    costs: list[Cost] = []
    asking = False

    def explain(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        nonlocal asking
        if asking or not statement.lstrip().startswith(("SELECT", "WITH")) or "set_config" in statement:
            return
        asking = True
        with connection.connection.driver_connection.cursor() as own:
            own.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            plan = own.fetchone()[0][0]["Plan"]
        asking = False
        read = {node["Relation Name"] for node in _nodes(plan) if node["Node Type"].endswith("Seq Scan")}
        buffers = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
        costs.append(Cost(statement, buffers, frozenset(read)))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield costs
    finally:
        event.remove(engine, "before_cursor_execute", explain)
