"""The methods of a bucket that make files: uploads, copies, and objects of ranges of both.

Rules. Where the guides and the reference spell an argument differently, both work: `file_info` in third place,
`large_file_id`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Unpack

from b2pure.model.calls import CopyFile
from b2pure.model.ids import BucketId, FileId
from b2pure.plan.emerge import Prioritize
from b2pure.shell.listeners import AbstractProgressListener
from b2pure.shell.v1 import outbound
from b2pure.shell.v1.arguments import checked
from b2pure.shell.v1.download_dest import Range
from b2pure.shell.v1.enums import MetadataDirectiveMode
from b2pure.shell.v1.exceptions import InvalidMetadataDirective
from b2pure.shell.v1.file_version import FileVersionInfo
from b2pure.shell.v1.new_file_choices import ConcatenateChoices, CreateChoices, UploadBytesChoices, UploadChoices
from b2pure.shell.v1.new_object import Continuation, LargeFileCallback, NewObject
from b2pure.shell.v1.outbound import Making
from b2pure.shell.v1.own_methods import Originals
from b2pure.shell.v1.own_session import asked, says_itself, worked_with
from b2pure.shell.v1.raw_arguments import http_range
from b2pure.shell.v1.raw_replies import reply_of
from b2pure.shell.v1.sources import (
    AbstractUploadSource,
    CopySource,
    OutboundTransferSource,
    UploadSourceBytes,
    UploadSourceLocalFile,
    WriteIntent,
)
from b2pure.shell.v1.values import copied_file, file_version

if TYPE_CHECKING:
    import os

    from b2pure.shell.v1.api import B2Api

__all__ = ["NewFiles"]

Info = Mapping[str, str]


class NewFiles:
    """What a bucket makes."""

    api: B2Api
    id_: str
    name: str | None

    @checked(UploadBytesChoices, file_name="new_name")
    def upload_bytes(
        self,
        data_bytes: bytes,
        file_name: str,
        content_type: str | None = None,
        file_infos: Info | None = None,
        progress_listener: AbstractProgressListener | None = None,
        **choices: Unpack[UploadBytesChoices],
    ) -> FileVersionInfo:
        """Upload bytes in memory to a B2 file, with `file_infos`. `choices` are what `upload` takes besides:
        `min_part_size`, `large_file_callback`, `large_file_id`, `auto_continue`. Raises what `upload` raises.
        """
        source = UploadSourceBytes(data_bytes)
        return self.upload(source, file_name, content_type, file_infos, progress_listener=progress_listener, **choices)

    @checked(UploadChoices, file_name="new_name")
    def upload_local_file(
        self,
        local_file: str | os.PathLike[str],
        file_name: str,
        content_type: str | None = None,
        file_infos: Info | None = None,
        sha1_sum: str | None = None,
        min_part_size: int | None = None,
        progress_listener: AbstractProgressListener | None = None,
        **choices: Unpack[UploadChoices],
    ) -> FileVersionInfo:
        """Upload a file on local disk to a B2 file, with `file_infos`. `sha1_sum` is its SHA-1 in hex, if it is
        known. `choices` are what `upload` takes besides: `large_file_callback`, `large_file_id`, `auto_continue`.
        Raises what `upload` raises.
        """
        source = UploadSourceLocalFile(local_file, content_sha1=sha1_sum)
        return self.upload(source, file_name, content_type, file_infos, min_part_size, progress_listener, **choices)

    @checked(UploadChoices, file_name="new_name")
    def upload(
        self,
        upload_source: AbstractUploadSource,
        file_name: str,
        content_type: str | None = None,
        file_info: Info | None = None,
        min_part_size: int | None = None,
        progress_listener: AbstractProgressListener | None = None,
        **continuation: Unpack[UploadChoices],
    ) -> FileVersionInfo:
        """Upload a file to B2, retrying as needed; a large one in parts of `min_part_size` bytes or more, and going on
        where an earlier run stopped.

        `large_file_callback` hears of a large file, whose `large_file_id` a later call may give to go on with it;
        `auto_continue=False` starts a new one. Where `create_file` is somebody's own, it makes the file. What
        `progress_listener` raises ends the upload and comes out; what B2 has by then stays. Raises MaxRetriesExceeded
        where trying again did not help, InvalidUploadSource for a source that cannot be read, UnusableFileName,
        BadFileInfo, Unauthorized, StorageCapExceeded.
        """
        if _ORIGINALS.replaced(self, "create_file"):
            return self.create_file(
                [WriteIntent(upload_source)],
                file_name,
                content_type=content_type,
                file_info=file_info,
                progress_listener=progress_listener,
                recommended_upload_part_size=min_part_size,
                **continuation,
            )
        made = self._new(file_name, content_type, file_info, progress_listener, continuation)
        workers = self.api.max_upload_workers
        return file_version(outbound.upload(worked_with(self.api.session), made, upload_source, min_part_size, workers))

    @checked(CreateChoices, file_name="new_name", content_type="type_or_info")
    def create_file(
        self,
        write_intents: Iterable[WriteIntent],
        file_name: str,
        content_type: str | Info | None = None,
        file_info: Info | None = None,
        progress_listener: AbstractProgressListener | None = None,
        recommended_upload_part_size: int | None = None,
        continue_large_file_id: str | None = None,
        *,
        prioritize: Prioritize = "local_verification",
        **continuation: Unpack[CreateChoices],
    ) -> FileVersionInfo:
        """Creates a new file in this bucket using an iterable (list, tuple etc) of remote or local sources.

        Source ranges can overlap; `prioritize` ("local", "remote" or "local_verification") says which are used then.
        What is copied is compared with what is here, where both have it. Parts that are sent have
        `recommended_upload_part_size` bytes, or what B2 recommends. `large_file_callback`, `large_file_id` (another
        name of `continue_large_file_id`) and `auto_continue` as for `upload`. Raises what `upload` raises, ValueError
        for a hole between the ranges, FileNotPresent for a source that is not there.
        """
        session = worked_with(self.api.session)
        made = self._new(file_name, content_type, file_info, progress_listener, continuation, continue_large_file_id)
        how = Making(recommended_upload_part_size, prioritize, self._workers())
        return file_version(outbound.make(session, made, write_intents, how))

    @checked(CreateChoices, file_name="new_name", content_type="type_or_info")
    def create_file_stream(
        self,
        write_intents_iterator: Iterable[WriteIntent],
        file_name: str,
        content_type: str | Info | None = None,
        file_info: Info | None = None,
        progress_listener: AbstractProgressListener | None = None,
        recommended_upload_part_size: int | None = None,
        continue_large_file_id: str | None = None,
        *,
        prioritize: Prioritize = "local_verification",
        **continuation: Unpack[CreateChoices],
    ) -> FileVersionInfo:
        """Creates a new file in this bucket using a stream of multiple remote or local sources, which are sorted
        ascending by destination_offset. Only an id makes it go on with a large file, and only where all of it is local.
        The other arguments, and what is raised, are those of `create_file`.
        """
        session = worked_with(self.api.session)
        made = self._new(file_name, content_type, file_info, progress_listener, continuation, continue_large_file_id)
        how = Making(recommended_upload_part_size, prioritize, self._workers())
        return file_version(outbound.make_stream(session, made, write_intents_iterator, how))

    @checked(ConcatenateChoices, file_name="new_name", content_type="type_or_info")
    def concatenate(
        self,
        outbound_sources: Iterable[OutboundTransferSource],
        file_name: str,
        content_type: str | Info | None = None,
        file_info: Info | None = None,
        progress_listener: AbstractProgressListener | None = None,
        recommended_upload_part_size: int | None = None,
        continue_large_file_id: str | None = None,
        **continuation: Unpack[ConcatenateChoices],
    ) -> FileVersionInfo:
        """Creates a new file in this bucket by concatenating multiple remote or local sources. The other arguments are
        those of `create_file`. Raises what `upload` raises, ValueError for sources that no file can be made of,
        FileNotPresent for one that is not there.
        """
        return self.create_file(
            WriteIntent.wrap_sources_iterator(outbound_sources),
            file_name,
            content_type,
            file_info,
            progress_listener,
            recommended_upload_part_size,
            continue_large_file_id,
            **continuation,
        )

    @checked(ConcatenateChoices, file_name="new_name", content_type="type_or_info")
    def concatenate_stream(
        self,
        outbound_sources_iterator: Iterable[OutboundTransferSource],
        file_name: str,
        content_type: str | Info | None = None,
        file_info: Info | None = None,
        progress_listener: AbstractProgressListener | None = None,
        recommended_upload_part_size: int | None = None,
        continue_large_file_id: str | None = None,
        **continuation: Unpack[ConcatenateChoices],
    ) -> FileVersionInfo:
        """Creates a new file in this bucket by concatenating stream of multiple remote or local sources. The arguments,
        and what is raised, are those of `create_file_stream`.
        """
        return self.create_file_stream(
            WriteIntent.wrap_sources_iterator(outbound_sources_iterator),
            file_name,
            content_type,
            file_info,
            progress_listener,
            recommended_upload_part_size,
            continue_large_file_id,
            **continuation,
        )

    @checked(UploadChoices, new_file_name="new_name", content_type="type_or_info")
    def copy(
        self,
        file_id: str,
        new_file_name: str,
        content_type: str | Info | None = None,
        file_info: Info | None = None,
        offset: int = 0,
        length: int | None = None,
        progress_listener: AbstractProgressListener | None = None,
        max_copy_part_size: int | None = None,
        **continuation: Unpack[UploadChoices],
    ) -> FileVersionInfo:
        """Creates a new file in this bucket by (server-side) copying from an existing file.

        Without a `length` it is one call, which fails for more than 5 GB; `offset` needs a length. With one, what is
        longer than `max_copy_part_size` bytes (5 GB) is copied in parts; a `max_copy_part_size` below what B2 takes as
        a part forces one call. Type and info are those of the source, where none are given. `large_file_callback`,
        `large_file_id` and `auto_continue` as for `upload`. Raises FileNotPresent, BadRequest for a range that is
        not there, ValueError for an offset without a length, Unauthorized, StorageCapExceeded.
        """
        source = CopySource(file_id, offset, length)
        made = self._new(new_file_name, content_type, file_info, progress_listener, continuation)
        workers = self.api.max_copy_workers
        return copied_file(outbound.copy(worked_with(self.api.session), made, source, max_copy_part_size, workers))

    @checked(new_file_name="new_name")
    def copy_file(
        self,
        file_id: str,
        new_file_name: str,
        bytes_range: Range | None = None,
        metadata_directive: MetadataDirectiveMode | None = None,
        content_type: str | None = None,
        file_info: Info | None = None,
    ) -> FileVersionInfo:
        """Creates a new file in this bucket by (server-side) copying from an existing file in one call. `bytes_range`
        has the first and the last byte, both inclusive.
        """
        mode = metadata_directive or MetadataDirectiveMode.COPY
        if mode is MetadataDirectiveMode.COPY and (content_type is not None or file_info is not None):
            raise InvalidMetadataDirective("content_type and file_info should be None when metadata_directive is COPY")
        if mode is MetadataDirectiveMode.REPLACE and content_type is None:
            raise InvalidMetadataDirective("content_type cannot be None when metadata_directive is REPLACE")
        call = CopyFile(
            FileId(file_id),
            new_file_name,
            BucketId(self.id_),
            http_range(bytes_range),
            "COPY" if mode is MetadataDirectiveMode.COPY else "REPLACE",
            content_type,
            (dict(file_info or {}) if mode is MetadataDirectiveMode.REPLACE else None),
        )
        session = self.api.session
        if says_itself(session, "copy_file"):
            said = session.copy_file(
                file_id, new_file_name, bytes_range, metadata_directive, content_type, file_info, self.id_
            )
            return copied_file(reply_of(call, said))
        return copied_file(asked(session).ask(call))

    # -- arguments

    def _workers(self) -> int:
        return max(self.api.max_upload_workers, self.api.max_copy_workers)

    def _new(
        self,
        file_name: str,
        content_type: str | Info | None,
        file_info: Info | None,
        listener: AbstractProgressListener | None,
        continuation: UploadChoices | CreateChoices,
        large_file_id: str | None = None,
    ) -> NewObject:
        if isinstance(content_type, Mapping):  # `bucket.create_file(sources, name, file_info)`, as the guides write it
            if file_info is not None:
                raise TypeError("file_info is given twice")
            content_type, file_info = None, content_type
        return NewObject(
            self.api.account_info.get_account_id(),
            BucketId(self.id_),
            self.name or "",
            file_name,
            content_type,
            file_info,
            _continuation(by_name=large_file_id, **continuation),
            listener,
        )


_ORIGINALS: Final = Originals(NewFiles, ("create_file",))


def _continuation(
    *,
    by_name: str | None = None,
    large_file_id: str | None = None,
    continue_large_file_id: str | None = None,
    auto_continue: bool = True,
    large_file_callback: LargeFileCallback | None = None,
) -> Continuation:
    """From where to go on, by all names that the id has."""
    given = [each for each in (by_name, large_file_id, continue_large_file_id) if each is not None]
    if len(given) > 1:
        raise TypeError("continue_large_file_id and large_file_id are two names of one argument")
    return Continuation(auto_continue, given[0] if given else None, large_file_callback)
