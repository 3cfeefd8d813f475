"""The commands of API.md: each can be run again, says what it did, and exits 0 only when it did it."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.core.db import db
from tests.factories import World

Run = Callable[..., Any]


@pytest.fixture
def run(app: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("portal.cli.signal.signal", lambda *_: None)

    def command(*arguments: str, **given: Any) -> Any:
        return app.test_cli_runner().invoke(args=list(arguments), **given)

    return command


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], str]:
    def written(text: str) -> str:
        file = tmp_path / "table.csv"
        file.write_text(text, "utf-8")
        return str(file)

    return written


def test_a_network_created_again_is_there_and_another_of_its_code_is_refused(run: Run) -> None:
    first = run("network", "create", "nw", "新网", "--rulebook", "flooring")
    assert (first.exit_code, "is there, with its headquarters" in first.output) == (0, True)
    again = run("network", "create", "nw", "新网", "--rulebook", "flooring")
    assert (again.exit_code, "nothing to do" in again.output) == (0, True)
    for other in (
        ("nw", "别的网", "--rulebook", "flooring"),
        ("nw", "新网", "--rulebook", "machinery"),
        ("nw", "新网", "--rulebook", "flooring", "--time-zone", "Asia/Tokyo"),
    ):
        refused = run("network", "create", *other)
        assert (refused.exit_code, "There is a network nw already." in refused.output) == (1, True)


def test_an_import_may_name_the_headquarters_that_is_there(run: Run, table: Callable[[str], str]) -> None:
    good = table("kind,code,name,parent\nheadquarters,HQ,青榆总部,\nregion,R8,八区,HQ\n")
    done = run("network", "import", "qy", "--units", good)
    assert done.exit_code == 0, done.output
    assert "1 new units, 1 changed" in done.output
    assert run("network", "import", "qy", "--units", good).exit_code == 0
    wrong = table("kind,code,name,parent\nheadquarters,H2,另一个,\nheadquarters,HQ,青榆总部,R8\n")
    refused = run("network", "import", "qy", "--units", wrong)
    assert refused.exit_code == 1
    assert "row 2: a network has one headquarters" in refused.output
    assert "row 3: headquarters has no parent" in refused.output


def test_an_import_with_one_wrong_row_changes_nothing(run: Run, table: Callable[[str], str]) -> None:
    wrong = table("kind,code,name,parent\nregion,R8,八区,HQ\ndealer,D8,八店,NOPE\n")
    refused = run("network", "import", "qy", "--units", wrong)
    assert (refused.exit_code, "row 3: parent 'NOPE' is not known" in refused.output) == (1, True)
    assert db.session.scalar(db.text("SELECT count(*) FROM unit WHERE code = 'R8'")) == 0


def test_a_token_stands_alone_on_standard_output(run: Run, world: World) -> None:
    email = world.email("clerk2")
    done = run("token", email, "--network", "qy")
    assert (done.exit_code, done.stdout.startswith("pt_"), done.stdout.count("\n")) == (0, True, 1)
    assert run("token", "nobody@nowhere.example", "--network", "qy").exit_code == 1
    assert run("token", email, "--all", "--network", "qy").exit_code == 1  # not both
    assert run("token", "--network", "qy").exit_code == 1


def test_tokens_of_all_can_be_narrowed_to_a_role(run: Run) -> None:
    done = run("token", "--all", "--network", "qy", "--role", "store_clerk")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == ["email", "phone", "unit", "role", "token"]
    assert {each["unit"] for each in rows} == {"S1", "S2", "S3"}


def test_a_refused_password_is_said_once(run: Run, world: World) -> None:
    refused = run("password", world.email("clerk2"), input="short\n")
    assert refused.exit_code == 1
    assert refused.stderr.count("8") == 2  # "8 to 128", in one sentence
