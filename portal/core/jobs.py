"""Long work: jobs are rows of the caller's transaction (procrastinate), so a rollback leaves none.

A job may run twice (a worker died in the middle): each must come out the same. Whose eyes and whose name it has
travel with it.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import procrastinate
import procrastinate.jobs
import psycopg
import structlog
from flask import Flask, current_app
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task
from sqlalchemy.exc import InterfaceError, OperationalError

from portal.core import clock
from portal.core.db import db, finish, look_as, raw
from portal.core.scope import CLOSED, Scope, current_scope, stated

STALLED_AFTER = 20  # seconds without a sign of life from a worker
RESCUE_EVERY = 10  # seconds
NORMAL, PATIENT = "default", "patient"
ATTEMPTS = 8
LONGEST_WAIT = 20  # seconds between two attempts: nothing may hang for a minute after the database's return
log = structlog.get_logger("jobs")


class Again(procrastinate.BaseRetryStrategy):
    """Try again, sooner first; a database that is away does not count, however often it happens."""

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate.jobs.Job
    ) -> procrastinate.RetryDecision | None:
        away = isinstance(exception, OperationalError | InterfaceError | psycopg.OperationalError)
        if job.attempts >= ATTEMPTS and not away:
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), LONGEST_WAIT)})


@dataclass(frozen=True)
class Job:
    name: str
    run: Callable[..., None]
    cron: str | None
    lane: str


JOBS: dict[str, Job] = {}
_manager = JobManager(procrastinate.SyncPsycopgConnector())  # never opened: it only lends its queries
_carriers: list[tuple[str, Callable[[], Any], Callable[[Any], None]]] = []


def job(
    name: str, *, cron: str | None = None, patient: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a job of this name ('customer_files.check'); with `cron` it also runs by itself.

    `patient`: nobody waits for it in front of a page; it goes into a lane of its own, so that it holds up no check.
    """

    def register(run: Callable[..., None]) -> Callable[..., None]:
        JOBS[name] = Job(name, run, cron, PATIENT if patient else NORMAL)
        return run

    return register


def carry(name: str, dump: Callable[[], Any], load: Callable[[Any], None]) -> None:
    """What travels with each job: `dump` where it is asked for, `load` where it runs (access carries the actor)."""
    _carriers.append((name, dump, load))


def later(name: str, *, once: str | None = None, priority: int = 0, **ids: Any) -> None:
    """Run job `name` after this transaction is committed; `once` is a lock: while one such waits, no second."""
    asked = JOBS[name]  # a wrong name fails here, not at night
    scope = current_scope()
    travels = {"scope": [scope.network, scope.low, scope.high], **{who: dump() for who, dump, _ in _carriers}}
    with suppress(AlreadyEnqueued), db.session.begin_nested():  # a duplicate must not kill the caller's work
        configure_task(
            name=name,
            job_manager=_manager,
            connection=raw(),
            queue=asked.lane,
            priority=priority,
            lock=None,
            queueing_lock=once,
            task_kwargs={"travels": travels, **ids},
        ).defer()


def run(app: Flask, name: str, travels: dict[str, Any] | None = None, **ids: Any) -> None:
    """Run one job now, in a transaction of its own. Raises what the job raises, after a rollback."""
    with app.app_context(), stated(CLOSED):
        try:
            clock.be_tied()
            network, low, high = (travels or {}).get("scope") or (None, "", "")
            look_as(Scope(network, low, high))
            for who, _, load in _carriers:
                if travels and who in travels:
                    load(travels[who])
            JOBS[name].run(**ids)
            finish(good=True)
        except BaseException:
            finish(good=False)
            raise
        finally:
            db.session.remove()


def work(app: Flask, *, concurrency: int = 2) -> None:
    """Run jobs until SIGTERM or Ctrl-C; a running job is finished first."""
    asyncio.run(_work(app, concurrency))


async def _work(app: Flask, concurrency: int) -> None:
    queue = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=app.config["LIBPQ_URL"]))
    for each in JOBS.values():
        _add(queue, app, each)

    async def lane(name: str, at_once: int) -> None:
        while True:
            with suppress(
                ConnectorException, psycopg.Error
            ):  # the database is away: the rest of the log says so
                await queue.run_worker_async(
                    queues=[name],
                    concurrency=at_once,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=20,
                    fetch_job_polling_interval=2,
                    delete_jobs="successful",
                    update_heartbeat_interval=5,
                    stalled_worker_timeout=STALLED_AFTER,
                )
            log.warning(
                "worker_begins_again", lane=name
            )  # it lost its connection; what it was at is finished
            await asyncio.sleep(1)

    async with queue.open_async():
        lanes = [asyncio.create_task(lane(NORMAL, concurrency)), asyncio.create_task(lane(PATIENT, 1))]
        rescuing = asyncio.create_task(_rescue(queue.job_manager))

        def end() -> None:
            for each in lanes:
                each.cancel()  # once: a running job is finished first

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        await asyncio.wait(lanes)
        rescuing.cancel()


async def _rescue(manager: JobManager) -> None:
    """Begin anew what a killed worker was at. Beside the jobs and not as one of them: long ones must not hold it up."""
    while True:
        try:
            for stalled in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER):
                await _begin_anew(manager, stalled)
        except ConnectorException as away:
            log.warning("rescue_failed", error=type(away).__name__)
        await asyncio.sleep(RESCUE_EVERY)


async def _begin_anew(manager: JobManager, stalled: procrastinate.jobs.Job) -> None:
    log.warning("job_rescued", job=stalled.task_name, id=stalled.id)
    if stalled.queueing_lock != stalled.task_name:
        with suppress(UniqueViolation, AlreadyEnqueued):  # else the same work waits already
            await manager.retry_job(stalled)
            return
    await manager.finish_job(stalled, status=Status.FAILED, delete_job=True)  # its own clock begins it again


def _add(queue: procrastinate.App, app: Flask, each: Job) -> None:
    def act(timestamp: int | None = None, travels: dict[str, Any] | None = None, **ids: Any) -> None:
        started = clock.now()
        try:
            run(app, each.name, travels, **ids)
        except Exception as error:
            log.error("job_failed", job=each.name, error=type(error).__name__, exc_info=True, **ids)
            raise
        log.info("job_done", job=each.name, seconds=round((clock.now() - started).total_seconds(), 3))

    task = queue.task(
        name=each.name,
        queue=each.lane,
        retry=False if each.cron else Again(),
        queueing_lock=each.name if each.cron else None,
    )(act)
    if each.cron:
        queue.periodic(cron=each.cron)(task)


def waiting() -> dict[str, int]:
    """How many jobs stand in which state, for `flask check`."""
    rows = db.session.execute(
        db.text("SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status")
    )
    return {row[0]: row[1] for row in rows}


def app_of() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001 - Flask's own way
