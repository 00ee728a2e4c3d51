"""What the caller asked for and cannot have: arguments, names, and what a sync left undone.

Rules. A text names the argument or the file, and what would be right.
"""

from __future__ import annotations

from typing import Any

from b2pure.shell.v1.exceptions.base import B2Error, B2SimpleError

__all__ = [
    "CommandError",
    "DestFileNewer",
    "EnvironmentEncodingError",
    "IncompleteSync",
    "InvalidArgument",
    "UnSyncableFilename",
    "UnusableFileName",
]


class InvalidArgument(B2Error):
    """Raised when one or more arguments are invalid"""

    def __init__(self, parameter_name: str, message: str) -> None:
        super().__init__(parameter_name, message)
        self.parameter_name, self.message = parameter_name, message

    def __str__(self) -> str:
        return f"{self.parameter_name} {self.message}"


class CommandError(B2Error):
    """b2 command error (user caused). Accepts exactly one argument: message.

    We expect users of shell scripts will parse our __str__ output.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EnvironmentEncodingError(B2Error):
    """Raised when a file name can not be decoded with system encoding."""

    def __init__(self, filename: object, encoding: str) -> None:
        super().__init__(filename, encoding)
        self.filename, self.encoding = filename, encoding

    def __str__(self) -> str:
        return (
            f"file name {self.filename} cannot be decoded with system encoding ({self.encoding}).\n"
            "We think this is an environment error which you should workaround by\n"
            "setting your system encoding properly, for example like this:\n"
            "export LANG=en_US.UTF-8"
        )


class UnusableFileName(B2SimpleError):
    """Raise when a filename doesn't meet the rules.

    Could possibly use InvalidUploadSource, but this is intended for the filename on the server, which could differ.
    """


class UnSyncableFilename(B2Error):
    """Raised when a filename is not supported by the sync operation"""

    def __init__(self, message: str, filename: str) -> None:
        super().__init__(message, filename)
        self.message, self.filename = message, filename

    def __str__(self) -> str:
        return f"{self.message}: {self.filename}"


class DestFileNewer(B2Error):
    """The destination has a newer file than the source."""

    def __init__(self, dest_file: Any, source_file: Any, dest_prefix: str, source_prefix: str) -> None:
        super().__init__(dest_file, source_file, dest_prefix, source_prefix)
        self.dest_file, self.source_file = dest_file, source_file
        self.dest_prefix, self.source_prefix = dest_prefix, source_prefix

    def __str__(self) -> str:
        source, dest = self.source_file, self.dest_file
        return (
            f"source file is older than destination: {self.source_prefix}{source.name} "
            f"with a time of {source.latest_version().mod_time} cannot be synced to {self.dest_prefix}{dest.name} "
            f"with a time of {dest.latest_version().mod_time}, unless a valid newer_file_mode is provided"
        )

    def should_retry_http(self) -> bool:
        return True


class IncompleteSync(B2SimpleError):
    """Some of the files of a sync failed."""
