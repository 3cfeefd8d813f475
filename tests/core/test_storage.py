"""A disk that takes no more: an honest 503 and no receipt; nothing half, and it goes on when there is room again."""

import io
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from portal.app import Portal
from portal.core.db import db, look_as
from tests.conftest import ApiClient
from tests.customer_files.filing import csv_of, rows
from tests.factories import World


@contextmanager
def no_file_grows_past(size: int) -> Iterator[None]:
    """What the kernel does to a process's files, for an ordinary user as for root (EFBIG in place of ENOSPC)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_honest_503_without_a_receipt(
    app: Portal, world: World, api_as: Callable[..., ApiClient]
) -> None:
    clerk, content = api_as(world.actors["clerk2"]), csv_of(*rows(200))
    assert len(content) > 8_192

    def upload(key: str):
        sent = {"month": "2026-10", "submit": "true", "file": (io.BytesIO(content), "十月.csv")}
        return clerk.post("/customer-files", data=sent, headers={"Idempotency-Key": key})

    def kept() -> tuple[int, list[str]]:
        look_as(world.actors["clerk2"].scope)
        files = db.session.scalar(db.text("SELECT count(*) FROM customer_file"))
        folder = app.config["STORAGE"] / str(world.network.id)
        return files, sorted(each.name for each in folder.rglob("*") if each.is_file())

    before = kept()
    with no_file_grows_past(8_192):
        refused = upload("full")
    assert refused.status_code == 503
    assert refused.content_type == "application/problem+json"
    assert refused.json["code"] == "unavailable"
    assert int(refused.headers["Retry-After"]) > 0
    assert "receipt" not in refused.json
    assert kept() == before, "no row, no file, no half of one"
    taken = upload("full")  # the same key: what failed was not kept as its answer
    assert taken.status_code == 202
    assert kept()[0] == before[0] + 1
