"""Pages of documentation that are run from top to bottom, as a reader would.

Rules. A page is Markdown. What is in its fences is run in one folder, with one namespace and one shell:

- `python` is executed. Tests in it are run, with pytest where they want fixtures, so such a block stands on its own.
- `pycon` has `>>>` examples, whose output must be what is shown.
- `console` has commands behind `$ `, in bash, whose output must be what is shown. A command may fail only where the
  next one is `echo $?`. `b2pure serve` goes on in a terminal of its own; the lines `export ...` that it prints are
  pasted into the others.
- `text`, `json` and `toml` are only shown, and the last two must be well-formed.

In output `...` stands for anything, and white space is as good as other white space. Lines of a command may come in
another order, for commands do several things at once.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field, frozen

__all__ = ["SHOWN", "Block", "BrokenPage", "Page", "blocks_of"]

SHOWN: Final[dict[str, Callable[[str], object]]] = {"text": str, "json": json.loads, "toml": tomllib.loads}
"""Languages that are not run, and what checks them."""

PATIENCE: Final = 60.0
"""Seconds that a command may take."""

_FLAGS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_FENCE: Final = re.compile(r"^(```+)\s*(\S*)\s*$")
_DIRECTIVES: Final = ("{toctree}", "{eval-rst}")
_DODGES: Final = re.compile(r"^( {4,}|\t|\s*~~~|\s+```|\s*<pre|\s*<code)")
_SENTINEL: Final = "end-of-command:"


class BrokenPage(AssertionError):
    """A page that says what is not so."""


@frozen
class Block:
    """What is in a fence, and the number of its first line."""

    language: str
    text: str
    line: int


def blocks_of(markdown: str) -> Iterator[Block]:
    """The fences of a page. Raises BrokenPage for code that nobody would run."""
    lines = enumerate(markdown.splitlines(), 1)
    for number, line in lines:
        if _DODGES.match(line):
            raise BrokenPage(f"line {number}: code stands in a fence of ``` at the beginning of the line")
        opening = _FENCE.match(line)
        if line.startswith("```") and opening is None:
            raise BrokenPage(f"line {number}: a fence has a language and nothing else")
        if opening is None:
            continue
        language, inside = opening[2], []
        for _, each in lines:
            if each.rstrip() == opening[1]:
                break
            inside.append(each)
        else:
            raise BrokenPage(f"line {number}: the fence has no end")
        if language not in ("python", "pycon", "console", *SHOWN, *_DIRECTIVES):
            raise BrokenPage(f"line {number}: {language or 'no language'} is neither run nor on the list")
        if language not in _DIRECTIVES:
            yield Block(language, "\n".join(inside) + "\n", number + 1)


@define
class Page:
    """A page as it is read: `run` the blocks one after the other, then `close` it."""

    name: str
    folder: Path
    patch: pytest.MonkeyPatch
    namespace: dict[str, Any] = field(factory=lambda: {"__name__": "page"})
    for_pytest: list[str] = field(factory=list)
    """Blocks whose tests want fixtures."""
    _shell: subprocess.Popen[bytes] | None = None
    _servers: list[subprocess.Popen[bytes]] = field(factory=list)

    def run(self, block: Block) -> None:
        """Run one block. Raises BrokenPage, or whatever the block raises."""
        match block.language:
            case "python":
                self._python(block)
            case "pycon":
                self._examples(block)
            case "console":
                self._console(block)
            case shown:
                SHOWN[shown](block.text)

    def close(self) -> None:
        """End what the page started, and forget what it made."""
        self.namespace.clear()
        for process in self._servers:
            process.send_signal(signal.SIGINT)
        for process in (*self._servers, *([self._shell] if self._shell is not None else ())):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:  # a command that does not end, or a server that does not
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()

    # -- Python

    def _python(self, block: Block) -> None:
        tree = ast.parse(block.text)
        tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        exec(compile("\n" * (block.line - 1) + block.text, self.name, "exec"), self.namespace)
        wanting = [name for name in tests if inspect.signature(self.namespace[name]).parameters]
        if wanting:
            self.for_pytest.append(block.text)
            return
        for name in tests:
            self.namespace[name]()

    def _examples(self, block: Block) -> None:
        examples = doctest.DocTestParser().get_examples(block.text, self.name)
        if not examples:
            raise BrokenPage(f"line {block.line}: pycon without >>>")
        test = doctest.DocTest(examples, {}, self.name, self.name, block.line - 1, block.text)
        test.globs = self.namespace
        told = StringIO()
        result = doctest.DocTestRunner(optionflags=_FLAGS | doctest.REPORT_ONLY_FIRST_FAILURE).run(
            test, out=told.write, clear_globs=False
        )
        if result.failed:
            raise BrokenPage(told.getvalue())

    # -- the shell

    def _console(self, block: Block) -> None:
        commands = list(_commands(block.text))
        if not commands:
            raise BrokenPage(f"line {block.line}: console without $")
        for place, (command, expected) in enumerate(commands):
            if re.match(r"b2pure serve( (?!--help)|$)", command):
                self._serve(command, expected)
                continue
            output, status = self._ask(command)
            following = commands[place + 1][0] if place + 1 < len(commands) else ""
            if status and following != "echo $?":
                raise BrokenPage(f"$ {command}\n{output}exit status {status}")
            if not _agrees(expected, output):
                raise BrokenPage(f"$ {command}\n{output}is not what is shown:\n{expected}")

    def _serve(self, command: str, expected: str) -> None:
        process = self._started(["bash", "-c", f"exec {command}"])
        self._servers.append(process)
        output, end = "", time.monotonic() + PATIENCE
        while re.search(r"^# .*\n", output, re.MULTILINE) is None and (piece := _piece(process, end)):
            output += piece
        if not _agrees(expected, output):
            raise BrokenPage(f"$ {command}\n{output}is not what is shown:\n{expected}")
        for line in output.splitlines():
            if line.startswith("export "):
                self._ask(line)
                name, _, value = line.removeprefix("export ").partition("=")
                self.patch.setenv(name, value)

    def _ask(self, command: str) -> tuple[str, int]:
        if self._shell is None:
            self._shell = self._started(["bash", "--norc", "--noprofile"])
        assert self._shell.stdin is not None
        told = f"{{ {command}\n}} </dev/null; __s=$?; printf '{_SENTINEL}%s\\n' $__s; (exit $__s)\n"
        self._shell.stdin.write(told.encode())
        self._shell.stdin.flush()
        output, end = "", time.monotonic() + PATIENCE
        while (found := re.search(rf"{_SENTINEL}(\d+)\n$", output)) is None:
            piece = _piece(self._shell, end)
            if not piece:
                raise BrokenPage(f"$ {command}\n{output}did not end")
            output += piece
        return output[: found.start()], int(found[1])

    def _started(self, command: list[str]) -> subprocess.Popen[bytes]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "HOME": str(self.folder), "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=environ,
            start_new_session=True,
        )


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands and the output that is shown below them. A command that ends in a backslash goes on."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        found = re.match(r"((?:.*\\\n)*.*)\n", part)
        assert found is not None, "a block ends with a line"
        yield found[1], part[found.end() :]


def _agrees(expected: str, output: str) -> bool:
    wanted, said = expected.strip().split("\n"), output.strip().split("\n")
    check = doctest.OutputChecker().check_output
    return any(
        check("\n".join(each) + "\n", "\n".join(other) + "\n", _FLAGS)
        for each, other in ((wanted, said), (sorted(wanted), sorted(said)))
    )


def _piece(process: subprocess.Popen[bytes], end: float) -> str:
    """What the process says next; nothing when it has ended, or says nothing for too long."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
    return os.read(process.stdout.fileno(), 1 << 16).decode() if ready else ""
