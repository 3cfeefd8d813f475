"""The shared sample files through the API: each gets what expected.json says, and never a 5xx."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.customer_files.service import checking
from tests.conftest import ApiClient
from tests.factories import World


@pytest.mark.parametrize("at_once", [checking.ROWS_AT_ONCE, 3])
def test_every_sample_gets_its_answer(
    world: World,
    api_as: Callable[..., ApiClient],
    samples: Path,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where each is taken in by pieces of three rows, as only large files are."""
    monkeypatch.setattr(checking, "ROWS_AT_ONCE", at_once)
    folder = samples / "customer_files"
    wrong = []
    for number, case in enumerate(json.loads((folder / "expected.json").read_text())["cases"]):
        if number % 50 == 0:  # a token may upload 60 files a minute, and the clock stands
            api = api_as(world.actors["clerk2"])
        content = (folder / case["file"]).read_bytes()
        answer = api.post(
            "/customer-files",
            data={"month": case["period"], "file": (io.BytesIO(content), case["upload_as"])},
        )
        assert answer.status_code < 500, (case["id"], answer.text)
        if answer.status_code == 422:
            good = "rejected_file" in (case["outcome"], *case["also_ok"])
        elif case["id"] == "g01_same_again":
            good = True  # not the latest version here: another one
        else:
            least, most = case["rows_good_range"]
            good = least <= answer.json["rows"]["good"] <= most
            values = {}
            for row in api.get(f"/customer-files/{answer.json['id']}/rows?status=good&limit=200").json[
                "items"
            ]:
                values[row["row"]] = row["values"]
            for row in case["good_rows"]:
                seen = values.get(row["row"], {})
                if seen and str(seen["purchase_date"]) != str(row["purchase_date"] or seen["purchase_date"]):
                    good = False
        if not good:
            wrong.append((case["id"], answer.status_code, answer.json))
    assert wrong == []
