"""Every block of code in `docs/` runs, and shows what it shows."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from docs_runner import BrokenPage, Page, blocks_of

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md") if "_build" not in path.parts)

HOSTS: Final = {"www.backblaze.com", "hypothesis.readthedocs.io"}
"""The few places elsewhere that pages may lead to."""


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # pages end as a reader's prompt does, with connections open
@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_from_top_to_bottom(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, and nothing is left running."""
    folder = tmp_path / "reader"
    folder.mkdir()
    page = Page(name, folder, monkeypatch)
    with monkeypatch.context() as here:
        here.chdir(folder)
        for variable in [name for name in os.environ if name.startswith(("B2_", "B2PURE_"))]:
            here.delenv(variable)
        here.setenv("HOME", str(folder))
        try:
            for block in blocks_of((DOCS / name).read_text()):
                page.run(block)
        finally:
            page.close()
            gc.collect()
    for number, text in enumerate(page.for_pytest):
        (tmp_path / f"test_block_{number}.py").write_text(text)
    if page.for_pytest:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", PAGES)
def test_links_that_lead_elsewhere_are_few_and_well_formed(name: str) -> None:
    """They lead over https to known hosts; nobody has to follow one to read the page."""
    for link in re.findall(r"\]\((\w+:[^)\s]*)\)|<(\w+://[^>\s]*)>", (DOCS / name).read_text()):
        parts = urlsplit("".join(link))
        assert parts.scheme == "https"
        assert parts.hostname in HOSTS


def test_links_between_pages_lead_to_pages() -> None:
    """The generator says so, too; here it is said without it."""
    for name in PAGES:
        for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (DOCS / name).read_text()):
            assert (DOCS / name).parent.joinpath(link).is_file(), f"{name}: {link}"


def test_every_page_is_in_a_table_of_contents() -> None:
    """A page that nobody can find is not there."""
    listed = {"index.md"}
    for name in PAGES:
        for inside in re.findall(r"^```\{toctree\}\n(.*?)^```", (DOCS / name).read_text(), re.MULTILINE | re.DOTALL):
            paths = [line for line in inside.splitlines() if line and not line.startswith(":")]
            listed |= {(Path(name).parent / f"{path}.md").as_posix() for path in paths}
    assert listed == set(PAGES)


@pytest.mark.parametrize(
    "markdown",
    [
        "```\ncode\n```\n",
        "```ruby\ncode\n```\n",
        "```python title=x\ncode\n```\n",
        "~~~python\ncode\n~~~\n",
        "Text:\n\n    code\n",
        "- an item\n\n  ```python\n  code\n  ```\n",
        "```python\nno end\n",
        "<pre>code</pre>\n",
    ],
)
def test_code_that_nobody_would_run_cannot_be_written(markdown: str) -> None:
    """Neither in another language, nor in another way."""
    with pytest.raises(BrokenPage):
        list(blocks_of(markdown))


@pytest.mark.parametrize(
    "markdown",
    [
        "```python\n1 / 0\n```\n",
        "```python\ndef test_sums():\n    assert 1 + 1 == 3\n```\n",
        "```pycon\n>>> 1 + 1\n3\n```\n",
        "```pycon\n1 + 1\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ echo one\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ false\n$ echo $?\n0\n```\n",
        "```console\necho one\n```\n",
        "```console\n$ b2pure serve --bucket holiday --port none\nexport ...\n```\n",
        "```json\n{]\n```\n",
        "```toml\n=\n```\n",
    ],
)
def test_a_page_that_says_what_is_not_so_fails(markdown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the language."""
    page = Page("page", tmp_path, monkeypatch)
    (block,) = blocks_of(markdown)
    try:
        with pytest.raises((AssertionError, ArithmeticError, ValueError)):
            page.run(block)
    finally:
        page.close()


def test_a_page_shares_names_commands_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From block to block; a server of the page is what later blocks talk to."""
    page = Page("page", tmp_path, monkeypatch)
    markdown = """
```python
one = 1
```
```pycon
>>> one + 1
2
```
```console
$ b2pure serve --bucket holiday
export B2_ENVIRONMENT=http://127.0.0.1:...
$ export COLOUR=blue; false
$ echo $?
1
$ echo $COLOUR $B2_ENVIRONMENT
blue http://127.0.0.1:...
```
```python
import os
assert os.environ["B2_ENVIRONMENT"].startswith("http://127.0.0.1:")
```
"""
    try:
        for block in blocks_of(markdown):
            page.run(block)
    finally:
        page.close()
