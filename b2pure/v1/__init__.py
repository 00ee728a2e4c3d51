"""The numbered interface: what programs written for `b2sdk.v1` import.

    from b2pure.v1 import *

    info = InMemoryAccountInfo()

The names, signatures and texts are those of the documentation of b2sdk 1.1.4; what stands behind them is the functional
core.
The exceptions are in `b2pure.v1.exception`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2pure._lazy import loaded

if TYPE_CHECKING:
    from b2pure.shell.listeners import (
        AbstractProgressListener,
        DoNothingProgressListener,
        ProgressListenerForTest,
        SimpleProgressListener,
        TqdmProgressListener,
        make_progress_listener,
    )
    from b2pure.shell.v1.abstract_account_info import ALL_CAPABILITIES, AbstractAccountInfo
    from b2pure.shell.v1.account_info import InMemoryAccountInfo, StubAccountInfo, UploadUrlPool, UrlPoolAccountInfo
    from b2pure.shell.v1.account_info_file import B2_ACCOUNT_INFO_DEFAULT_FILE, B2_ACCOUNT_INFO_ENV_VAR
    from b2pure.shell.v1.api import B2Api
    from b2pure.shell.v1.b2_http import B2Http, ResponseContextManager
    from b2pure.shell.v1.b2_raw_api import B2RawApi
    from b2pure.shell.v1.b2_session import B2Session
    from b2pure.shell.v1.bucket import Bucket
    from b2pure.shell.v1.bucket_factory import BucketFactory
    from b2pure.shell.v1.cache import AbstractCache, AuthInfoCache, DummyCache, InMemoryCache
    from b2pure.shell.v1.download_dest import (
        AbstractDownloadDestination,
        DownloadDestBytes,
        DownloadDestLocalFile,
        DownloadDestProgressWrapper,
        PreSeekedDownloadDest,
    )
    from b2pure.shell.v1.enums import (
        COMPARE_VERSION_MODES,
        NEWER_FILE_MODES,
        CompareVersionMode,
        KeepOrDeleteMode,
        MetadataDirectiveMode,
        NewerFileSyncMode,
    )
    from b2pure.shell.v1.exceptions import EnvironmentEncodingError, IncompleteSync, InvalidArgument
    from b2pure.shell.v1.file_version import (
        FileIdAndName,
        FileVersionInfo,
        FileVersionInfoFactory,
        Part,
        PartFactory,
        UnfinishedLargeFile,
    )
    from b2pure.shell.v1.folder import AbstractFolder, B2Folder, LocalFolder
    from b2pure.shell.v1.http_callbacks import ClockSkewHook, HttpCallback
    from b2pure.shell.v1.parse_folder import parse_sync_folder
    from b2pure.shell.v1.part_progress import PartProgressReporter
    from b2pure.shell.v1.raw_api import AbstractRawApi
    from b2pure.shell.v1.raw_simulator import RawSimulator
    from b2pure.shell.v1.scan_policies import DEFAULT_SCAN_MANAGER, ScanPoliciesManager
    from b2pure.shell.v1.sources import (
        AbstractUploadSource,
        CopySource,
        LocalFileUploadSource,
        LocalUploadSource,
        OutboundTransferSource,
        RemoteFileUploadSource,
        RemoteUploadSource,
        StreamOpener,
        UploadSource,
        UploadSourceBytes,
        UploadSourceLocalFile,
        UploadSourceLocalFileRange,
        UploadSourceStream,
        UploadSourceStreamRange,
        WriteIntent,
    )
    from b2pure.shell.v1.sqlite_account_info import SqliteAccountInfo
    from b2pure.shell.v1.sync_actions import (
        AbstractAction,
        B2CopyAction,
        B2DeleteAction,
        B2DownloadAction,
        B2HideAction,
        B2UploadAction,
        LocalDeleteAction,
    )
    from b2pure.shell.v1.sync_file import File, FileVersion
    from b2pure.shell.v1.sync_report import SyncFileReporter, SyncReport
    from b2pure.shell.v1.synchronizer import Synchronizer
    from b2pure.shell.v1.utils import (
        TempDir,
        b2_url_decode,
        b2_url_encode,
        choose_part_ranges,
        fix_windows_path_limit,
        format_and_scale_fraction,
        format_and_scale_number,
        hex_sha1_of_bytes,
        hex_sha1_of_stream,
    )
    from b2pure.shell.v1.version import USER_AGENT, VERSION

__all__ = [
    "ALL_CAPABILITIES",
    "B2_ACCOUNT_INFO_DEFAULT_FILE",
    "B2_ACCOUNT_INFO_ENV_VAR",
    "COMPARE_VERSION_MODES",
    "DEFAULT_SCAN_MANAGER",
    "NEWER_FILE_MODES",
    "USER_AGENT",
    "VERSION",
    "AbstractAccountInfo",
    "AbstractAction",
    "AbstractCache",
    "AbstractDownloadDestination",
    "AbstractFolder",
    "AbstractProgressListener",
    "AbstractRawApi",
    "AbstractUploadSource",
    "AuthInfoCache",
    "B2Api",
    "B2CopyAction",
    "B2DeleteAction",
    "B2DownloadAction",
    "B2Folder",
    "B2HideAction",
    "B2Http",
    "B2RawApi",
    "B2Session",
    "B2UploadAction",
    "Bucket",
    "BucketFactory",
    "ClockSkewHook",
    "CompareVersionMode",
    "CopySource",
    "DoNothingProgressListener",
    "DownloadDestBytes",
    "DownloadDestLocalFile",
    "DownloadDestProgressWrapper",
    "DummyCache",
    "EnvironmentEncodingError",
    "File",
    "FileIdAndName",
    "FileVersion",
    "FileVersionInfo",
    "FileVersionInfoFactory",
    "HttpCallback",
    "InMemoryAccountInfo",
    "InMemoryCache",
    "IncompleteSync",
    "InvalidArgument",
    "KeepOrDeleteMode",
    "LocalDeleteAction",
    "LocalFileUploadSource",
    "LocalFolder",
    "LocalUploadSource",
    "MetadataDirectiveMode",
    "NewerFileSyncMode",
    "OutboundTransferSource",
    "Part",
    "PartFactory",
    "PartProgressReporter",
    "PreSeekedDownloadDest",
    "ProgressListenerForTest",
    "RawSimulator",
    "RemoteFileUploadSource",
    "RemoteUploadSource",
    "ResponseContextManager",
    "ScanPoliciesManager",
    "SimpleProgressListener",
    "SqliteAccountInfo",
    "StreamOpener",
    "StubAccountInfo",
    "SyncFileReporter",
    "SyncReport",
    "Synchronizer",
    "TempDir",
    "TqdmProgressListener",
    "UnfinishedLargeFile",
    "UploadSource",
    "UploadSourceBytes",
    "UploadSourceLocalFile",
    "UploadSourceLocalFileRange",
    "UploadSourceStream",
    "UploadSourceStreamRange",
    "UploadUrlPool",
    "UrlPoolAccountInfo",
    "WriteIntent",
    "b2_url_decode",
    "b2_url_encode",
    "choose_part_ranges",
    "fix_windows_path_limit",
    "format_and_scale_fraction",
    "format_and_scale_number",
    "hex_sha1_of_bytes",
    "hex_sha1_of_stream",
    "make_progress_listener",
    "parse_sync_folder",
]

_HOMES = {
    "b2pure.shell.listeners": (
        "AbstractProgressListener", "DoNothingProgressListener", "ProgressListenerForTest", "SimpleProgressListener",
        "TqdmProgressListener", "make_progress_listener",
    ),
    "b2pure.shell.v1.abstract_account_info": ("ALL_CAPABILITIES", "AbstractAccountInfo"),
    "b2pure.shell.v1.account_info": ("InMemoryAccountInfo", "StubAccountInfo", "UploadUrlPool", "UrlPoolAccountInfo"),
    "b2pure.shell.v1.account_info_file": ("B2_ACCOUNT_INFO_DEFAULT_FILE", "B2_ACCOUNT_INFO_ENV_VAR"),
    "b2pure.shell.v1.api": ("B2Api",),
    "b2pure.shell.v1.b2_http": ("B2Http", "ResponseContextManager"),
    "b2pure.shell.v1.http_callbacks": ("ClockSkewHook", "HttpCallback"),
    "b2pure.shell.v1.b2_raw_api": ("B2RawApi",),
    "b2pure.shell.v1.b2_session": ("B2Session",),
    "b2pure.shell.v1.bucket": ("Bucket",),
    "b2pure.shell.v1.bucket_factory": ("BucketFactory",),
    "b2pure.shell.v1.cache": ("AbstractCache", "AuthInfoCache", "DummyCache", "InMemoryCache"),
    "b2pure.shell.v1.download_dest": (
        "AbstractDownloadDestination", "DownloadDestBytes", "DownloadDestLocalFile", "DownloadDestProgressWrapper",
        "PreSeekedDownloadDest",
    ),
    "b2pure.shell.v1.enums": (
        "COMPARE_VERSION_MODES", "CompareVersionMode", "KeepOrDeleteMode", "MetadataDirectiveMode",
        "NEWER_FILE_MODES", "NewerFileSyncMode",
    ),
    "b2pure.shell.v1.exceptions": ("EnvironmentEncodingError", "IncompleteSync", "InvalidArgument"),
    "b2pure.shell.v1.file_version": (
        "FileIdAndName", "FileVersionInfo", "FileVersionInfoFactory", "Part", "PartFactory", "UnfinishedLargeFile",
    ),
    "b2pure.shell.v1.folder": ("AbstractFolder", "B2Folder", "LocalFolder"),
    "b2pure.shell.v1.parse_folder": ("parse_sync_folder",),
    "b2pure.shell.v1.part_progress": ("PartProgressReporter",),
    "b2pure.shell.v1.raw_api": ("AbstractRawApi",),
    "b2pure.shell.v1.raw_simulator": ("RawSimulator",),
    "b2pure.shell.v1.scan_policies": ("DEFAULT_SCAN_MANAGER", "ScanPoliciesManager"),
    "b2pure.shell.v1.sources": (
        "AbstractUploadSource", "CopySource", "LocalFileUploadSource", "LocalUploadSource", "OutboundTransferSource",
        "RemoteFileUploadSource", "RemoteUploadSource", "StreamOpener", "UploadSource", "UploadSourceBytes",
        "UploadSourceLocalFile", "UploadSourceLocalFileRange", "UploadSourceStream", "UploadSourceStreamRange",
        "WriteIntent",
    ),
    "b2pure.shell.v1.sqlite_account_info": ("SqliteAccountInfo",),
    "b2pure.shell.v1.sync_actions": (
        "AbstractAction", "B2CopyAction", "B2DeleteAction", "B2DownloadAction", "B2HideAction", "B2UploadAction",
        "LocalDeleteAction",
    ),
    "b2pure.shell.v1.sync_file": ("File", "FileVersion"),
    "b2pure.shell.v1.sync_report": ("SyncFileReporter", "SyncReport"),
    "b2pure.shell.v1.synchronizer": ("Synchronizer",),
    "b2pure.shell.v1.utils": (
        "TempDir", "b2_url_decode", "b2_url_encode", "choose_part_ranges", "fix_windows_path_limit",
        "format_and_scale_fraction", "format_and_scale_number", "hex_sha1_of_bytes", "hex_sha1_of_stream",
    ),
    "b2pure.shell.v1.version": ("USER_AGENT", "VERSION"),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load what is asked for: who imports one name does not wait for the others."""
    if name == "exception":
        import importlib

        return importlib.import_module("b2pure.v1.exception")
    return loaded(globals(), _HOMES, name)


def __dir__() -> list[str]:
    return sorted([*__all__, "exception"])
