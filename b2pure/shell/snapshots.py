"""A simulated B2 in one file: to keep a world for tests, to send it to somebody, to go back to it.

The file is a zip archive with four members: `b2pure-snapshot.json` says which format this is, `records.jsonl` has a
line [kind, id, record] for each record, `contents.jsonl` a line [id, length] for each content, and `contents.bin` the
bytes of all contents, one after the other.

Rules. Nothing is held whole, neither when it is written nor when it is read. The file appears under its name when it
is complete. It holds the secrets of application keys: nobody else can read it. Of a file that is read no name becomes
a path. Nobody may call the simulator meanwhile.
"""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec
from returns.result import Failure, Result, Success

from b2pure.effects.simulator import Simulator, SimulatorConfig
from b2pure.effects.simulator.content import PIECE_BYTES, Content, MemoryVault, Vault, VaultFailed
from b2pure.effects.simulator.records import RECORDS, Record
from b2pure.model.errors import LocalFailure
from b2pure.shell.vault import DiskVault

__all__ = ["load_snapshot", "save_snapshot"]

FORMAT: Final = 1
_HEADER: Final = "b2pure-snapshot.json"
_RECORDS: Final = "records.jsonl"
_LENGTHS: Final = "contents.jsonl"
_BYTES: Final = "contents.bin"
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final = {kind: msgspec.json.Decoder(record) for kind, record in RECORDS.items()}
_LINE: Final = msgspec.json.Decoder(tuple[str, str, msgspec.Raw])
_LENGTH: Final = msgspec.json.Decoder(tuple[str, int])


class _Header(msgspec.Struct):
    format: int


class _Unreadable(Exception):
    """Why a file is no snapshot that we can read."""


# -- writing


def save_snapshot(simulator: Simulator, path: str | os.PathLike[str]) -> Result[None, LocalFailure]:
    """Write what a simulator holds to a file: buckets, files, parts, keys and the time; not its account tokens, upload
    URLs, journal, log, meter and limits. A file that is there is replaced.
    """
    name = os.path.realpath(os.fspath(path))
    try:
        handle, temporary = tempfile.mkstemp(prefix=".b2pure-snapshot-", dir=os.path.dirname(name))
        try:
            with os.fdopen(handle, "wb") as file:
                _write(simulator, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, name)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        return Failure(LocalFailure("write", name, error.strerror or str(error)))
    except VaultFailed as failed:
        return Failure(LocalFailure("write", name, str(failed)))
    return Success(None)


def _write(simulator: Simulator, file: IO[bytes]) -> None:
    with ZipFile(file, "w") as archive:
        archive.writestr(_member(_HEADER), _ENCODER.encode(_Header(FORMAT)))
        contents = simulator.contents().values()
        with archive.open(_member(_RECORDS), "w", force_zip64=True) as member:
            for line in simulator.records():
                member.write(_ENCODER.encode(line) + b"\n")
        with archive.open(_member(_LENGTHS), "w", force_zip64=True) as member:
            for content in contents:
                member.write(_ENCODER.encode((content.content_id, content.length)) + b"\n")
        with archive.open(_member(_BYTES, ZIP_STORED), "w", force_zip64=True) as member:
            for content in contents:
                for piece in content.read(0, content.length):
                    member.write(piece)


def _member(name: str, compression: int = ZIP_DEFLATED) -> ZipInfo:
    """No time of day: the same state gives the same file."""
    member = ZipInfo(name)
    member.compress_type = compression
    member.external_attr = 0o600 << 16
    return member


# -- reading


def load_snapshot(
    path: str | os.PathLike[str],
    now: Callable[[], int],
    *,
    config: SimulatorConfig | None = None,
    vault: Vault | None = None,
) -> Result[Simulator, LocalFailure]:
    """The simulator in a file, in memory or in an empty `vault` (`new_vault`). Its keys are those of then."""
    name = os.fspath(path)
    if isinstance(vault, DiskVault) and not vault.is_empty:
        return Failure(LocalFailure("load", name, f"{vault.directory} holds a simulated B2 already"))
    try:
        with open(name, "rb") as file, ZipFile(file) as archive:
            return Success(_loaded(archive, now, config, MemoryVault() if vault is None else vault))
    except OSError as error:
        return Failure(LocalFailure("load", name, error.strerror or str(error)))
    except (BadZipFile, EOFError, NotImplementedError, ValueError, struct.error, zlib.error):
        return Failure(LocalFailure("load", name, "it is no snapshot of a simulated B2, or it is damaged"))
    except (_Unreadable, VaultFailed) as why:
        return Failure(LocalFailure("load", name, str(why)))


def _loaded(archive: ZipFile, now: Callable[[], int], config: SimulatorConfig | None, vault: Vault) -> Simulator:
    _check_header(archive)
    contents: dict[str, Content] = {}
    try:
        _take_contents(archive, vault, contents)
        try:
            made = Simulator.restored(now, _records(archive), contents.__getitem__, config=config, vault=vault)
        except ValueError as error:
            raise _Unreadable(f"it is damaged: {error}") from None
        if vault.keeps_records:
            vault.commit({(kind, identity): record for kind, identity, record in made.records()})
    except BaseException:
        for content in contents.values():
            vault.discard(content)
        raise
    return made


def _check_header(archive: ZipFile) -> None:
    plain = all(m.compress_type in (ZIP_STORED, ZIP_DEFLATED) and not m.flag_bits & 1 for m in archive.infolist())
    if _HEADER not in archive.namelist() or not plain:
        raise _Unreadable("it is no snapshot of a simulated B2")
    with archive.open(_HEADER) as member:
        try:
            found = msgspec.json.decode(member.read(PIECE_BYTES), type=_Header).format
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise _Unreadable("it is no snapshot of a simulated B2") from None
    if found > FORMAT:
        raise _Unreadable(f"a newer b2pure wrote it, in the format {found}")
    missing = {_RECORDS, _LENGTHS, _BYTES}.difference(archive.namelist())
    if missing:
        raise _Unreadable(f"it is damaged: {min(missing)} is missing")


def _take_contents(archive: ZipFile, vault: Vault, contents: dict[str, Content]) -> None:
    with archive.open(_BYTES) as member:
        for content_id, length in _lines(archive, _LENGTHS, _LENGTH):
            contents[content_id] = _taken(member, length, vault)
        if member.read(1):
            raise _Unreadable(f"it is damaged: there is more in {_BYTES} than {_LENGTHS} tells")


def _taken(member: IO[bytes], length: int, vault: Vault) -> Content:
    draft = vault.draft()
    try:
        while length > 0:
            piece = member.read(min(length, PIECE_BYTES))
            if not piece:
                raise _Unreadable(f"it is damaged: {_BYTES} is too short")
            draft.write(piece)
            length -= len(piece)
    except BaseException:
        draft.abandon()
        raise
    return draft.finish()


def _records(archive: ZipFile) -> Iterator[Record]:
    for kind, identity, record in _lines(archive, _RECORDS, _LINE):
        decoder = _DECODERS.get(kind)
        if decoder is None:
            raise _Unreadable(f"a newer b2pure wrote records of the kind {kind!r}")
        try:
            yield decoder.decode(record)
        except msgspec.MsgspecError as error:
            raise _Unreadable(f"the {kind} {identity} cannot be read: {error}") from None


def _lines(archive: ZipFile, name: str, decoder: msgspec.json.Decoder[Any]) -> Iterator[Any]:
    with archive.open(name) as member:
        for number, line in enumerate(member, 1):
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise _Unreadable(f"line {number} of {name} cannot be read: {error}") from None
