"""The choices of the numbered interface, with b2sdk's numbers."""

from __future__ import annotations

from enum import Enum, unique

__all__ = [
    "COMPARE_VERSION_MODES",
    "NEWER_FILE_MODES",
    "CompareVersionMode",
    "KeepOrDeleteMode",
    "MetadataDirectiveMode",
    "NewerFileSyncMode",
]


@unique
class MetadataDirectiveMode(Enum):
    """Mode of handling metadata when copying a file"""

    COPY = 401
    """copy metadata from the source file"""
    REPLACE = 402
    """ignore the source file metadata and set it to provided values"""


@unique
class NewerFileSyncMode(Enum):
    """Mode of handling files newer on destination than on source"""

    SKIP = 101
    """skip syncing such file"""
    REPLACE = 102
    """replace the file on the destination with the (older) file on source"""
    RAISE_ERROR = 103
    """raise a non-transient error, failing the sync operation"""


@unique
class CompareVersionMode(Enum):
    """Mode of comparing versions of files to determine what should be synced and what shouldn't"""

    MODTIME = 201
    """use file modification time on source filesystem"""
    SIZE = 202
    """compare using file size"""
    NONE = 203
    """compare using file name only"""


class KeepOrDeleteMode(Enum):
    """Mode of dealing with old versions of files on the destination"""

    DELETE = 301
    """delete the old version as soon as the new one has been uploaded"""
    KEEP_BEFORE_DELETE = 302
    """keep the old versions of the file for a configurable number of days before deleting them, always keeping the
    newest version
    """
    NO_DELETE = 303
    """keep old versions of the file, do not delete anything"""
    DO_NOTHING = NO_DELETE
    """The same, as one page of the documentation calls it."""


NEWER_FILE_MODES = tuple(NewerFileSyncMode)
COMPARE_VERSION_MODES = tuple(CompareVersionMode)
