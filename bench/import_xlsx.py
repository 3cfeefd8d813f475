"""The whole import of 100,000 rows from xlsx into 1,000,000, against the fastest parse and COPY into the same indexes.

Usage: ./dev bench import_xlsx [--rows 100000] [--into 1000000] [--rounds 3]

The limit: fastexcel to polars, and COPY of the ready text as superuser into a table with the columns, the indexes and
the million rows of customer_file_row. The import: all of it, under row-level security: the upload's request (it looks
through the zip, reads the workbook, because refusals of whole files belong into its answer (API.md), and hands the rows
over) and the worker (judge, store rows and problems, compare with all other files, audit). The worker alone is printed
beside it. It is a process that has checked a small file before: workers and their connections stay for days. The memory
is its peak against what it held before the job.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import fastexcel
import polars
import psycopg

from bench.ground import (
    MONTH,
    NOW,
    World,
    as_,
    crowd,
    data_folder,
    done,
    ground,
    median,
    more_dealers,
    ratio,
    timed,
    write_xlsx,
)
from config.settings import Settings
from portal import accounts
from portal.access import Actor
from portal.app import create_app
from portal.core import clock
from portal.core.db import db
from portal.customer_files.service import check, receive_sheet

NAMES = "customer_name phone address product_model purchase_date purchase_region quantity order_no remarks".split()
SMALL = 12_000  # above what the request checks itself
COPIED = "network_id, unit_path, file_id, status, row_no, " + ", ".join(NAMES)


def the_limit(url: str, world: World, path: Path) -> tuple[float, float]:
    """Seconds of the fastest parse, and of COPY with what was parsed."""
    sheets = []
    parsed = timed(
        lambda: sheets.append(fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars())
    )
    sheet = sheets[0]
    sheet.columns = NAMES
    dealer = world.units["D1"]
    ready = sheet.with_columns(
        polars.col("purchase_date").str.slice(0, 10).str.to_date(strict=False),
        polars.col("quantity").cast(polars.Float64, strict=False).cast(polars.Int64, strict=False),
        polars.col("customer_name", "phone", "product_model", "remarks").fill_null(""),
    ).with_row_index("row_no", 2)
    ready = ready.with_columns(
        network_id=polars.lit(world.network.id),
        unit_path=polars.lit(dealer.unit_path),
        file_id=polars.lit(2**40),
        status=polars.lit("good"),
    ).select([name.strip() for name in COPIED.split(",")])
    text = ready.write_csv(include_header=False, quote_style="necessary", null_value="\\N").encode()
    with psycopg.connect(url) as connection, connection.cursor() as cursor:

        def store() -> None:
            with cursor.copy(f"COPY limit_row ({COPIED}) FROM STDIN (FORMAT csv, NULL '\\N')") as copy:
                copy.write(text)
            connection.commit()

        stored = timed(store)
    clean(url, "limit_row", 2**40)
    return parsed, stored


def limit_table(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE limit_row (LIKE customer_file_row INCLUDING DEFAULTS INCLUDING INDEXES)"
        )
        connection.execute("INSERT INTO limit_row SELECT * FROM customer_file_row")
        connection.execute("VACUUM ANALYZE limit_row")
        connection.execute("CHECKPOINT")


def clean(url: str, table: str, file_id: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DELETE FROM {table} WHERE file_id >= %s", (file_id,))
        connection.execute(f"VACUUM {table}")
        connection.execute("CHECKPOINT")


def receive(world: World, path: Path, who: str = "clerk") -> tuple[int, float]:
    """The upload's request: the file's id, and seconds."""
    received = []

    def work() -> None:
        got = receive_sheet(
            as_(world.actors[who]),
            month=MONTH,
            name=path.name,
            content=path.read_bytes(),
            received_at=clock.now(),
        )
        received.append((got.file.id, got.file.state))
        done()

    spent = timed(work)
    assert received[0][1] == "checking", "the request left nothing to the worker"
    return received[0][0], spent


def in_a_worker(url: str, world: World, files: dict[str, int]) -> dict[str, float]:
    """The checks of these files one after the other, in one process; the figures are the last one's."""
    command = [sys.executable, "-m", "bench.import_xlsx", "--worker", url]
    for who, file_id in files.items():
        actor = world.actors[who]
        command += [str(file_id), str(actor.person_id), str(actor.membership_id)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(said.splitlines()[-1])


def memory(name: str) -> int:
    """A figure of this process in MB: VmRSS, or VmHWM, its highest."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) // 1024
    return 0


def worker(url: str, *jobs: str) -> None:
    """The jobs in a process of their own, as the worker runs them; prints the last one's seconds and memory."""
    settings = Settings(
        _env_file=None, database_url=url, portal_data=data_folder() / "bench_xlsx", secret_key="b" * 40
    )
    with create_app(settings).app_context(), clock.standing_at(NOW):
        for file_id, person_id, membership_id in zip(jobs[::3], jobs[1::3], jobs[2::3], strict=True):
            actor = accounts.actor_of_membership(int(person_id), int(membership_id), "job")
            assert actor is not None
            as_(actor)
            before = memory("VmRSS")
            spent = timed(partial(_checked, actor, int(file_id)))
        print(json.dumps({"seconds": spent, "before": before, "peak": memory("VmHWM")}))


def _checked(actor: Actor, file_id: int) -> None:
    check(actor, file_id)
    done()


def main() -> None:
    if "--worker" in sys.argv:
        worker(*sys.argv[sys.argv.index("--worker") + 1 :])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--into", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ground("bench_xlsx") as (_, world, url):
        more_dealers(world)
        crowd(url, world, asked.into, customers=False)
        limit_table(url)
        limits, jobs, whole, grown = [], [], [], []
        for seed in range(1, asked.rounds + 1):
            path = write_xlsx(Path(folder) / f"{seed}.xlsx", asked.rows, seed)
            parsed, stored = the_limit(url, world, path)
            small = write_xlsx(Path(folder) / f"small-{seed}.xlsx", SMALL, seed)
            earlier, _ = receive(world, small, "clerk2")
            file_id, requested = receive(world, path)
            db.session.remove()
            job = in_a_worker(url, world, {"clerk2": earlier, "clerk": file_id})
            clean(url, "customer_file_row", earlier)
            limits.append(parsed + stored)
            jobs.append(job["seconds"] / limits[-1])
            whole.append((job["seconds"] + requested) / limits[-1])
            grown.append(job["peak"] - job["before"])
            print(
                f"limit {parsed:.2f} + {stored:.2f} s; request {requested:.2f} s, worker {job['seconds']:.2f} s, "
                f"{job['before']:.0f} MB before, {job['peak']:.0f} MB at the most",
                flush=True,
            )
        print(f"the worker alone: {median(jobs):.2f} times the limit")
        ratio(
            "import_xlsx", median(whole), "at most", 2, "times the fastest parse and COPY, request and worker"
        )
        ratio("import_memory", max(grown), "at most", 400, "MB more in the worker")


if __name__ == "__main__":
    main()
