"""The numbered interface: what programs written for `b2sdk.v1` import.

    from b2pure.v1 import *

    info = InMemoryAccountInfo()

The names, signatures and texts are those of the documentation of b2sdk 1.1.4; what stands behind them is the functional
core.
The exceptions are in `b2pure.v1.exception`.
"""

from b2pure.model.account import ALL_CAPABILITIES
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo
from b2pure.shell.v1.account_info import InMemoryAccountInfo, StubAccountInfo, UploadUrlPool, UrlPoolAccountInfo
from b2pure.shell.v1.b2_http import B2Http, ClockSkewHook, HttpCallback, ResponseContextManager
from b2pure.shell.v1.b2_raw_api import B2RawApi
from b2pure.shell.v1.cache import AbstractCache, AuthInfoCache, DummyCache, InMemoryCache
from b2pure.shell.v1.enums import CompareVersionMode, KeepOrDeleteMode, MetadataDirectiveMode, NewerFileSyncMode
from b2pure.shell.v1.exceptions import EnvironmentEncodingError, IncompleteSync, InvalidArgument
from b2pure.shell.v1.file_version import (
    FileIdAndName,
    FileVersionInfo,
    FileVersionInfoFactory,
    Part,
    PartFactory,
    UnfinishedLargeFile,
)
from b2pure.shell.v1.raw_api import AbstractRawApi
from b2pure.shell.v1.raw_simulator import RawSimulator
from b2pure.shell.v1.sqlite_account_info import B2_ACCOUNT_INFO_ENV_VAR, SqliteAccountInfo
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

__all__ = [
    "ALL_CAPABILITIES",
    "B2_ACCOUNT_INFO_ENV_VAR",
    "AbstractAccountInfo",
    "AbstractCache",
    "AbstractRawApi",
    "AuthInfoCache",
    "B2Http",
    "B2RawApi",
    "ClockSkewHook",
    "CompareVersionMode",
    "DummyCache",
    "EnvironmentEncodingError",
    "FileIdAndName",
    "FileVersionInfo",
    "FileVersionInfoFactory",
    "HttpCallback",
    "InMemoryAccountInfo",
    "InMemoryCache",
    "IncompleteSync",
    "InvalidArgument",
    "KeepOrDeleteMode",
    "MetadataDirectiveMode",
    "NewerFileSyncMode",
    "Part",
    "PartFactory",
    "RawSimulator",
    "ResponseContextManager",
    "SqliteAccountInfo",
    "StubAccountInfo",
    "TempDir",
    "UnfinishedLargeFile",
    "UploadUrlPool",
    "UrlPoolAccountInfo",
    "b2_url_decode",
    "b2_url_encode",
    "choose_part_ranges",
    "fix_windows_path_limit",
    "format_and_scale_fraction",
    "format_and_scale_number",
    "hex_sha1_of_bytes",
    "hex_sha1_of_stream",
]
