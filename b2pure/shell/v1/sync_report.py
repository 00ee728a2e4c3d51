"""What a sync tells on a terminal: a line for each file, and a line of progress that is written again and again.

Rules. Safe for many threads. A line is never mixed with the progress: that is wiped out before, and comes back after;
at the end nothing of it is left. What is written is what b2sdk 1.1.4 writes, byte for byte.
Control characters in names are escaped, and so is what the terminal cannot show. Warnings come at the end.
"""

from __future__ import annotations

import time
from threading import RLock
from types import TracebackType
from typing import Any, Protocol

from b2pure.model.names import printable
from b2pure.shell.listeners import AbstractProgressListener
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.utils import format_and_scale_fraction, format_and_scale_number

__all__ = ["SyncFileReporter", "SyncReport"]


class _Output(Protocol):
    def write(self, text: str, /) -> Any: ...


class SyncReport:
    """Handle reporting progress for syncing. Print out each file as it is processed, and puts up a sequence of progress
    bars:

    - Step 1/1: count local files
    - Step 2/2: compare file lists
    - Step 3/3: transfer files

    This class is THREAD SAFE, so it can be used from parallel sync threads.
    """

    UPDATE_INTERVAL = 0.1
    """Seconds between two lines of progress."""

    @checked()
    def __init__(self, stdout: _Output, no_progress: bool) -> None:
        """Lines go to `stdout`, and the progress, too, unless there is to be none of it (`no_progress`)."""
        self.stdout, self.no_progress = stdout, no_progress
        self.start_time = time.time()
        self.local_file_count = self.compare_count = 0
        self.local_done = self.compare_done = False
        self.total_transfer_files = self.total_transfer_bytes = 0
        self.transfer_files = self.transfer_bytes = 0
        self.warnings: list[str] = []
        self.closed = False
        self._width = 0
        self._shown_at = 0.0
        self._encoding_told = False
        self._writing = RLock()
        self._update(now=True)

    def __enter__(self) -> SyncReport:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Perform a clean-up: the progress is wiped out, and warnings are printed. A second time does nothing."""
        with self._writing:
            if self.closed:
                return
            self.closed = True
            if not self.no_progress:
                self._print("", "\r")
            for warning in self.warnings:
                self._print(warning, "\n")

    def error(self, message: str) -> None:
        """Print an error, gracefully interleaving it with a progress bar."""
        self.print_completion(message)

    def print_completion(self, message: str) -> None:
        """Remove the progress bar, prints a message, and puts the progress bar back."""
        with self._writing:
            self._print(printable(message), "\n")
            self._update(now=True)

    # -- the three steps

    def update_local(self, delta: int) -> None:
        """Report that more local files have been found."""
        with self._writing:
            self.local_file_count += delta
            self._update()

    def end_local(self) -> None:
        """Local file count is done. Can proceed to step 2."""
        with self._writing:
            self.local_done = True
            self._update()

    def update_compare(self, delta: int) -> None:
        """Report that more files have been compared."""
        with self._writing:
            self.compare_count += delta
            self._update()

    def end_compare(self, total_transfer_files: int, total_transfer_bytes: int) -> None:
        """Report that the comparison has been finished."""
        with self._writing:
            self.compare_done = True
            self.total_transfer_files, self.total_transfer_bytes = total_transfer_files, total_transfer_bytes
            self._update()

    def update_transfer(self, file_delta: int, byte_delta: int) -> None:
        """Update transfer info."""
        with self._writing:
            self.transfer_files += file_delta
            self.transfer_bytes += byte_delta
            self._update()

    # -- warnings

    def local_access_error(self, path: str) -> None:
        """Add a file access error message to the list of warnings."""
        self._warn(f"WARNING: {printable(path)} could not be accessed (broken symlink?)")

    def local_permission_error(self, path: str) -> None:
        """Add a permission error message to the list of warnings."""
        self._warn(f"WARNING: {printable(path)} could not be accessed (no permissions to read?)")

    def symlink_skipped(self, path: str) -> None:
        """A link that the policies leave out: as wanted, so nothing is said."""

    def _warn(self, message: str) -> None:
        with self._writing:
            self.warnings.append(message)

    # -- the terminal

    def _update(self, *, now: bool = False) -> None:
        if self.no_progress or self.closed:
            return
        moment = time.time()
        if now or moment - self._shown_at >= self.UPDATE_INTERVAL:
            self._shown_at = moment
            self._print(self._progress(moment), "\r")

    def _progress(self, moment: float) -> str:
        seconds = max(moment - self.start_time, 0.001)
        rate = format_and_scale_number(int(self.transfer_bytes / seconds), "B/s")
        if not self.compare_done:
            count = f"/{self.local_file_count}" if self.local_done else ""
            counting = "" if self.local_done else f" count: {self.local_file_count} files  "
            moved = format_and_scale_number(self.transfer_bytes, "B")
            return (
                f"{counting} compare: {self.compare_count}{count} files   "
                f"updated: {self.transfer_files} files   {moved}   {rate}"
            )
        moved = format_and_scale_fraction(self.transfer_bytes, self.total_transfer_bytes, "B")
        return (
            f" compare: {self.compare_count}/{self.local_file_count} files   "
            f"updated: {self.transfer_files}/{self.total_transfer_files} files   {moved}   {rate}"
        )

    def _print(self, text: str, end: str) -> None:
        """Write over what stands in the line of the terminal, and what `end` says: go back to its start, or on."""
        line = text.ljust(self._width)
        self._width = 0 if end == "\n" else len(line)
        self._write(line)
        self._write(end)  # on its own, as b2sdk 1.1.4 writes it: mocks of a terminal are asked for both calls
        self._flush()

    def _write(self, text: str) -> None:
        try:
            self.stdout.write(text)
        except UnicodeEncodeError as error:
            if not self._encoding_told:
                self._encoding_told = True
                self.warnings.append(f"WARNING: stdout cannot show all names ({error.encoding}); they are escaped")
            self.stdout.write(_escaped(text, error.encoding))

    def _flush(self) -> None:
        flush = getattr(self.stdout, "flush", None)
        if flush is not None:
            flush()


def _escaped(text: str, encoding: str) -> str:
    """What a terminal of this encoding can show of it; of one that nobody knows, ASCII."""
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")


class SyncFileReporter(AbstractProgressListener):
    """Listens to the progress of one file, and tells a sync report of it."""

    def __init__(self, reporter: SyncReport, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.bytes_so_far = 0
        self.reporter = reporter

    def set_total_bytes(self, total_byte_count: int) -> None:
        """The report knows it from the comparison."""

    def bytes_completed(self, byte_count: int) -> None:
        """Tell how many more there are."""
        self.reporter.update_transfer(0, byte_count - self.bytes_so_far)
        self.bytes_so_far = byte_count

    def close(self) -> None:
        """Tell that it is one more file."""
        self.reporter.update_transfer(1, 0)
