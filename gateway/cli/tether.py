"""Become another program that dies with its parent and, where that program refuses root, isn't root.

`subprocess` starts this file as a script; it ties itself to its parent and then *becomes* the wanted program
(`exec`), so the process id stays the same. Doing it between fork and exec (`preexec_fn`) is not safe in a
process with threads. Only Linux knows the signal of a parent's death; elsewhere this merely starts the program.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from signal import Signals

NOBODY = 65534
"""The uid and gid of `nobody` on Linux; any other than 0 would do."""

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT = 1, 8, 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def tethered(command: Sequence[str], at_parents_death: Signals, not_root_in: Path | None = None) -> list[str]:
    """The command line that runs `command` tied to the calling process.

    Args:
        command: the program's path and its arguments.
        at_parents_death: what the program gets when the *thread* that started it is gone.
        not_root_in: a folder that the program owns. Where given and we are root, the program runs as another
            user, to whom the folder is handed over.
    """
    folder = str(not_root_in or "")
    # -I -S: neither the environment nor site-packages can change, or slow, what runs here.
    me = [sys.executable, "-I", "-S", __file__]
    return [*me, str(int(at_parents_death)), str(os.getpid()), folder, *command]


def main(signal: str, parent: str, folder: str, *command: str) -> None:
    """Tie this process to `parent`, leave root where `folder` is given, and become `command`."""
    if folder and os.geteuid() == 0:
        leave_root(folder)
    # After leaving root: a change of credentials clears the parent-death signal.
    if sys.platform == "linux":
        call("prctl", PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):  # The parent may have died before the signal was asked for.
        sys.exit("the parent is gone")
    os.execv(command[0], command)


def leave_root(folder: str) -> None:
    """Run on as somebody else who owns `folder`.

    In a user namespace we *are* root on disk, so that a folder under `/root` can be reached, and `nobody` to
    ourselves. Where namespaces are forbidden (Docker's default), we turn into the real `nobody`.
    """
    if succeeds(enter_namespace):
        own(folder, os.geteuid(), os.getegid())
        enter_namespace()
    else:
        own(folder, NOBODY, NOBODY)
        become_nobody()


def enter_namespace() -> None:
    """Enter a user namespace in which our ids are `nobody`'s (user_namespaces(7))."""
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", CLONE_NEWUSER)
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {uid} 1")
    Path("/proc/self/setgroups").write_text("deny")  # Without it the kernel refuses the next line.
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {gid} 1")


def become_nobody() -> None:
    """Become `nobody`, who still may pass through folders that only root may enter."""
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    one = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable; the second three are for capabilities beyond the 31st.
    sets = (ctypes.c_uint32 * 6)(one, one, one, 0, 0, 0)
    try:
        call("capset", header, sets)
        call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
    except OSError:
        # A container may have taken that capability from root; then the folders on the way must be open.
        return


def own(folder: str, uid: int, gid: int) -> None:
    """Hand `folder` and what is in it to `uid`, unless it is theirs."""
    if os.stat(folder).st_uid == uid:
        return
    for parent, _, names in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in names)):
            os.chown(path, uid, gid, follow_symlinks=False)


def succeeds(step: Callable[[], None]) -> bool:
    """Whether `step` works here: tried in a child, because a namespace once entered can't be left."""
    child = os.fork()
    if child == 0:
        try:
            step()
        except (OSError, AttributeError):
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def call(name: str, *arguments: object) -> None:
    """Call a function of the C library.

    Raises:
        OSError: what `errno` says.
    """
    # Linux takes the arguments of prctl as unsigned longs, and ctypes would pass ints.
    libc = ctypes.CDLL(None, use_errno=True)
    longs = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    if getattr(libc, name)(*longs) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
