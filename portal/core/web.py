"""gunicorn's worker with threads, which notes when each request arrived (`core.arrival`).

    gunicorn wsgi:app --worker-class portal.core.web.Worker --threads 4

Its loop accepts and watches all connections in a thread of its own, so it sees a request come in while all of the
threads that answer are busy.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from portal.core import arrival


class Worker(ThreadWorker):  # type: ignore[misc]
    wsgi: Callable[..., Iterable[bytes]]

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.wsgi = _read_by_the_clock(self.wsgi)

    def enqueue_req(self, conn: TConn) -> None:
        """In the loop's thread: hand a request to the threads; of a fresh connection there is none yet.

        Such a one waits in the loop, so that the instant is the request's own and not that of a connection which
        somebody opened in time and used too late; it holds no thread meanwhile.
        """
        if conn.initialized or conn.data_ready:
            conn.noted = time.monotonic()
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)  # noqa: FBT003 - a socket's own way
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> Any:
        with arrival.noted_at(conn.noted):
            return super().handle(conn)


def _read_by_the_clock(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = Body(environ["wsgi.input"])
        return app(environ, start_response)

    return call


class Body:
    """A request's body, which tells `arrival` when reading began and when its last bytes came."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int | None = None) -> bytes:
        return self._timed(self._body.read, size)

    def readline(self, size: int | None = None) -> bytes:
        return self._timed(self._body.readline, size)

    def readlines(self, hint: int | None = None) -> list[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    @staticmethod
    def _timed(read: Callable[[int | None], bytes], size: int | None) -> bytes:
        arrival.reading_begins()
        found = read(size)
        if found:
            arrival.reading_ends()
        return found
