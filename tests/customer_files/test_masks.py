"""What those above see of a dealer's rows tells no whole number, wherever it was written."""

import io
import zipfile

from tests.customer_files.filing import row

WHOLE = "13912345678"


def test_a_number_in_the_reason_or_sent_as_a_number_is_masked_above(world, api_as, browser_as):
    api = api_as(world.actors["clerk2"])
    sent = [row(1), row(2, phone=int(WHOLE), purchase_date="never", remarks=int(WHOLE))]
    file = api.post("/customer-files", json={"month": "2026-10", "customers": sent}).json
    path = f"/customer-files/{file['id']}"
    out = api.post(f"{path}/rows/2/exclude", json={"reason": f"退货，电话{WHOLE}"})
    assert out.status_code == 200
    done = api.post(f"{path}/submit", json={"missing": [{"unit": "S3", "reason": "closed"}]})
    assert done.status_code == 200, done.json
    assert WHOLE in api.get(f"{path}/rows").text
    for who in ("region", "supervisor"):
        above = api_as(world.actors[who])
        for view in ("rows", "problems"):
            assert WHOLE not in above.get(f"{path}/{view}").text
        with zipfile.ZipFile(io.BytesIO(above.get(f"{path}/annotated.xlsx").data)) as book:
            assert not any(WHOLE.encode() in book.read(name) for name in book.namelist())
        assert "139****5678" in above.get(f"{path}/rows?status=excluded").text
    page = browser_as(world.actors["admin"]).get("/audit")
    assert "139****5678" in page.text
    assert WHOLE not in page.text
