"""Children that never outlive their parent, even when it is killed by kill -9.

On Linux the kernel tells the child (PR_SET_PDEATHSIG). Elsewhere a small guard process, the `__main__` of
this file, stands between the two and waits for the end of a pipe that only the parent holds open.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def begin(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    fds: Sequence[int] = (),
    by_kernel: bool = sys.platform == "linux",
) -> "subprocess.Popen[bytes]":
    """Start a child in a session of its own (Ctrl-C is for the parent); it gets SIGTERM when we die."""
    options: dict[str, Any] = {"cwd": folder, "env": environment, "start_new_session": True}
    options["stdin"] = subprocess.DEVNULL
    if by_kernel:
        ask = _ask_kernel(os.getpid())
        return subprocess.Popen(command, pass_fds=fds, preexec_fn=ask, **options)  # noqa: PLW1509 - one thread
    reading, _writing = os.pipe()  # `_writing` stays open in this process alone, until it ends
    guard = [sys.executable, str(Path(__file__)), str(reading), *command]
    child = subprocess.Popen(guard, pass_fds=[reading, *fds], **options)
    os.close(reading)
    return child


def _ask_kernel(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died between fork and here
            os._exit(1)

    return ask


def guard(pipe: int, command: Sequence[str]) -> int:
    """Run a command until it ends, or until the other end of the pipe does; passes SIGTERM on."""
    child = subprocess.Popen(command, close_fds=False)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())

    def watch() -> None:
        os.read(pipe, 1)
        child.terminate()

    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(guard(int(sys.argv[1]), sys.argv[2:]))
