"""Folders below one root, opened so that nothing can lead out of it.

Rules. Every step down from the root goes through the descriptor of the folder above and never follows a
symbolic link. A link on the way is resolved, and only when its real path lies inside the real root the walk
starts again along that real path, again without following anything: whoever swaps a link in meanwhile gains a
refusal. All changes of the tree are then made by name in the opened folder. Where the system has no such
descriptors (Windows) the same steps are made with paths.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["FileInTheWay", "Folder", "Refused", "Root", "explain", "identity"]

_HAS_DIR_FD: Final = {os.open, os.stat, os.mkdir, os.unlink} <= os.supports_dir_fd
_FOLDER_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_FILE_FLAGS: Final = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)
_MAX_LINKS: Final = 40
"""Links on the way of one path, as Linux allows."""
_JUNCTION: Final = 0xA0000003
"""IO_REPARSE_TAG_MOUNT_POINT: what Windows has beside symbolic links."""
_ADVICE: Final = {
    errno.ENOSPC: "; free some and run it again",
    errno.EDQUOT: "; free some and run it again",
    errno.EFBIG: "; the file system or a limit of the process takes no larger file",
    errno.EMFILE: "; raise the limit of open files (ulimit -n)",
    errno.ENAMETOOLONG: "; the file system takes no name that long",
}


class Refused(Exception):
    """The path may not be used; says why, for a person."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class FileInTheWay(Refused):
    """A file stands where the path needs a folder."""

    def __init__(self, component: str) -> None:
        super().__init__(f"'{component}' is a file, so no folder can be there")


def explain(error: OSError) -> str:
    """The system's words for the error, and what to do where that is known. Never a path or a traceback."""
    number = error.errno
    if number is None:
        return str(error)
    return os.strerror(number) + _ADVICE.get(number, "")


def identity(status: os.stat_result) -> tuple[int, int]:
    """What makes two looks at a file or folder looks at the same one."""
    return status.st_dev, status.st_ino


class Folder:
    """An open folder. Its methods take one name each, never a path, and follow no link unless they say so."""

    def __init__(self, path: str, fd: int | None) -> None:
        self._path = path
        self._fd = fd

    def _at(self, name: str) -> str:
        return name if self._fd is not None else os.path.join(self._path, name)

    def enter(self, name: str) -> Folder | None:
        """The folder of that name, or None when a symbolic link has the name.

        Raises NotADirectoryError when it is something else, FileNotFoundError when there is nothing.
        """
        path = os.path.join(self._path, name)
        if self._fd is not None:
            with suppress(NotADirectoryError):
                return self._enter_by_descriptor(path, name)
        status = self.stat(name)
        if stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION:
            return None
        if self._fd is not None or not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return Folder(path, None)

    def _enter_by_descriptor(self, path: str, name: str) -> Folder:
        try:
            return Folder(path, os.open(name, _FOLDER_FLAGS, dir_fd=self._fd))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK):  # how some systems refuse a link
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
            raise

    def enter_or_make(self, name: str) -> Folder | None:
        """Like `enter`, and makes the folder when there is nothing."""
        try:
            return self.enter(name)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(self._at(name), dir_fd=self._fd)
            return self.enter(name)

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """A descriptor of a file; never waits for the other end of a pipe."""
        return os.open(self._at(name), flags | _FILE_FLAGS, mode, dir_fd=self._fd)

    def stat(self, name: str, *, follow: bool = False) -> os.stat_result:
        """What has the name; with `follow` what a link leads to."""
        return os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=follow)

    def unlink(self, name: str) -> None:
        os.unlink(self._at(name), dir_fd=self._fd)

    def replace(self, name: str, new_name: str) -> None:
        """Rename inside this folder, over what has the new name."""
        os.replace(self._at(name), self._at(new_name), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def set_times(self, name: str, fd: int, ns: int) -> None:
        """Give a file, open as `fd`, its modification time in nanoseconds since the epoch."""
        if os.utime in os.supports_fd:
            os.utime(fd, ns=(ns, ns))
        else:
            os.utime(self._at(name), ns=(ns, ns))

    def is_empty_tree(self, name: str) -> bool:
        """Whether the folder of that name holds nothing but folders, all the way down."""
        below = self.enter(name)
        if below is None:
            return False
        with below.closing():
            with os.scandir(self._path_of(below)) as entries:
                found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            return all(is_dir for _, is_dir in found) and all(below.is_empty_tree(n) for n, _ in found)

    def remove_empty_tree(self, name: str) -> None:
        """Remove a folder and the empty folders in it. A file that came in meanwhile stays: OSError."""
        below = self.enter(name)
        if below is None:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        with below.closing():
            for inner in os.listdir(self._path_of(below)):
                below.remove_empty_tree(inner)
        os.rmdir(self._at(name), dir_fd=self._fd)

    @staticmethod
    def _path_of(folder: Folder) -> int | str:
        return folder._path if folder._fd is None else folder._fd

    def identity(self) -> tuple[int, int]:
        """Two opened folders with the same identity are the same folder."""
        return identity(os.stat(self._path_of(self)))

    def is_inside(self, root: Root) -> bool:
        """Whether the folder, which may have been moved since it was opened, still lies inside the root."""
        if self._fd is None:
            return root.parts_inside(os.path.realpath(self._path)) is not None
        goal = identity(os.stat(root.path))
        here = os.dup(self._fd)
        try:
            while (seen := identity(os.fstat(here))) != goal:
                above = os.open("..", _FOLDER_FLAGS, dir_fd=here)
                os.close(here)
                here = above
                if identity(os.fstat(here)) == seen:  # the top of the system
                    return False
            return True
        finally:
            os.close(here)

    def flush(self) -> None:
        """Make renames in this folder outlive a power failure, where the system can."""
        if self._fd is not None:
            os.fsync(self._fd)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)

    @contextmanager
    def closing(self) -> Iterator[Folder]:
        """Close it at the end."""
        try:
            yield self
        finally:
            self.close()


class Root:
    """The folder that nothing leads out of. `path` is its real, absolute path."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.realpath(path)

    def folder(self, parts: Sequence[str], *, make: bool) -> Folder:
        """The folder at `parts`, opened; with `make`, missing ones are made.

        Raises Refused for a link that leads out, FileInTheWay, and OSError.
        """
        here = self._open()
        trail: list[str] = []
        links = 0
        todo = [(part, "/".join(parts[: i + 1])) for i, part in enumerate(parts)][::-1]
        try:
            while todo:
                part, shown = todo.pop()
                below = _step(here, part, shown, make)
                if below is None:
                    links += 1
                    if links > _MAX_LINKS:
                        raise Refused(f"'{shown}' has too many symbolic links on its way")
                    todo.extend((name, shown) for name in reversed(self._resolved([*trail, part], shown)))
                    trail = []
                    below = self._open()
                else:
                    trail.append(part)
                here.close()
                here = below
        except BaseException:
            here.close()
            raise
        return here

    def parts_inside(self, real: str) -> list[str] | None:
        """The steps from the root to a real path, None when it lies outside."""
        if os.path.normcase(real) == os.path.normcase(self.path):
            return []
        prefix = self.path.rstrip(os.sep) + os.sep
        if not os.path.normcase(real).startswith(os.path.normcase(prefix)):
            return None
        return real[len(prefix) :].split(os.sep)

    def _open(self) -> Folder:
        try:
            if _HAS_DIR_FD:
                return Folder(self.path, os.open(self.path, _FOLDER_FLAGS))
            os.stat(self.path)
        except OSError as error:
            raise Refused(f"the folder {self.path} cannot be opened: {explain(error)}") from None
        return Folder(self.path, None)

    def _resolved(self, trail: Sequence[str], shown: str) -> list[str]:
        try:
            real = os.path.realpath(os.path.join(self.path, *trail), strict=True)
        except OSError:
            raise Refused(f"'{shown}' is a symbolic link that leads nowhere") from None
        parts = self.parts_inside(real)
        if parts is None:
            raise Refused(f"'{shown}' is a symbolic link that leads out of the folder")
        return parts


def _step(here: Folder, part: str, shown: str, make: bool) -> Folder | None:
    try:
        return here.enter_or_make(part) if make else here.enter(part)
    except NotADirectoryError:
        raise FileInTheWay(shown) from None
