"""`b2pure serve` as a process of its own: started on a free port, stopped by its process id."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from interop.environments import CHECKOUT
from interop.scenario import Outcome, Target

STOP_SECONDS: Final = 10


class Server:
    """A running server: how to reach it, and what it says on standard error."""

    def __init__(self, target: Target, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        self.target = target
        self._process = process
        self._errors = errors

    def the_server_fell_over_nowhere(self) -> Outcome:
        """A client may take an error of the server for bad weather and go on; here it counts."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").splitlines()
        errors = Counter(after for after in lines if _ERROR.match(after))
        status = self._process.poll()
        if status is not None:
            errors[f"it ended with status {status}"] += 1
        detail = "; ".join(f"{count} x {error}" for error, count in errors.most_common(5))
        return Outcome("the server fell over nowhere", "FAIL" if errors else "PASS", 0.0, detail)


_ERROR: Final = re.compile(r"[A-Za-z.]*(Error|Exception)\b")
"""The last line of a traceback."""


@contextmanager
def served(work: str, *, arguments: Sequence[str] = (), faulty: bool = False) -> Iterator[Server]:
    """A fresh server; `arguments` go to `b2pure serve`."""
    command = [sys.executable, "-m", "b2pure", "serve", "--json", "--port", "0", *arguments]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=CHECKOUT) as process,
    ):
        try:
            yield Server(_target(process, errors, work, faulty), process, errors)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _target(process: subprocess.Popen[str], errors: IO[bytes], work: str, faulty: bool) -> Target:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        status = process.wait()
        errors.seek(0)
        raise RuntimeError(f"b2pure serve ended with status {status}: {errors.read().decode(errors='replace')}")
    told = json.loads(line)
    return Target(told["url"], told["application_key_id"], told["application_key"], work, faulty)
