"""The demo: a real folder to a B2 over HTTP and back, with the plan as data before and after.

Runs the commands that a person would type, against a simulated B2 on this machine. The folder given (this checkout,
unless you say otherwise) is copied first, and only the copy is changed.

    python scripts/demo.py [SOURCE]
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

B2PURE = [sys.executable, "-m", "b2pure"]
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")


def main() -> int:
    """The whole story; 0 if every byte came back."""
    began = time.monotonic()
    source = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    if not source.is_dir():
        print(f"demo: {source} is not a folder; give another with SOURCE=...", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="b2pure-demo-") as work:
        folder, back, plan = Path(work, "folder"), Path(work, "back"), Path(work, "friday.plan.jsonl")
        say(f"A copy of {source} to play with, and a B2 server on this machine")
        shutil.copytree(source, folder, symlinks=True, ignore=left_out)
        with served() as environment:
            same = story(folder, back, plan, environment)
    print(f"\n{'every byte is back' if same else 'SOMETHING DIFFERS'}, {time.monotonic() - began:.1f} s")
    return 0 if same else 1


def story(folder: Path, back: Path, plan: Path, environment: dict[str, str]) -> bool:
    """Up, nothing left to do, changes, a plan kept in a file, down, compared."""
    bucket = "b2://demo-bucket/folder"
    say("1. What would a sync do? The plan, as data (its last lines)")
    run(environment, "plan", str(folder), bucket, tail=4)
    say("2. Do it, over real HTTP")
    run(environment, "sync", str(folder), bucket, tail=2)
    say("3. Plan again: nothing is left to do")
    run(environment, "plan", str(folder), bucket)
    say("4. Change one file, add one, delete one; plan with ten days of history, and keep that plan in a file")
    deleted = change(folder)
    run(environment, "plan", str(folder), bucket, "--keep-days", "10", "-o", str(plan))
    print(f"\n{plan.name}:")
    for line in plan.read_text().splitlines():
        print("  " + (line if len(line) <= 150 else line[:147] + "..."))
    say("5. Why is the deleted file treated as it is?")
    run(environment, "plan", str(folder), bucket, "--keep-days", "10", "--explain", deleted)
    say("6. Apply the plan from the file")
    run(environment, "apply", str(plan))
    say("7. Bring everything back to a fresh folder, and compare every byte")
    run(environment, "sync", bucket, str(back), tail=2)
    return identical(folder, back)


def left_out(folder: str, names: list[str]) -> set[str]:
    """What the copy goes without: caches, and what is neither a file nor a folder."""
    odd = {name for name in names if not (Path(folder, name).is_file() or Path(folder, name).is_dir())}
    return odd | set(NOT_COPIED(folder, names))


def change(folder: Path) -> str:
    """A changed, a new and a deleted file; the name of the deleted one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if len(files) < 2:
        (folder / "second file.txt").write_text("so that there is one to delete\n")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
    changed, deleted = files[0], files[-1]
    with changed.open("ab") as file:
        file.write(b"one more line\n")
    (folder / "a new file.txt").write_text("hello\n")
    deleted.unlink()
    return deleted.relative_to(folder).as_posix()


@contextmanager
def served() -> Iterator[dict[str, str]]:
    """A simulated B2 on loopback; the environment that points the command line at it."""
    server = subprocess.Popen(
        [*B2PURE, "serve", "--json", "--bucket", "demo-bucket"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        print(f"serving at {told['url']}")
        yield {
            **os.environ,
            "B2_ENVIRONMENT": told["url"],
            "B2_APPLICATION_KEY_ID": told["application_key_id"],
            "B2_APPLICATION_KEY": told["application_key"],
        }
    finally:
        server.terminate()
        server.wait()


def run(environment: dict[str, str], *arguments: str, tail: int | None = None) -> None:
    """Type a command and show what it says; one that fails is shown too (a skipped file is part of the story)."""
    print("$ b2pure " + " ".join(arguments))
    sys.stdout.flush()
    if tail is None:
        subprocess.run([*B2PURE, *arguments], env=environment, check=False)
        return
    shown = subprocess.run([*B2PURE, *arguments], env=environment, check=False, stdout=subprocess.PIPE, text=True)
    lines = shown.stdout.splitlines()
    if len(lines) > tail:
        print(f"... {len(lines) - tail:,} lines before these")
    print("\n".join(lines[-tail:]))


def identical(folder: Path, back: Path) -> bool:
    """Whether every regular file of the folder is in the other with the same bytes, and nothing else is."""
    ours, theirs = contents(folder), contents(back)
    missing, extra = ours.keys() - theirs.keys(), theirs.keys() - ours.keys()
    differing = [n for n in ours.keys() & theirs.keys() if not filecmp.cmp(ours[n], theirs[n], shallow=False)]
    print(f"{len(ours):,} files sent, {len(theirs):,} files back, {len(differing)} differ")
    for name in sorted(missing | extra)[:5]:
        print(f"only on one side: {name}")
    return not (missing or extra or differing)


def contents(folder: Path) -> dict[str, Path]:
    """The files as a sync sees them, links followed."""
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def say(text: str) -> None:
    """A heading."""
    print(f"\n--- {text}")


if __name__ == "__main__":
    sys.exit(main())
