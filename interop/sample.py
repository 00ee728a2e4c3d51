"""The sample application of `examples/`, on b2sdk 1.1.4 and on `b2pure.v1`, which differ in one line: the import.

Rules. Each half has a server and an account info file of its own, and runs the program again after the same changes of
the same folder. Everything that the program says must be the same, and everything that is in the bucket and in the
restored folder in the end. The program says neither ids nor times.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from interop import trees
from interop.commands import NO_PROXY
from interop.environments import CHECKOUT
from interop.scenario import Outcome, Scenario, Step, Target
from interop.server import served
from interop.trees import require, same
from interop.witness import Witness

BUCKET: Final = "interop-sample"
PART_SIZE: Final = 5_000_000
SERVE_ARGS: Final = (f"--recommended-part-size={PART_SIZE}",)
"""So that a large file need not be very large."""
PROGRAM: Final = CHECKOUT / "examples" / "backup_inventory.py"
THEIRS: Final = "from b2sdk.v1 import ("
OURS: Final = "from b2pure.v1 import ("
FOLDER: Final = {
    "a.txt": b"a",
    "2019/beach.jpg": b"sand",
    "film.mov": trees.content("film.mov", 2 * PART_SIZE + 1_000_000),
    "left.tmp": b"",
    "cache/x": b"x",
}
KEPT: Final = ("2019", "2020", "film.mov")
"""What of the folder is there in the end, and no filter leaves out."""


class Half:
    """One of the two: the program, the Python that runs it, and where it works."""

    def __init__(self, target: Target, python: Path, program: Path, work: Path) -> None:
        self.witness = Witness(target)
        self.folder, self.restored = work / "folder", work / "restored"
        self._target, self._command = target, (str(python), "-W", "ignore", str(program))
        self._info = work / "account_info"
        self.restored.mkdir(parents=True)
        trees.write(self.folder, FOLDER)

    def run(self, key: str | None = None) -> list[str]:
        """What the program says, and its exit status in the last line."""
        target = self._target
        arguments = (target.url, target.key_id, key or target.key, BUCKET, str(self.folder), str(self.restored))
        done = subprocess.run(
            (*self._command, *arguments),
            cwd=self.folder.parent,
            env={**os.environ, **NO_PROXY, "B2_ACCOUNT_INFO": str(self._info), "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            check=False,
        )
        return [*done.stdout.splitlines(), *done.stderr.splitlines()[-3:], f"exit status {done.returncode}"]

    def stored(self) -> list[tuple[object, ...]]:
        """All versions in the bucket, without ids and times."""
        fields = ("fileName", "action", "contentLength", "contentType", "contentSha1")
        return [tuple(version[field] for field in fields) for version in self.witness.versions(BUCKET)]


def _changed(folder: Path) -> None:
    """What happens to the folder before the third run."""
    (folder / "a.txt").unlink()
    changed = {"2019/beach.jpg": b"sand and sea", "2020/new.txt": b"new"}
    trees.write(folder, changed)
    for name in changed:
        os.utime(folder / name, (trees.MOD_TIME + 60, trees.MOD_TIME + 60))


class Sample(Scenario):
    """Each step runs both halves, and compares them."""

    def __init__(self, target: Target, theirs: Half, ours: Half) -> None:
        super().__init__(target)
        self.theirs, self.ours = theirs, ours

    def steps(self) -> Sequence[Step]:
        return (
            self.a_first_backup,
            self.nothing_new,
            self.files_that_changed,
            self.a_wrong_key,
            self.the_buckets_are_the_same,
            self.the_restored_folders_are_the_same,
        )

    def _agree(self, run: Callable[[Half], list[str]]) -> list[str]:
        said = run(self.theirs)
        same(said, run(self.ours))
        return said

    def a_first_backup(self) -> None:
        said = self._agree(Half.run)
        same(("the key is new", "exit status 0"), (said[0], said[-1]))
        require(any(line.startswith("archive.zip: large") for line in said), "the archive is a large file")

    def nothing_new(self) -> None:
        said = self._agree(Half.run)
        same(["the account info file knows the key", "nothing to back up"], said[:2])
        same("exit status 0", said[-1])

    def files_that_changed(self) -> None:
        for half in (self.theirs, self.ours):
            _changed(half.folder)
        said = self._agree(Half.run)
        same(["hide   a.txt", "upload 2019/beach.jpg", "upload 2020/new.txt"], said[1:4])
        same("exit status 0", said[-1])

    def a_wrong_key(self) -> None:
        said = self._agree(lambda half: half.run("K000wrong"))
        same(["the key is not valid, or not any more: Unauthorized", "exit status 1"], said)

    def the_buckets_are_the_same(self) -> None:
        same(self.theirs.stored(), self.ours.stored())
        rules = [half.witness.buckets()[BUCKET]["lifecycleRules"] for half in (self.theirs, self.ours)]
        same(rules[0], rules[1])

    def the_restored_folders_are_the_same(self) -> None:
        kept = {name: data for name, data in trees.read(self.theirs.folder).items() if name.split("/")[0] in KEPT}
        for half in (self.theirs, self.ours):
            same(sorted(kept), sorted(trees.read(half.restored)))
            require(kept == trees.read(half.restored), "the contents are those of the folder")


def sample(target: Target, programs: Path) -> Iterator[Outcome]:
    """The outcomes; `programs` are those of b2sdk 1.1.4, whose server is the target's."""
    if target.faulty:
        yield Outcome("the same program twice", "SKIP", 0.0, "no two runs have the same bad weather")
        return
    work = Path(target.work)
    text = PROGRAM.read_text()
    require(text.count(THEIRS) == 1, f"the program has one line {THEIRS!r}")
    changed = work / PROGRAM.name
    changed.write_text(text.replace(THEIRS, OURS))
    with served(str(work), arguments=SERVE_ARGS) as other:
        theirs = Half(target, programs / "python", PROGRAM, work / "theirs")
        ours = Half(other.target, Path(sys.executable), changed, work / "ours")
        yield from Sample(target, theirs, ours).run()
        yield other.the_server_fell_over_nowhere()
