"""Starts one program that must not outlive its parent. Run by path (``python -I -S guard.py …``), so it needs nothing but the standard library.

``guard.py PARENT_PID SIGNAL USER -- PROGRAM ARGUMENT…``: SIGNAL (a number) is sent to the program when the parent is gone, even by kill -9; USER is
the unprivileged user the program runs as, or ``-`` for the present one. On Linux the kernel delivers the signal and the guard becomes the program;
elsewhere the guard stays between the two and watches.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from types import FrameType

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.5


def main(arguments: list[str]) -> None:
    parent, number, user = int(arguments[0]), int(arguments[1]), arguments[2]
    program = arguments[4:]
    if user != "-":
        _become(user)
    if sys.platform == "linux":
        # After the change of user: the kernel forgets the setting when credentials change.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            sys.exit(1)
        os.execv(program[0], program)  # noqa: S606 - the program is our own engine, given by our own process
    _watch(parent, number, program)


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ.update(HOME="/", USER=user, LOGNAME=user)


def _watch(parent: int, number: int, program: list[str]) -> None:
    child = subprocess.Popen(program)

    def forward(received: int, _frame: FrameType | None) -> None:
        child.send_signal(received)

    for forwarded in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(forwarded, forward)
    told = False
    while child.poll() is None:
        if os.getppid() != parent and not told:
            child.send_signal(number)
            told = True
        time.sleep(_WATCH_SECONDS)
    sys.exit(child.returncode if child.returncode >= 0 else 128 - child.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
