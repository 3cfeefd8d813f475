"""One cluster and its server: made, started, watched, ended."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import psutil

from portal.core.postgres.places import Cluster, PostgresError
from portal.core.postgres.programs import LOCALE, Account, account_of, environment, programs_of

PORT = "5432"  # only the name of the socket file: nothing listens on the network
RECOVERY_LIMIT = 900.0  # seconds; crash recovery after a large import may take minutes
STOP_LIMIT = 60.0  # seconds for an orderly end, then at once: the next start recovers
TRIES = 2  # the first one may meet a dying server, which still holds its memory
LOG_LIMIT = 10_000_000  # bytes; one older log is kept

_children: dict[Path, subprocess.Popen[bytes]] = {}  # room -> the server, where this process started it


@dataclass(frozen=True)
class Postmaster:
    """A running server, as it describes itself in postmaster.pid."""

    process: psutil.Process
    socket_folder: str
    status: str


def make(cluster: Cluster) -> None:
    account = account_of(cluster)
    programs, major = programs_of(cluster, account)
    for left_over in (*cluster.home.glob("new-*"), *cluster.home.glob("half-*")):
        shutil.rmtree(left_over, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix="new-", dir=cluster.home))
    if account.uid is not None and account.gid is not None:
        os.chown(new, account.uid, account.gid)
    locale = [f"--locale={LOCALE}"]
    if major >= 17:  # the same order and letters on every platform; Chinese letters are letters
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = subprocess.run(
        [programs / "initdb", "-D", new, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-k", *locale],
        capture_output=True, text=True, errors="replace", check=False,
        cwd="/", env=environment(), **account.popen,
    )  # fmt: skip
    if made.returncode:
        raise PostgresError(f"The database could not be made in {cluster.home}: {made.stderr.strip()[-500:]}")
    new.rename(cluster.data)


def running(cluster: Cluster) -> Postmaster:
    """The server, ready; started where it does not run, waited for where it recovers or is about to end."""
    tries = 0
    begun = time.monotonic()
    told = False
    while True:
        server = postmaster(cluster)
        if server and server.status == "ready":
            return server
        if server is None and _children_ended(cluster):
            tries += 1
            if tries > TRIES:
                raise PostgresError(f"PostgreSQL does not start: {_last_words(cluster)} (see {cluster.log})")
            _children[cluster.room] = _launch(cluster)
        waited = time.monotonic() - begun
        if waited > RECOVERY_LIMIT:
            raise PostgresError(f"PostgreSQL is not ready after {waited:.0f} seconds (see {cluster.log})")
        if waited > 5 and not told:
            told = True
            print("PostgreSQL recovers from a crash; this may take minutes.", file=sys.stderr, flush=True)
        time.sleep(0.02 if tries < TRIES else 0.2)


def _children_ended(cluster: Cluster) -> bool:
    """Whether no server that this process started is left: one may live some moments longer than its pid file."""
    child = _children.get(cluster.room)
    return child is None or child.poll() is not None


def _launch(cluster: Cluster) -> subprocess.Popen[bytes]:
    account = account_of(cluster)
    programs, _ = programs_of(cluster, account)
    _end_orphans(cluster)
    sockets = cluster.socket_folder
    if sockets != cluster.data:
        _make_private(sockets, account)
    for left_over in (cluster.data / "postmaster.pid", sockets / f".s.PGSQL.{PORT}.lock"):
        left_over.unlink(missing_ok=True)  # their process ids may be somebody else's by now
    if cluster.log.exists() and cluster.log.stat().st_size > LOG_LIMIT:
        cluster.log.rename(cluster.log.with_suffix(".log.1"))
    log = os.open(cluster.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        return subprocess.Popen(
            [programs / "postgres", "-D", cluster.data, *_settings(cluster, sockets)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C is for us, not for it
            cwd="/", env=environment(), **account.popen,
        )  # fmt: skip
    finally:
        os.close(log)


def _settings(cluster: Cluster, sockets: Path) -> list[str]:
    folder = str(sockets).replace('"', '""')
    settings = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": f'"{folder}"',
        "cluster_name": cluster.name,
        "fsync": "on",
        "shared_buffers": os.environ.get("PORTAL_PG_SHARED_BUFFERS", "256MB"),
        "max_wal_size": "4GB",
        "random_page_cost": "1.1",
        "work_mem": "32MB",
        "jit": "off",
        "log_error_verbosity": "terse",  # DETAIL and failed statements carry customers' phones and names
        "log_min_error_statement": "panic",
    }
    shared_memory = Path("/dev/shm")  # noqa: S108 - containers give it 64 MB: too little for parallel queries
    if shared_memory.exists() and shutil.disk_usage(shared_memory).total < 512_000_000:
        settings["dynamic_shared_memory_type"] = "mmap"
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _make_private(folder: Path, account: Account) -> None:
    """A folder in /tmp that only the server's account may enter, whoever made one of that name before."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(folder, account.uid, account.gid)
    found = folder.lstat()
    owner = os.geteuid() if account.uid is None else account.uid
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise PostgresError(f"{folder} is not a private folder of this account: remove it.")


def postmaster(cluster: Cluster) -> Postmaster | None:
    if child := _children.get(cluster.room):
        child.poll()  # a dead child that nobody asks about stays a zombie
    try:
        lines = os.fsdecode((cluster.data / "postmaster.pid").read_bytes()).splitlines()
        process = psutil.Process(int(lines[0]))
        if process.status() == psutil.STATUS_ZOMBIE or str(cluster.data) not in process.cmdline():
            return None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    if len(lines) < 8:  # it still starts; the status is the eighth line
        return Postmaster(process, "", "starting")
    return Postmaster(process, lines[4], lines[7].strip())


def _end_orphans(cluster: Cluster) -> None:
    """What a killed postmaster left behind: a busy backend keeps its memory, and so the new server out."""
    title = f"postgres: {cluster.name}"
    orphans = []
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [""])[0].startswith(title):
            process.kill()
            orphans.append(process)
    psutil.wait_procs(orphans, timeout=10)


def halt(cluster: Cluster) -> bool:
    """Stop the server: orderly, else at once. False if it did not run."""
    server = postmaster(cluster)
    if server is None:
        return False
    for how, limit in ((signal.SIGINT, STOP_LIMIT), (signal.SIGQUIT, 10.0)):
        server.process.send_signal(how)
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if _ended(server.process) and _children_ended(cluster):
                if server.socket_folder not in ("", str(cluster.data)):
                    with contextlib.suppress(OSError):
                        Path(server.socket_folder).rmdir()
                return True
            time.sleep(0.02)
    raise PostgresError(f"PostgreSQL (process {server.process.pid}) does not end (see {cluster.log})")


def _ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _last_words(cluster: Cluster) -> str:
    """The server's own reason, from the end of its log."""
    lines = cluster.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    return next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), "no reason given")


def url_of(server: Postmaster) -> str:
    host = urllib.parse.quote(os.fsencode(server.socket_folder), safe="")
    return f"postgresql://postgres@/postgres?host={host}&port={PORT}"
