"""b2sdk 2: its `v3` interface (version 4 of the API) for everything, and its `v2` interface (version 3) in short.

Reads a `Target` from standard input and writes an `Outcome` per line.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import b2sdk.v2 as v2
import b2sdk.v3 as v3
from b2sdk.v3.exception import B2Error, Conflict, DuplicateBucketName, FileAlreadyHidden, FileNotPresent

from interop import trees
from interop.scenario import BUCKET, INSIDE, OTHER_BUCKET, Scenario, Step, Target
from interop.trees import refused, require, same
from interop.witness import Refused, Witness

SMALL_PART: Final = 5_000_000
DENIED: Final = ("unauthorized", "not allowed", "not authorized", "restricted", "invalid")


class B2Sdk2(Scenario):
    """The scenario of b2sdk 2."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.witness = Witness(target)
        self.api = v3.B2Api(v3.InMemoryAccountInfo())
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
            self.upload_a_stream,
            self.download_large_file,
            self.download_ranges,
            self.replace_a_file_and_list_versions,
            self.download_an_old_version,
            self.copy_small_file,
            self.copy_a_range,
            self.copy_large_file_in_parts,
            self.concatenate_local_and_remote,
            self.hide_and_unhide_a_file,
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
            self.interface_v2_files,
            self.interface_v2_keys,
            self.everything_is_as_expected,
            self.refuse_to_delete_a_full_bucket,
            self.delete_a_bucket,
        )

    # -- account and buckets

    def authorize(self) -> None:
        self.api.authorize_account(self.target.key_id, self.target.key, realm=self.target.url)
        same(self.witness.account_id(), self.api.account_info.get_account_id())
        same(SMALL_PART, self.api.account_info.get_absolute_minimum_part_size())
        same(self.witness.part_size(), self.api.account_info.get_recommended_part_size())

    def refuse_a_wrong_key(self) -> None:
        other = v3.B2Api(v3.InMemoryAccountInfo())
        refused(
            lambda: other.authorize_account(self.target.key_id, "K000wrong", realm=self.target.url), B2Error, *DENIED
        )

    def create_buckets(self) -> None:
        for bucket in {BUCKET, OTHER_BUCKET} - self.witness.buckets().keys():
            self.api.create_bucket(bucket, "allPrivate")
        same({BUCKET, OTHER_BUCKET}, {bucket.name for bucket in self.api.list_buckets()})
        refused(lambda: self.api.create_bucket(BUCKET, "allPrivate"), DuplicateBucketName)

    def update_a_bucket(self) -> None:
        bucket = self._fresh_bucket()
        rule = {"daysFromHidingToDeleting": 7, "daysFromUploadingToHiding": None, "fileNamePrefix": "logs/"}
        bucket.update(bucket_info={"team": "interop"}, lifecycle_rules=[rule], if_revision_is=bucket.revision)
        stored = self._fresh_bucket()
        same({"team": "interop"}, stored.bucket_info)
        same(7, stored.lifecycle_rules[0]["daysFromHidingToDeleting"])
        require(stored.revision > bucket.revision, "the revision did not grow")
        refused(lambda: bucket.update(bucket_info={}, if_revision_is=bucket.revision), Conflict)

    # -- files

    def upload_small_files(self) -> None:
        for name in self.small:
            info = {"src_last_modified_millis": trees.MOD_TIME_MILLIS}
            version = self.bucket.upload_local_file(str(self.up / name), f"odd/{name}", file_info=info)
            same((f"odd/{name}", trees.digest(self.small[name])), (version.file_name, version.content_sha1))
        self.witness.sees(BUCKET, self.small, "odd/")

    def upload_with_file_info(self) -> None:
        info = {"color": "blue & 100% +1", "word": "日本"}
        self.bucket.upload_bytes(b"info", "info.txt", "text/x-interop", file_info=info, cache_control="max-age=60")
        found = self.bucket.get_file_info_by_name("info.txt")
        (stored,) = self.witness.versions(BUCKET, "info.txt")[:1]
        same({**info, "b2-cache-control": "max-age=60"}, stored["fileInfo"])
        same(("text/x-interop", "max-age=60"), (found.content_type, found.cache_control))
        same(info, {key: found.file_info[key] for key in info})

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
            versions = self.bucket.ls("odd", latest_only=False, recursive=True, fetch_count=count)
            same({f"odd/{name}" for name in self.small}, {version.file_name for version, _ in versions})

    def look_at_one_file(self) -> None:
        name = "odd/plus+plus+.txt"
        by_name = self.bucket.get_file_info_by_name(name)
        by_id = self.bucket.get_file_info_by_id(by_name.id_)
        same((name, trees.digest(self.small["plus+plus+.txt"])), (by_id.file_name, by_id.content_sha1))
        refused(lambda: self.bucket.get_file_info_by_name("no such file"), FileNotPresent)

    def download_small_files(self) -> None:
        down = self.fresh("down")
        for name in self.small:
            (down / name).parent.mkdir(parents=True, exist_ok=True)
            self.bucket.download_file_by_name(f"odd/{name}").save_to(str(down / name))
        trees.same_tree(self.small, trees.read(down))
        trees.same_times(down, self.small)

    # -- large files

    def upload_large_file_in_parts(self) -> None:
        version = self.bucket.upload_local_file(str(self.work / "large" / "large.bin"), "large.bin")
        self._is_large("large.bin", self.large)
        same(len(self.large), version.size)

    def upload_in_small_parts(self) -> None:
        source = v3.UploadSourceBytes(self.medium)
        self.bucket.create_file(
            [v3.WriteIntent(source)], "medium.bin", recommended_upload_part_size=SMALL_PART, min_part_size=SMALL_PART
        )
        (version,) = self.witness.versions(BUCKET, "medium.bin")[:1]
        same("none", version["contentSha1"])
        trees.same_bytes(self.medium, self.witness.content(BUCKET, "medium.bin"))

    def upload_a_stream(self) -> None:
        self.bucket.upload_unbound_stream(
            io.BytesIO(self.medium), "stream.bin", recommended_upload_part_size=SMALL_PART
        )
        self.bucket.upload_unbound_stream(io.BytesIO(b"short"), "short stream.bin")
        trees.same_bytes(self.medium, self.witness.content(BUCKET, "stream.bin"))
        trees.same_bytes(b"short", self.witness.content(BUCKET, "short stream.bin"))

    def _is_large(self, name: str, data: bytes) -> None:
        (version,) = self.witness.versions(BUCKET, name)[:1]
        same((len(data), "none"), (version["contentLength"], version["contentSha1"]))
        same(trees.digest(data), version["fileInfo"].get("large_file_sha1"))
        trees.same_bytes(data, self.witness.content(BUCKET, name))

    def download_large_file(self) -> None:
        down = self.fresh("down")
        self.bucket.download_file_by_name("large.bin").save_to(str(down / "large.bin"))
        trees.same_tree({"large.bin": self.large}, trees.read(down))

    def download_ranges(self) -> None:
        for first, last in self._ranges():
            found = self._download("large.bin", (first, last))
            trees.same_bytes(self.large[first : last + 1], found)

    def _ranges(self) -> Sequence[tuple[int, int]]:
        """The first byte and the last one: at the start, over the seam of two parts, at the end."""
        seam, size = self.witness.part_size(), len(self.large)
        return (0, 0), (5, 104), (seam - 10, seam + 9), (size - 77, size - 1)

    def _download(self, name: str, range_: tuple[int, int] | None = None, bucket: Any = None) -> bytes:
        into = io.BytesIO()
        (bucket or self.bucket).download_file_by_name(name, range_=range_).save(into)
        return into.getvalue()

    # -- versions

    def replace_a_file_and_list_versions(self) -> None:
        for text in (b"first", b"the second"):
            self.bucket.upload_bytes(text, "versions/file.txt")
        listed = list(self.bucket.list_file_versions("versions/file.txt", fetch_count=1))
        stored = self.witness.versions(BUCKET, "versions/file.txt")
        same([version["fileId"] for version in stored], [version.id_ for version in listed])
        same((10, 5), (listed[0].size, listed[-1].size))

    def download_an_old_version(self) -> None:
        old = list(self.bucket.list_file_versions("versions/file.txt"))[-1]
        into = io.BytesIO()
        self.api.download_file_by_id(old.id_).save(into)
        trees.same_bytes(b"first", into.getvalue())

    # -- copying

    def copy_small_file(self) -> None:
        name = "plus+plus+.txt"
        version = self.bucket.copy(self._id(f"odd/{name}"), f"copies/100% {name}")
        same(trees.digest(self.small[name]), version.content_sha1)
        trees.same_bytes(self.small[name], self.witness.content(BUCKET, f"copies/100% {name}"))

    def copy_a_range(self) -> None:
        self.bucket.copy(
            self._id("odd/dir/sub.txt"), "copies/range.txt", content_type="text/x-range", offset=3, length=100
        )
        trees.same_bytes(self.small["dir/sub.txt"][3:103], self.witness.content(BUCKET, "copies/range.txt"))

    def copy_large_file_in_parts(self) -> None:
        other = self.api.get_bucket_by_name(OTHER_BUCKET)
        limits = {"min_part_size": SMALL_PART, "max_part_size": 2 * SMALL_PART}
        other.copy(self._id("medium.bin"), "copy in parts.bin", offset=0, length=len(self.medium), **limits)
        trees.same_bytes(self.medium, self.witness.content(OTHER_BUCKET, "copy in parts.bin"))
        same("none", self.witness.versions(OTHER_BUCKET, "copy in parts.bin")[0]["contentSha1"])

    def concatenate_local_and_remote(self) -> None:
        sources = [
            v3.CopySource(self._id("medium.bin"), offset=0, length=SMALL_PART + 1),
            v3.UploadSourceBytes(self.large[:SMALL_PART]),
            v3.CopySource(self._id("medium.bin"), offset=17, length=SMALL_PART),
        ]
        self.bucket.concatenate(sources, "joined.bin", min_part_size=SMALL_PART)
        trees.same_bytes(self._joined(), self.witness.content(BUCKET, "joined.bin"))

    def _joined(self) -> bytes:
        return self.medium[: SMALL_PART + 1] + self.large[:SMALL_PART] + self.medium[17 : 17 + SMALL_PART]

    # -- hiding and deleting

    def hide_and_unhide_a_file(self) -> None:
        self.bucket.upload_bytes(b"hidden", "hidden.txt")
        marker = self.bucket.hide_file("hidden.txt")
        same("hide", marker.action)
        require("hidden.txt" not in {version.file_name for version, _ in self.bucket.ls()}, "it is still listed")
        refused(lambda: self.bucket.hide_file("hidden.txt"), FileAlreadyHidden)
        refused(lambda: self._download("hidden.txt"), FileNotPresent)
        self.bucket.unhide_file("hidden.txt")
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
        delete = v3.KeepOrDeleteMode.DELETE
        self._sync(str(folder), f"b2://{BUCKET}/sync", keep_days_or_delete=delete)
        expected = trees.read(folder)
        self.witness.sees(BUCKET, expected, "sync/")
        stored = [v["fileName"] for v in self.witness.versions(BUCKET) if v["fileName"].startswith("sync/")]
        same(sorted(f"sync/{name}" for name in expected), sorted(stored))

    def sync_up_keeping_days(self) -> None:
        folder = self.work / "changed"
        (folder / "new + file.txt").unlink(missing_ok=True)
        keep = v3.KeepOrDeleteMode.KEEP_BEFORE_DELETE
        self._sync(str(folder), f"b2://{BUCKET}/sync", keep_days_or_delete=keep, keep_days=5)
        self.witness.sees(BUCKET, trees.read(folder), "sync/")
        kept = self.witness.versions(BUCKET, "sync/new + file.txt")
        same(("hide", "upload"), (kept[0]["action"], kept[-1]["action"]))

    def sync_between_buckets(self) -> None:
        self._sync(f"b2://{BUCKET}/sync", f"b2://{OTHER_BUCKET}/mirror")
        self.witness.sees(OTHER_BUCKET, trees.read(self.work / "changed"), "mirror/")

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
        self._sync(f"b2://{BUCKET}/sync", str(down), keep_days_or_delete=v3.KeepOrDeleteMode.DELETE)
        trees.same_tree(trees.read(self.work / "changed"), trees.read(down))

    def _sync(self, source: str, dest: str, **options: Any) -> None:
        newer = v3.NewerFileSyncMode.REPLACE
        synchronizer = v3.Synchronizer(4, newer_file_mode=newer, allow_empty_source=True, **options)
        with v3.SyncReport(io.StringIO(), no_progress=True) as report:
            synchronizer.sync_folders(
                v3.parse_folder(source, self.api), v3.parse_folder(dest, self.api), int(time.time() * 1000), report
            )

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
            capabilities, "interop", valid_duration_seconds=600, bucket_ids=[self.bucket.id_], name_prefix=INSIDE
        )
        (found,) = [key for key in self.api.list_keys() if key.id_ == self.key.id_]
        same((INSIDE, [self.bucket.id_]), (found.name_prefix, found.bucket_ids))
        same(sorted(capabilities), sorted(found.capabilities))
        require(found.expiration_timestamp_millis > time.time() * 1000, "the key is expired")

    def restricted_key_works_inside(self) -> None:
        inside = self._inside()
        inside.upload_bytes(self.small["dir/sub.txt"], f"{INSIDE}sub.txt")
        same([f"{INSIDE}sub.txt"], [version.file_name for version, _ in inside.ls(INSIDE)])
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
        if self._is_listed():
            inside = self._inside()
            self.api.delete_key_by_id(self.key.id_)
            refused(lambda: list(inside.ls(INSIDE)), B2Error, *DENIED)
        require(not self._is_listed(), "the deleted key is listed")
        refused(self._inside, B2Error, *DENIED)

    def _is_listed(self) -> bool:
        return self.key.id_ in {key.id_ for key in self.api.list_keys()}

    def _inside(self) -> Any:
        api = v3.B2Api(v3.InMemoryAccountInfo())
        api.authorize_account(self.key.id_, self.key.application_key, realm=self.target.url)
        return api.get_bucket_by_name(BUCKET)

    # -- unfinished files

    def continue_an_unfinished_file(self) -> None:
        name = "continued.bin"
        info = {"large_file_sha1": trees.digest(self.medium)}  # b2sdk continues a file with the same info only
        file_id = self.witness.start_large_file(BUCKET, name, self.medium[:SMALL_PART], fileInfo=info)
        version = self.bucket.create_file(
            [v3.WriteIntent(v3.UploadSourceBytes(self.medium))],
            name,
            recommended_upload_part_size=SMALL_PART,
            min_part_size=SMALL_PART,
            continue_large_file_id=file_id,
        )
        same(file_id, version.id_)
        trees.same_bytes(self.medium, self.witness.content(BUCKET, name))

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

    # -- the older interface

    def interface_v2_files(self) -> None:
        bucket = self._v2().get_bucket_by_name(BUCKET)
        bucket.upload_bytes(b"v2", "v2/+ ü.txt", file_info={"a": "b"})
        into = io.BytesIO()
        bucket.download_file_by_name("v2/+ ü.txt").save(into)
        trees.same_bytes(b"v2", into.getvalue())
        same(["v2/+ ü.txt"], [version.file_name for version, _ in bucket.ls("v2")])

    def interface_v2_keys(self) -> None:
        api = self._v2()
        bucket = api.get_bucket_by_name(BUCKET)
        key = api.create_key(["listBuckets", "listFiles"], "interop-v2", bucket_id=bucket.id_)
        same({BUCKET}, {found.name for found in self._v2(key.id_, key.application_key).list_buckets(BUCKET)})
        (found,) = [found for found in api.list_keys() if found.id_ == key.id_]
        same(bucket.id_, found.bucket_id)
        api.delete_key_by_id(key.id_)

    def _v2(self, key_id: str | None = None, key: str | None = None) -> Any:
        api = v2.B2Api(v2.InMemoryAccountInfo())
        api.authorize_account(self.target.url, key_id or self.target.key_id, key or self.target.key)
        return api

    # -- the end

    def everything_is_as_expected(self) -> None:
        self.witness.sees(
            BUCKET,
            {
                **{f"odd/{name}": data for name, data in self.small.items()},
                **{f"sync/{name}": data for name, data in trees.read(self.work / "changed").items()},
                "info.txt": b"info",
                "large.bin": self.large,
                "medium.bin": self.medium,
                "stream.bin": self.medium,
                "continued.bin": self.medium,
                "joined.bin": self._joined(),
                "short stream.bin": b"short",
                "versions/file.txt": b"the second",
                "copies/100% plus+plus+.txt": self.small["plus+plus+.txt"],
                "copies/range.txt": self.small["dir/sub.txt"][3:103],
                "hidden.txt": b"hidden",
                "v2/+ ü.txt": b"v2",
                f"{INSIDE}sub.txt": self.small["dir/sub.txt"],
            },
        )

    def refuse_to_delete_a_full_bucket(self) -> None:
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
            for version, _ in list(bucket.ls(latest_only=False, recursive=True)):
                with suppress(FileNotPresent):
                    self.api.delete_file_version(version.id_, version.file_name)
            self.api.delete_bucket(bucket)
        same({BUCKET}, set(self.witness.buckets()))

    # -- help

    @property
    def bucket(self) -> Any:
        """The bucket of most steps."""
        return self.api.get_bucket_by_name(BUCKET)

    def _fresh_bucket(self) -> Any:
        (bucket,) = self.api.list_buckets(BUCKET)
        return bucket

    def _id(self, name: str) -> str:
        found: str = self.witness.versions(BUCKET, name)[0]["fileId"]
        return found


if __name__ == "__main__":
    for outcome in B2Sdk2(Target.from_json(sys.stdin.read())).run():
        print(outcome.to_json(), flush=True)
    os._exit(0)  # threads of the client that still wait for something are not waited for
