"""Requests a second of a page of 50 rows, against the same rows on a bare Flask page (bare_page.py).

Usage: ./dev bench throughput [--customers 10000] [--rounds 5] [--seconds 4]

Both under gunicorn (two sync workers) on the same database, by turns; wrk asks with eight connections. Needs wrk.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from bench.ground import NOW, World, crowd, data_folder, ground, median, more_dealers, ratio, signed_in
from portal.core.db import sqlalchemy_url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(what: str, address: str, headers: dict[str, str], **environment: str) -> Iterator[str]:
    """The application under gunicorn; gives the whole address once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-w", "2", "-k", "sync", "-b", f"127.0.0.1:{port}"]
    command += ["--log-level", "error", what]
    server = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}{address}"
    try:
        for _ in range(150):
            time.sleep(0.2)
            try:
                with urlopen(Request(url, headers=headers)) as answer:
                    page = answer.read().decode()
                    assert page.count("<tr>") >= 51, "not the page of 50 rows"
                    break
            except OSError:
                continue
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def asked(url: str, headers: dict[str, str], seconds: int) -> tuple[float, str]:
    """Requests a second, and the middle and 99th percentile of the time they took."""
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "--latency", url]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said, said
    times = dict(re.findall(r"(50|99)%\s+(\S+)", said))
    return float(re.findall(r"Requests/sec:\s+(\S+)", said)[0]), f"p50 {times['50']}, p99 {times['99']}"


def cookie_of(app, world: World) -> str:
    """A browser's cookie after its first page: from then on it is not signed and sent anew each time."""
    client = signed_in(app, world.actors["agent"])
    assert client.get("/customers").status_code == 200
    kept = client.get_cookie("portal")
    assert kept is not None
    return f"portal={kept.value}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("throughput needs wrk (Debian's package of that name)")
    with ground("bench_throughput") as (app, world, url):
        more_dealers(world)
        crowd(url, world, given.customers)
        cookie = {"Cookie": cookie_of(app, world)}
        product = {
            "DATABASE_URL": url,
            "PORTAL_DATA": str(data_folder() / "bench_throughput"),
            "PORTAL_NOW": NOW.isoformat(),
            "SECRET_KEY": "b" * 40,
        }
        bare = {"BENCH_URL": sqlalchemy_url(url, role=None), "BENCH_NETWORK": str(world.network.id)}
        with (
            served("wsgi:app", "/customers", cookie, **product) as portal_url,
            served("bench.bare_page:app", "/customers", {}, **bare) as bare_url,
        ):
            mine, theirs = [], []
            for number in range(given.rounds + 1):
                pairs = ((bare_url, {}, theirs), (portal_url, cookie, mine))
                for address, headers, found in pairs:
                    rate, times = asked(address, headers, given.seconds if number else 1)
                    if number:  # the first round warms up
                        found.append(rate)
                        print(f"{'portal' if found is mine else 'bare'}: {rate:.0f} requests/s, {times}")
        by_round = [own / other for own, other in zip(mine, theirs, strict=True)]
        print(f"portal {median(mine):.0f}, bare {median(theirs):.0f} requests/s")
        ratio("throughput", median(by_round), "at least", 0.35, "of the bare page's requests a second")


if __name__ == "__main__":
    main()
