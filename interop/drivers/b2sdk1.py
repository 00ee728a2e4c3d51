"""b2sdk 1.1.4, the oldest interface still in use (version 2 of the API), with B2's real limits.

Reads a `Target` from standard input and writes an `Outcome` per line. What this release cannot do on today's Python is
tried all the same and named as skipped.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import b2sdk.v1 as v1
from b2sdk.exception import B2Error, Conflict, DuplicateBucketName, FileAlreadyHidden, FileNotPresent

from interop import trees
from interop.scenario import BUCKET, INSIDE, OTHER_BUCKET, Scenario, Skip, Step, Target, known_bug
from interop.trees import refused, require, same
from interop.witness import Refused, Witness

SMALL_PART: Final = 5_000_000
DENIED: Final = ("unauthorized", "not allowed", "not authorized", "restricted", "invalid")


class B2Sdk1(Scenario):
    """The scenario of b2sdk 1.1.4."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.witness = Witness(target)
        self.api = v1.B2Api(v1.InMemoryAccountInfo())
        self.small = trees.odd_tree()
        self.large = trees.large(self.witness.part_size())
        self.medium = self.large[: 3 * SMALL_PART + 17]
        self.up = self.work / "up"
        trees.write(self.up, self.small)
        trees.write(self.work / "large", {"large.bin": self.large})

    def steps(self) -> Sequence[Step]:
        return (
            self.authorize,
            self.refuse_a_wrong_key,
            self.create_buckets,
            self.update_a_bucket,
            self.upload_small_files,
            self.upload_with_file_info,
            self.list_with_digests,
            self.list_one_folder,
            self.list_page_by_page,
            self.look_at_one_file,
            self.download_small_files,
            self.upload_large_file_in_parts,
            self.upload_in_small_parts,
            self.download_large_file,
            self.download_ranges,
            self.replace_a_file_and_list_versions,
            self.download_an_old_version,
            self.copy_small_file,
            self.copy_a_range,
            self.copy_with_new_metadata,
            self.copy_without_a_length,
            self.copy_large_file_in_parts,
            self.concatenate_local_and_remote,
            self.hide_a_file,
            self.delete_versions,
            self.sync_up,
            self.sync_up_again_with_delete,
            self.sync_up_keeping_days,
            self.sync_between_buckets,
            self.sync_down,
            self.sync_down_with_delete,
            self.download_authorization,
            self.create_and_list_keys,
            self.restricted_key_works_inside,
            self.restricted_key_is_refused_outside,
            self.delete_a_key,
            self.continue_an_unfinished_file,
            self.list_unfinished_files,
            self.cancel_unfinished_files,
            self.everything_is_as_expected,
            self.refuse_to_delete_a_full_bucket,
            self.delete_a_bucket,
        )

    # -- account and buckets

    def authorize(self) -> None:
        self.api.authorize_account(self.target.url, self.target.key_id, self.target.key)
        same(self.witness.account_id(), self.api.account_info.get_account_id())

    def refuse_a_wrong_key(self) -> None:
        other = v1.B2Api(v1.InMemoryAccountInfo())
        refused(lambda: other.authorize_account(self.target.url, self.target.key_id, "K000wrong"), B2Error, *DENIED)

    def create_buckets(self) -> None:
        for bucket in {BUCKET, OTHER_BUCKET} - self.witness.buckets().keys():
            self.api.create_bucket(bucket, "allPrivate")
        same({BUCKET, OTHER_BUCKET}, {bucket.name for bucket in self.api.list_buckets()})
        refused(lambda: self.api.create_bucket(BUCKET, "allPrivate"), DuplicateBucketName)

    def update_a_bucket(self) -> None:
        rule = {"daysFromHidingToDeleting": 7, "daysFromUploadingToHiding": None, "fileNamePrefix": "logs/"}
        before = self.witness.buckets()[BUCKET]["revision"]
        self.bucket.update(bucket_info={"team": "interop"}, lifecycle_rules=[rule], if_revision_is=before)
        stored = next(bucket for bucket in self.api.list_buckets() if bucket.name == BUCKET)
        same({"team": "interop"}, stored.bucket_info)
        same(7, stored.lifecycle_rules[0]["daysFromHidingToDeleting"])
        refused(lambda: self.bucket.update(bucket_info={"team": "late"}, if_revision_is=before), Conflict)

    # -- files

    def upload_small_files(self) -> None:
        for name in self.small:
            info = {"src_last_modified_millis": trees.MOD_TIME_MILLIS}
            version = self.bucket.upload_local_file(str(self.up / name), f"odd/{name}", file_infos=info)
            same((f"odd/{name}", trees.digest(self.small[name])), (version.file_name, version.content_sha1))
        self.witness.sees(BUCKET, self.small, "odd/")

    def upload_with_file_info(self) -> None:
        info = {"color": "blue & 100% +1", "word": "日本"}
        version = self.bucket.upload_bytes(b"info", "info.txt", "text/x-interop", file_infos=info)
        found = self.api.get_file_info(version.id_)
        same((info, "text/x-interop"), (found["fileInfo"], found["contentType"]))
        same(info, self.witness.versions(BUCKET, "info.txt")[0]["fileInfo"])

    def list_with_digests(self) -> None:
        listed = [version for version, _ in self.bucket.ls("odd", recursive=True)]
        trees.same_digests(
            {f"odd/{name}": trees.digest(data) for name, data in self.small.items()},
            {version.file_name: version.content_sha1 for version in listed},
        )
        same({f"odd/{n}": len(d) for n, d in self.small.items()}, {v.file_name: v.size for v in listed})

    def list_one_folder(self) -> None:
        expected = {"odd/" + name.split("/")[0] + ("/" if "/" in name else "") for name in self.small}
        same(expected, {folder or version.file_name for version, folder in self.bucket.ls("odd")})

    def list_page_by_page(self) -> None:
        expected = {"odd/" + name.split("/")[0] + ("/" if "/" in name else "") for name in self.small}
        for count in (1, 2, 5):
            shown = [folder or version.file_name for version, folder in self.bucket.ls("odd", fetch_count=count)]
            same(sorted(expected), sorted(shown))
            versions = self.bucket.ls("odd", show_versions=True, recursive=True, fetch_count=count)
            same({f"odd/{name}" for name in self.small}, {version.file_name for version, _ in versions})

    def look_at_one_file(self) -> None:
        found = self.api.get_file_info(self._id("odd/plus+plus+.txt"))
        same(
            ("odd/plus+plus+.txt", trees.digest(self.small["plus+plus+.txt"])),
            (found["fileName"], found["contentSha1"]),
        )
        refused(lambda: self.api.get_file_info("no such file"), FileNotPresent)

    def download_small_files(self) -> None:
        down = self.fresh("down")
        for name in self.small:
            (down / name).parent.mkdir(parents=True, exist_ok=True)
            self.bucket.download_file_by_name(f"odd/{name}", v1.DownloadDestLocalFile(str(down / name)))
        trees.same_tree(self.small, trees.read(down))
        trees.same_times(down, self.small)

    # -- large files

    def upload_large_file_in_parts(self) -> None:
        self.bucket.upload_local_file(str(self.work / "large" / "large.bin"), "large.bin")
        (version,) = self.witness.versions(BUCKET, "large.bin")[:1]
        same((len(self.large), "none"), (version["contentLength"], version["contentSha1"]))
        trees.same_bytes(self.large, self.witness.content(BUCKET, "large.bin"))

    def upload_in_small_parts(self) -> None:
        intent = v1.WriteIntent(v1.UploadSourceBytes(self.medium))
        self.bucket.create_file([intent], "medium.bin", recommended_upload_part_size=SMALL_PART)
        trees.same_bytes(self.medium, self.witness.content(BUCKET, "medium.bin"))

    def download_large_file(self) -> None:
        down = self.fresh("down")
        self.bucket.download_file_by_name("large.bin", v1.DownloadDestLocalFile(str(down / "large.bin")))
        trees.same_tree({"large.bin": self.large}, trees.read(down))

    def download_ranges(self) -> None:
        for first, last in self._ranges():
            trees.same_bytes(self.large[first : last + 1], self._download("large.bin", (first, last)))

    def _ranges(self) -> Sequence[tuple[int, int]]:
        """The first byte and the last one: at the start, over the seam of two parts, at the end."""
        seam, size = self.witness.part_size(), len(self.large)
        return (0, 0), (5, 104), (seam - 10, seam + 9), (size - 77, size - 1)

    def _download(self, name: str, range_: tuple[int, int] | None = None, bucket: Any = None) -> bytes:
        into = v1.DownloadDestBytes()
        (bucket or self.bucket).download_file_by_name(name, into, range_=range_)
        data: bytes = into.get_bytes_written()
        return data

    # -- versions

    def replace_a_file_and_list_versions(self) -> None:
        for text in (b"first", b"the second"):
            self.bucket.upload_bytes(text, "versions/file.txt")
        listed = list(self.bucket.list_file_versions("versions/file.txt", fetch_count=1))
        stored = self.witness.versions(BUCKET, "versions/file.txt")
        same([version["fileId"] for version in stored], [version.id_ for version in listed])
        same((10, 5), (listed[0].size, listed[-1].size))

    def download_an_old_version(self) -> None:
        into = v1.DownloadDestBytes()
        old = list(self.bucket.list_file_versions("versions/file.txt"))[-1]
        self.api.download_file_by_id(old.id_, into)
        trees.same_bytes(b"first", into.get_bytes_written())

    # -- copying

    def copy_small_file(self) -> None:
        name = "plus+plus+.txt"
        self.bucket.copy_file(self._id(f"odd/{name}"), f"copies/100% {name}")
        trees.same_bytes(self.small[name], self.witness.content(BUCKET, f"copies/100% {name}"))

    def copy_a_range(self) -> None:
        self.bucket.copy_file(self._id("odd/dir/sub.txt"), "copies/range.txt", bytes_range=(3, 102))
        trees.same_bytes(self.small["dir/sub.txt"][3:103], self.witness.content(BUCKET, "copies/range.txt"))

    def copy_with_new_metadata(self) -> None:
        self.bucket.copy_file(
            self._id("info.txt"),
            "copies/info.txt",
            metadata_directive=v1.MetadataDirectiveMode.REPLACE,
            content_type="text/x-other",
            file_info={"a": "b"},
        )
        (version,) = self.witness.versions(BUCKET, "copies/info.txt")[:1]
        same(({"a": "b"}, "text/x-other"), (version["fileInfo"], version["contentType"]))
        trees.same_bytes(b"info", self.witness.content(BUCKET, "copies/info.txt"))

    def copy_without_a_length(self) -> None:
        with known_bug(AttributeError, "copy_file", "b2sdk 1.1.4: Bucket.copy without a length"):
            self.bucket.copy(self._id("odd/plain.txt"), "copies/whole.txt")
        trees.same_bytes(self.small["plain.txt"], self.witness.content(BUCKET, "copies/whole.txt"))

    def copy_large_file_in_parts(self) -> None:
        other = self.api.get_bucket_by_name(OTHER_BUCKET)
        with known_bug(UnboundLocalError, "file_info", "b2sdk 1.1.4: Bucket.copy of a large file"):
            other.copy(self._id("large.bin"), "copy in parts.bin", offset=0, length=len(self.large))
        trees.same_bytes(self.large, self.witness.content(OTHER_BUCKET, "copy in parts.bin"))

    def concatenate_local_and_remote(self) -> None:
        sources = [
            v1.CopySource(self._id("large.bin"), offset=0, length=SMALL_PART + 1),
            v1.UploadSourceBytes(self.medium),
        ]
        with known_bug(TypeError, "encoded before hashing", "b2sdk 1.1.4: the plan id of a large file"):
            self.bucket.concatenate(sources, "joined.bin", recommended_upload_part_size=SMALL_PART)
        trees.same_bytes(self.large[: SMALL_PART + 1] + self.medium, self.witness.content(BUCKET, "joined.bin"))

    # -- hiding and deleting

    def hide_a_file(self) -> None:
        self.bucket.upload_bytes(b"hidden", "hidden.txt")
        marker = self.bucket.hide_file("hidden.txt")
        same("hide", marker.action)
        require("hidden.txt" not in {version.file_name for version, _ in self.bucket.ls()}, "it is still listed")
        refused(lambda: self.bucket.hide_file("hidden.txt"), FileAlreadyHidden)
        refused(lambda: self._download("hidden.txt"), FileNotPresent)
        self.api.delete_file_version(marker.id_, "hidden.txt")
        trees.same_bytes(b"hidden", self._download("hidden.txt"))

    def delete_versions(self) -> None:
        for text in (b"1", b"2"):
            self.bucket.upload_bytes(text, "deleted.txt")
        for version in list(self.bucket.list_file_versions("deleted.txt")):
            self.api.delete_file_version(version.id_, version.file_name)
            again = partial(self.api.delete_file_version, version.id_, version.file_name)
            refused(again, FileNotPresent)
        same([], self.witness.versions(BUCKET, "deleted.txt"))

    # -- sync

    def sync_up(self) -> None:
        folder = self._changed()
        self._sync(str(folder), f"b2://{BUCKET}/sync")
        self.witness.sees(BUCKET, trees.read(folder), "sync/")

    def sync_up_again_with_delete(self) -> None:
        folder = self._changed()
        (folder / "plain.txt").write_bytes(b"changed")
        (folder / "hash#tag.txt").unlink()
        (folder / "new + file.txt").write_bytes(b"new")
        self._sync(str(folder), f"b2://{BUCKET}/sync", keep_days_or_delete=v1.KeepOrDeleteMode.DELETE)
        expected = trees.read(folder)
        self.witness.sees(BUCKET, expected, "sync/")
        stored = [v["fileName"] for v in self.witness.versions(BUCKET) if v["fileName"].startswith("sync/")]
        same(sorted(f"sync/{name}" for name in expected), sorted(stored))

    def sync_up_keeping_days(self) -> None:
        folder = self.work / "changed"
        (folder / "new + file.txt").unlink(missing_ok=True)
        keep = v1.KeepOrDeleteMode.KEEP_BEFORE_DELETE
        self._sync(str(folder), f"b2://{BUCKET}/sync", keep_days_or_delete=keep, keep_days=5)
        self.witness.sees(BUCKET, trees.read(folder), "sync/")
        kept = self.witness.versions(BUCKET, "sync/new + file.txt")
        same(("hide", "upload"), (kept[0]["action"], kept[-1]["action"]))

    def sync_between_buckets(self) -> None:
        raise Skip("b2sdk 1.1.4 has no sync from bucket to bucket")

    def sync_down(self) -> None:
        down = self.work / "synced"
        down.mkdir(exist_ok=True)
        self._sync(f"b2://{BUCKET}/sync", str(down))
        expected = trees.read(self.work / "changed")
        trees.same_tree(expected, trees.read(down))
        trees.same_times(down, {name: None for name in expected if name in self.small and name != "plain.txt"})

    def sync_down_with_delete(self) -> None:
        down = self.work / "synced"
        trees.write(down, {"too much.txt": b"goes", "dir/too much.txt": b"goes"})
        self._sync(f"b2://{BUCKET}/sync", str(down), keep_days_or_delete=v1.KeepOrDeleteMode.DELETE)
        trees.same_tree(trees.read(self.work / "changed"), trees.read(down))

    def _sync(self, source: str, dest: str, **options: Any) -> None:
        newer = v1.NewerFileSyncMode.REPLACE
        synchronizer = v1.Synchronizer(4, newer_file_mode=newer, allow_empty_source=True, **options)
        sides = v1.parse_sync_folder(source, self.api), v1.parse_sync_folder(dest, self.api)
        with v1.SyncReport(io.StringIO(), no_progress=True) as report:
            synchronizer.sync_folders(*sides, int(time.time() * 1000), report)

    def _changed(self) -> Path:
        """The folder that is synced, as it is before the change."""
        folder = self.fresh("changed")
        trees.write(folder, self.small)
        return folder

    # -- who may do what

    def download_authorization(self) -> None:
        token = self.bucket.get_download_authorization("odd/", 60)
        for name in ("plain.txt", "plus+plus+.txt", "ünïcödé/日本語 ファイル.txt"):
            url = self.bucket.get_download_url(f"odd/{name}")
            trees.same_bytes(self.small[name], self.witness.link(f"{url}?Authorization={token}"))
        outside = self.bucket.get_download_url("large.bin")
        refused(lambda: self.witness.link(f"{outside}?Authorization={token}"), Refused)

    def create_and_list_keys(self) -> None:
        capabilities = ["listBuckets", "listFiles", "readFiles", "writeFiles"]
        self.key = self.api.create_key(
            capabilities, "interop", valid_duration_seconds=600, bucket_id=self.bucket.id_, name_prefix=INSIDE
        )
        (found,) = [key for key in self._keys() if key["applicationKeyId"] == self.key["applicationKeyId"]]
        same((INSIDE, self.bucket.id_), (found["namePrefix"], found["bucketId"]))
        same(sorted(capabilities), sorted(found["capabilities"]))
        require(found["expirationTimestamp"] > time.time() * 1000, "the key is expired")

    def restricted_key_works_inside(self) -> None:
        inside = self._inside()
        inside.upload_bytes(self.small["dir/sub.txt"], f"{INSIDE}sub.txt")
        same([f"{INSIDE}sub.txt"], [version.file_name for version, _ in inside.ls(INSIDE.rstrip("/"))])
        trees.same_bytes(self.small["dir/sub.txt"], self._download(f"{INSIDE}sub.txt", bucket=inside))

    def restricted_key_is_refused_outside(self) -> None:
        inside = self._inside()
        refused(lambda: list(inside.ls("odd")), B2Error, *DENIED)
        refused(lambda: self._download("odd/plain.txt", bucket=inside), B2Error, *DENIED)
        refused(lambda: inside.upload_bytes(b"no", "outside.txt"), B2Error, *DENIED)
        refused(lambda: inside.api.get_bucket_by_name(OTHER_BUCKET), B2Error, *DENIED)
        refused(lambda: inside.api.create_bucket("interop-third", "allPrivate"), B2Error, *DENIED)
        refused(
            lambda: inside.api.delete_file_version(self._id(f"{INSIDE}sub.txt"), f"{INSIDE}sub.txt"), B2Error, *DENIED
        )
        same([], self.witness.versions(BUCKET, "outside.txt"))
        self.witness.sees(BUCKET, {"sub.txt": self.small["dir/sub.txt"]}, INSIDE)

    def delete_a_key(self) -> None:
        key_id = self.key["applicationKeyId"]
        if self._is_listed(key_id):
            inside = self._inside()
            self.api.delete_key(key_id)
            refused(lambda: list(inside.ls(INSIDE.rstrip("/"))), B2Error, *DENIED)
        require(not self._is_listed(key_id), "the deleted key is listed")
        refused(self._inside, B2Error, *DENIED)

    def _is_listed(self, key_id: str) -> bool:
        return key_id in {key["applicationKeyId"] for key in self._keys()}

    def _keys(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.list_keys()["keys"]
        return found

    def _inside(self) -> Any:
        api = v1.B2Api(v1.InMemoryAccountInfo())
        api.authorize_account(self.target.url, self.key["applicationKeyId"], self.key["applicationKey"])
        return api.get_bucket_by_name(BUCKET)

    # -- unfinished files

    def continue_an_unfinished_file(self) -> None:
        name, first = "continued.bin", self.large[: self.witness.part_size()]
        file_id = self.witness.start_large_file(BUCKET, name, first)
        source = v1.WriteIntent(v1.UploadSourceLocalFile(str(self.work / "large" / "large.bin")))
        version = self.bucket.create_file([source], name, continue_large_file_id=file_id)
        same(file_id, version.id_)
        trees.same_bytes(self.large, self.witness.content(BUCKET, name))

    def list_unfinished_files(self) -> None:
        self.unfinished = self.witness.start_large_file(BUCKET, "unfinished/1 + 1.bin", b"a part")
        self.witness.start_large_file(BUCKET, "unfinished 2.bin", b"a part")
        listed = {file.file_name for file in self.bucket.list_unfinished_large_files(batch_size=1)}
        same(set(), {"unfinished/1 + 1.bin", "unfinished 2.bin"} - listed)
        (found,) = {file.file_name for file in self.bucket.list_unfinished_large_files(prefix="unfinished/")}
        same("unfinished/1 + 1.bin", found)
        (part,) = self.api.list_parts(self.unfinished, batch_size=1)
        same((1, 6, trees.digest(b"a part")), (part.part_number, part.content_length, part.content_sha1))

    def cancel_unfinished_files(self) -> None:
        for file in list(self.bucket.list_unfinished_large_files()):
            self.api.cancel_large_file(file.file_id)
        same([], self.witness.unfinished(BUCKET))
        refused(
            lambda: self.api.cancel_large_file(self.unfinished),
            B2Error,
            "no active upload",
            "invalid fileid",
            "not found",
            "not present",
        )

    # -- the end

    def everything_is_as_expected(self) -> None:
        possible = {
            "joined.bin": self.large[: SMALL_PART + 1] + self.medium,
            "copies/whole.txt": self.small["plain.txt"],
        }
        there = {file["fileName"] for file in self.witness.names(BUCKET)}
        self.witness.sees(
            BUCKET,
            {
                **{f"odd/{name}": data for name, data in self.small.items()},
                **{f"sync/{name}": data for name, data in trees.read(self.work / "changed").items()},
                **{name: data for name, data in possible.items() if name in there},
                "info.txt": b"info",
                "large.bin": self.large,
                "medium.bin": self.medium,
                "continued.bin": self.large,
                "versions/file.txt": b"the second",
                "copies/100% plus+plus+.txt": self.small["plus+plus+.txt"],
                "copies/range.txt": self.small["dir/sub.txt"][3:103],
                "copies/info.txt": b"info",
                "hidden.txt": b"hidden",
                f"{INSIDE}sub.txt": self.small["dir/sub.txt"],
            },
        )

    def refuse_to_delete_a_full_bucket(self) -> None:
        self.api.get_bucket_by_name(OTHER_BUCKET).upload_bytes(b"in the way", "in the way.txt")
        refused(
            lambda: self.api.delete_bucket(self.api.get_bucket_by_name(OTHER_BUCKET)),
            B2Error,
            "not empty",
            "non_empty",
            "non-empty",
        )
        require(OTHER_BUCKET in self.witness.buckets(), "the bucket is gone")

    def delete_a_bucket(self) -> None:
        if OTHER_BUCKET in self.witness.buckets():
            bucket = self.api.get_bucket_by_name(OTHER_BUCKET)
            for version, _ in list(bucket.ls(show_versions=True, recursive=True)):
                self.api.delete_file_version(version.id_, version.file_name)
            self.api.delete_bucket(bucket)
        same({BUCKET}, set(self.witness.buckets()))

    # -- help

    @property
    def bucket(self) -> Any:
        """The bucket of most steps."""
        return self.api.get_bucket_by_name(BUCKET)

    def _id(self, name: str) -> str:
        found: str = self.witness.versions(BUCKET, name)[0]["fileId"]
        return found


if __name__ == "__main__":
    for outcome in B2Sdk1(Target.from_json(sys.stdin.read())).run():
        print(outcome.to_json(), flush=True)
    os._exit(0)  # threads of the client that still wait for something are not waited for
