"""Requests that nobody sends by mistake: each is refused in words, none is a 5xx."""

import base64
import io
import json

import pytest
from gunicorn.http.errors import ChunkMissingTerminator, InvalidChunkSize

from portal.core.numbers import whole


def written(values: object) -> str:
    content = values if isinstance(values, bytes) else json.dumps(values).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor", [written(b"[" * 1400), written(["\ud800"]), written(["\x00"]), written([2**63])]
)
def test_a_forged_cursor_is_422_however_deep_or_odd(world, api_as, cursor):
    answer = api_as(world.actors["clerk"]).get("/units", query_string={"cursor": cursor})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_cursor")


@pytest.mark.parametrize(
    ("written", "number"),
    [("12", 12), ("0", 0), ("9" * 18, 10**18 - 1)]
    + [(odd, None) for odd in ("", "²", "①", "１２", "-1", "+1", "1_0", " 1", "9" * 19, "9" * 5000)],
)
def test_a_whole_number_is_ascii_digits_and_no_error(written, number):
    assert whole(written) == number


@pytest.mark.parametrize("odd", ["²", "①", "9" * 30, "9" * 5000])
def test_a_number_in_a_form_that_is_none_is_no_5xx(world, browser_as, odd):
    def sent(who, address, form, page=""):
        return browser_as(world.actors[who]).send(address, form, page=page or address).status_code

    assert sent("clerk", "/switch", {"to": odd}) == 409
    assert sent("clerk", "/notices/read", {"until": odd}, "/notices") == 302
    by_hand = "/files/2026-10/by-hand"
    assert sent("clerk", by_hand, {"remove": odd, "rows": odd}) == 422
    assert browser_as(world.actors["region"]).get(f"/region/2026-10/D1/return?row={odd}").status_code < 500


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
