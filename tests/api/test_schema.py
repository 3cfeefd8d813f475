"""The OpenAPI document and the application agree: whatever is sent, no 5xx, and no answer that is not described.

PORTAL_FUZZ=200 for the figure of the closing note: so many examples for each operation and role.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from portal.app import Portal
from portal.core import clock
from portal.core.db import db, finish
from tests.conftest import Hands
from tests.customer_files.filing import row, submitted
from tests.factories import World, a_token

EXAMPLES = int(os.environ.get("PORTAL_FUZZ", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROLES = ("clerk2", "region", "supervisor")
NEW_MINUTE = 400  # requests, before the limit of a token is reached


@pytest.fixture
def there(world: World) -> dict[str, list[str]]:
    """Things that these roles see, so that not every id ends as 404: path parameter → ids."""
    actor = world.as_("clerk2")
    submitted(actor, [row(number) for number in range(3)])
    finish(good=True)
    world.as_("supervisor")
    files = db.session.scalars(db.text("SELECT id::text FROM customer_file")).all()
    duties = db.session.scalars(db.text("SELECT id::text FROM obligation ORDER BY id")).all()
    return {
        "file_id": list(files),
        "row": ["1", "2", "3"],
        "obligation_id": list(duties),
        "month": ["2026-10", "2026-11"],
        "code": ["D2", "R1"],
    }


def faults_of(case: Case, token: str, answered: Counter[str]) -> Iterator[str]:
    """What one request found, in a line each."""
    named = {"Authorization": f"Bearer {token}"}
    try:
        response = case.call(headers=named)
    except UnicodeEncodeError:  # such a header or path cannot be sent at all
        return
    answered[str(response.status_code)] += 1
    try:
        case.validate_response(response, checks=CHECKS, headers=named)
    except FailureGroup as group:
        for fault in group.exceptions:
            words = " ".join(str(fault).split())[:300]
            yield f"{case.method} {case.path}: {response.status_code} {words}\n    {case.as_curl_command()[:600]}"


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_no_answer_that_is_not_described(
    app: Portal, world: World, at: Hands, there: dict[str, list[str]], role: str
) -> None:
    token = a_token(world.actors[role], clock.now())
    document = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    found: dict[str, str] = {}
    answered: Counter[str] = Counter()
    for operation in document.get_all_operations():
        described: Any = operation.ok()

        @hypothesis.seed(20_261_103)
        @hypothesis.settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(case=described.as_strategy(), pick=st.integers(0, 9))
        def fuzz(case: Case, pick: int) -> None:
            for name in case.path_parameters or {}:
                if pick < 7 and there.get(name):
                    case.path_parameters[name] = there[name][pick % len(there[name])]
            if answered.total() % NEW_MINUTE == 0:
                at.forward(minutes=1)
            for fault in faults_of(case, token, answered):
                found.setdefault(fault.split("\n")[0][:160], fault)

        fuzz()
    print(f"\n{role}: {answered.total()} cases, {dict(sorted(answered.items()))}")
    assert not found, "\n".join(found.values())
