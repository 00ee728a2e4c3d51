"""A listener that passes on what is new."""

from __future__ import annotations

from typing import Any, Protocol

from b2pure.shell.listeners import AbstractProgressListener

__all__ = ["PartProgressReporter"]


class _TakesParts(Protocol):
    def update_part_bytes(self, bytes_delta: int, /) -> object: ...


class PartProgressReporter(AbstractProgressListener):
    """An adapter that listens to the progress of one part, and tells somebody who adds parts up
    (`update_part_bytes(delta)`). A delta is below 0 when a part begins anew.
    """

    def __init__(self, large_file_upload_state: _TakesParts, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.large_file_upload_state = large_file_upload_state
        self.prev_byte_count = 0

    def set_total_bytes(self, total_byte_count: int) -> None:
        """The whole is somebody else's business."""

    def bytes_completed(self, byte_count: int) -> None:
        """Tell how many more there are."""
        self.large_file_upload_state.update_part_bytes(byte_count - self.prev_byte_count)
        self.prev_byte_count = byte_count
