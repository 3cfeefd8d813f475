"""Requests that nobody sends by mistake: each is refused in words, none is a 5xx."""

import base64
import io
import json

import pytest
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize


def written(values: object) -> str:
    content = values if isinstance(values, bytes) else json.dumps(values).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor", [written(b"[" * 1400), written(["\ud800"]), written(["\x00"]), written([2**63])]
)
def test_a_forged_cursor_is_422_however_deep_or_odd(world, api_as, cursor):
    answer = api_as(world.actors["clerk"]).get("/units", query_string={"cursor": cursor})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900])
def test_deep_json_with_an_idempotency_key_is_422(world, api_as, body):
    answer = api_as(world.actors["clerk"]).post(
        "/customer-files", data=body, headers={"Idempotency-Key": "deep", "Content-Type": "application/json"}
    )
    assert answer.status_code == 422


def test_two_bodies_that_are_no_json_are_two_bodies(world, api_as):
    api = api_as(world.actors["clerk"])
    told = {"headers": {"Idempotency-Key": "broken", "Content-Type": "application/json"}}
    assert api.post("/customer-files", data=b"{", **told).json["code"] == "invalid_json"
    assert api.post("/customer-files", data=b"[", **told).json["code"] == "idempotency_key_reused"


def test_sixty_uploads_a_minute_and_no_more(world, api_as):
    api = api_as(world.actors["clerk"])

    def sent() -> int:
        return api.post(
            "/customer-files", data={"month": "2026-10", "file": (io.BytesIO(b"x"), "a.csv")}
        ).status_code

    assert {sent() for _ in range(60)} == {422}
    assert sent() == 429


class Broken(io.RawIOBase):
    """A body that cannot be read to its end."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise self.error


@pytest.mark.parametrize(
    "error", [InvalidChunkSize(b"zz"), ChunkMissingTerminator(b"zz"), BlockingIOError(11, "silent")]
)
def test_a_body_that_breaks_off_is_no_fault_of_ours(world, api_as, error):
    body = {"wsgi.input": Broken(error), "CONTENT_LENGTH": "100"}
    client = api_as(world.actors["clerk2"])
    answer = client.post("/customer-files", content_type="application/json", environ_overrides=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
