"""When a request arrived, by a real gunicorn whose one thread is busy. Instants are ordered, no span is measured."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT

APP = textwrap.dedent("""
    import json, time
    from pathlib import Path
    from portal.core import arrival

    HERE = Path(__file__).parent

    def app(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/hold":
            (HERE / "held").touch()
            while not (HERE / "go").exists():
                time.sleep(0.01)
        if path == "/tell":
            (HERE / "told").touch()
        size = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(size) if size else b""
        told = json.dumps({
            "reached": arrival.reached().timestamp(), "bytes_in": arrival.bytes_in().timestamp(),
            "size": len(body), "now": time.time(),
        }).encode()
        start_response("200 OK", [("Content-Length", str(len(told)))])
        return [told]
""")


class Client(socket.socket):
    """One connection, byte by byte."""

    def answer(self) -> dict[str, Any]:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.recv(1)
        size = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
        )
        found: dict[str, Any] = json.loads(self.recv(size, socket.MSG_WAITALL))
        return found


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients: list[Client] = []
        (folder / "tiny.py").write_text(APP)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "tiny:app", "--bind", f"127.0.0.1:{self.port}"),
                *("--worker-class", "portal.core.web.Worker", "--workers", "1", "--threads", "1"),
                *("--no-control-socket", "--log-level", "warning"),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        )
        until = time.monotonic() + 60
        while True:
            try:
                self.open().close()
                return
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.05)

    def open(self) -> Client:
        client = Client()
        self.clients.append(client)
        client.settimeout(60)
        client.connect(("127.0.0.1", self.port))
        return client

    def be_busy(self) -> Client:
        """Its one thread is at work until `go`."""
        holding = self.open()
        holding.sendall(request("/hold"))
        while not (self.folder / "held").exists():
            time.sleep(0.01)
        return holding

    def go(self) -> None:
        (self.folder / "go").touch()


def request(path: str, *, size: int = 0, method: str = "POST", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: here\r\n{more}Content-Length: {size}\r\n\r\n".encode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.go()
    for client in made.clients:
        client.close()
    made.process.terminate()
    assert made.process.wait(40) == 0


def test_a_request_that_waits_for_a_thread_arrived_when_it_arrived(server: Server) -> None:
    holding = server.be_busy()
    waiting = server.open()
    before = time.time()
    waiting.sendall(request("/", size=3) + b"abc")
    time.sleep(1)
    after = time.time()  # and still every thread is busy
    server.go()
    told = waiting.answer()
    assert before <= told["reached"] <= told["bytes_in"] < after < told["now"]
    assert told["size"] == 3
    holding.answer()


def test_a_connection_opened_in_time_wins_no_time_for_its_request(server: Server) -> None:
    early = server.open()
    time.sleep(0.5)
    sent = time.time()
    early.sendall(request("/"))
    first = early.answer()
    assert first["reached"] >= sent
    time.sleep(0.5)
    again = time.time()
    early.sendall(request("/"))
    assert early.answer()["reached"] >= again > first["now"], "kept alive: each request has its own instant"


def test_bytes_that_dawdle_are_not_in_before_the_last_one_comes(server: Server) -> None:
    slow = server.open()
    began = time.time()
    slow.sendall(request("/tell", size=6) + b"abc")
    while not (server.folder / "told").exists():
        time.sleep(0.01)
    deadline = time.time()  # the server reads, half of the bytes are there
    time.sleep(1)
    slow.sendall(b"def")
    told = slow.answer()
    assert began <= told["reached"] <= deadline < told["bytes_in"] <= told["now"]


def test_no_header_tells_the_server_when_it_was(server: Server) -> None:
    before = time.time()
    liar = server.open()
    liar.sendall(
        request(
            "/", more="Portal-Arrived: 1\r\nX-Request-Start: t=1\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        )
    )
    assert liar.answer()["reached"] >= before


def test_two_requests_in_one_packet_are_both_answered(server: Server) -> None:
    both = server.open()
    both.sendall(request("/") + request("/"))
    first, second = both.answer(), both.answer()
    assert second["reached"] >= first["reached"]
