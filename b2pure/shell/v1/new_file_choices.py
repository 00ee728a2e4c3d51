"""What the methods of a bucket that make files are told by name, beside what each has of its own."""

from __future__ import annotations

from typing import TypedDict

from b2pure.plan.emerge import Prioritize
from b2pure.shell.v1.new_object import LargeFileCallback

__all__ = ["ConcatenateChoices", "CreateChoices", "UploadBytesChoices", "UploadChoices"]


class CreateChoices(TypedDict, total=False):
    """Whether to go on with a large file that is there, and who hears of a new one."""

    large_file_id: str | None
    auto_continue: bool
    large_file_callback: LargeFileCallback | None


class UploadChoices(CreateChoices, total=False):
    """The same, by the other name of the id, too."""

    continue_large_file_id: str | None


class UploadBytesChoices(UploadChoices, total=False):
    """The same, and how parts are cut."""

    min_part_size: int | None


class ConcatenateChoices(CreateChoices, total=False):
    """The same, and which sources count."""

    prioritize: Prioritize
