"""rclone: small files, files in parts of 5 MiB (its smallest), sync, check, versions, restricted keys, cleaning up.

Speaks v4 to authorize and v1 for everything else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from interop import trees
from interop.commands import Program
from interop.scenario import BUCKET, INSIDE, OTHER_BUCKET, Scenario, Step, Target
from interop.trees import require, same
from interop.witness import Witness

MIB: Final = 1 << 20
IN_PARTS: Final = ("--b2-chunk-size=5Mi", "--b2-upload-cutoff=6Mi", "--b2-copy-cutoff=5Mi")
IMPATIENT: Final = ("--retries=1", "--low-level-retries=3")
"""rclone tries a refusal again, too, and would do so for a minute."""
REFUSED: Final = ("401", "unauthorized", "not allowed")
DENIED_BUCKET: Final = ("401", "unauthorized", "not found", "must use bucket", "restricted")


class Rclone(Scenario):
    """The scenario of rclone."""

    def __init__(self, target: Target, programs: Path) -> None:
        super().__init__(target)
        self.programs = programs
        self.rclone = self._program(target.key_id, target.key)
        self.witness = Witness(target)
        self.small = trees.odd_tree()
        self.large = trees.content("large", 17 * MIB + 11)
        self.up, self.changed = self.work / "up", self.work / "changed"
        trees.write(self.up, self.small)
        (self.work / "rclone.conf").touch()

    def _program(self, key_id: str, key: str) -> Program:
        settings = {"TYPE": "b2", "ACCOUNT": key_id, "KEY": key, "ENDPOINT": self.target.url}
        environment = {f"RCLONE_CONFIG_B2_{name}": value for name, value in settings.items()}
        environment["RCLONE_CONFIG"] = str(self.work / "rclone.conf")
        patience = () if self.target.faulty and key_id == self.target.key_id else IMPATIENT
        return Program(self.programs / "rclone", environment, patience)

    def steps(self) -> Sequence[Step]:
        return (
            self.create_bucket,
            self.upload_small_files,
            self.upload_nothing_twice,
            self.list_with_digests,
            self.list_one_folder,
            self.download_small_files,
            self.download_one_odd_name,
            self.upload_large_file_in_parts,
            self.upload_stream_of_unknown_size,
            self.download_large_file,
            self.download_large_file_in_streams,
            self.download_ranges,
            self.replace_a_file_and_list_versions,
            self.download_an_old_version,
            self.copy_small_file,
            self.copy_large_file_in_parts,
            self.move_a_file,
            self.set_modification_time,
            self.hide_a_file,
            self.delete_a_file_with_all_versions,
            self.sync_up,
            self.check_after_sync,
            self.sync_up_again_with_delete,
            self.sync_between_buckets,
            self.sync_down,
            self.sync_down_with_delete,
            self.link_to_a_private_file,
            self.restricted_key_works_inside,
            self.restricted_key_is_refused_outside,
            self.cancel_unfinished_files,
            self.clean_up_old_versions,
            self.set_lifecycle_rules,
            self.refuse_to_remove_a_full_bucket,
            self.everything_is_as_expected,
            self.purge_a_bucket,
        )

    # -- small files

    def create_bucket(self) -> None:
        self.rclone("mkdir", f"b2:{BUCKET}")
        self.rclone("mkdir", f"b2:{OTHER_BUCKET}")
        same([BUCKET, OTHER_BUCKET], self.rclone.text("lsf", "b2:").replace("/", "").split())
        same({BUCKET, OTHER_BUCKET}, set(self.witness.buckets()))

    def upload_small_files(self) -> None:
        self.rclone("copy", str(self.up), f"b2:{BUCKET}/odd")
        self.witness.sees(BUCKET, self.small, "odd/")

    def upload_nothing_twice(self) -> None:
        before = len(self.witness.versions(BUCKET))
        self.rclone("copy", str(self.up), f"b2:{BUCKET}/odd")
        same(before, len(self.witness.versions(BUCKET)))

    def list_with_digests(self) -> None:
        listed = self._listing(f"{BUCKET}/odd", "--hash")
        same({name: len(data) for name, data in self.small.items()}, {f["Path"]: f["Size"] for f in listed})
        trees.same_digests(trees.digests(self.small), {f["Path"]: f["Hashes"]["sha1"] for f in listed})

    def list_one_folder(self) -> None:
        expected = {name.split("/")[0] + ("/" if "/" in name else "") for name in self.small}
        same(sorted(expected), sorted(self.rclone.text("lsf", f"b2:{BUCKET}/odd").splitlines()))

    def download_small_files(self) -> None:
        down = self.fresh("down")
        self.rclone("copy", f"b2:{BUCKET}/odd", str(down))
        trees.same_tree(self.small, trees.read(down))
        trees.same_times(down, self.small)

    def download_one_odd_name(self) -> None:
        for name in ("plus+plus+.txt", "percent%41%2F.txt", "hash#tag.txt", "ünïcödé/日本語 ファイル.txt"):
            trees.same_bytes(self.small[name], self.rclone("cat", f"b2:{BUCKET}/odd/{name}"))

    # -- large files

    def upload_large_file_in_parts(self) -> None:
        trees.write(self.work / "large", {"large.bin": self.large})
        self.rclone(*IN_PARTS, "copyto", str(self.work / "large" / "large.bin"), f"b2:{BUCKET}/large.bin")
        (version,) = self.witness.versions(BUCKET, "large.bin")[:1]
        same((len(self.large), "none"), (version["contentLength"], version["contentSha1"]))
        same(trees.digest(self.large), version["fileInfo"].get("large_file_sha1"))
        trees.same_bytes(self.large, self.witness.content(BUCKET, "large.bin"))

    def upload_stream_of_unknown_size(self) -> None:
        self.rclone(*IN_PARTS, "rcat", f"b2:{BUCKET}/stream.bin", data=self.large)
        self.rclone(*IN_PARTS, "rcat", f"b2:{BUCKET}/short stream.bin", data=b"short")
        trees.same_bytes(self.large, self.witness.content(BUCKET, "stream.bin"))
        trees.same_bytes(b"short", self.witness.content(BUCKET, "short stream.bin"))

    def download_large_file(self) -> None:
        down = self.fresh("down")
        self.rclone("copyto", "--multi-thread-streams=0", f"b2:{BUCKET}/large.bin", str(down / "large.bin"))
        trees.same_tree({"large.bin": self.large}, trees.read(down))
        trees.same_times(down, {"large.bin": None})

    def download_large_file_in_streams(self) -> None:
        down = self.fresh("down")
        streams = ("--multi-thread-streams=4", "--multi-thread-cutoff=1Mi", "--multi-thread-chunk-size=3Mi")
        self.rclone("copyto", *streams, f"b2:{BUCKET}/large.bin", str(down / "large.bin"))
        trees.same_tree({"large.bin": self.large}, trees.read(down))

    def download_ranges(self) -> None:
        for options, expected in (
            (("--offset=0", "--count=1"), self.large[:1]),
            (("--offset=5", "--count=100"), self.large[5:105]),
            (("--offset=17000000",), self.large[17_000_000:]),
            (("--tail=77",), self.large[-77:]),
        ):
            trees.same_bytes(expected, self.rclone("cat", *options, f"b2:{BUCKET}/large.bin"))

    # -- versions

    def replace_a_file_and_list_versions(self) -> None:
        for text in (b"first", b"the second"):
            self.rclone("rcat", f"b2:{BUCKET}/versions/file.txt", data=text)
        listed = sorted(f["Size"] for f in self._listing(f"{BUCKET}/versions", "--b2-versions"))
        stored = sorted(v["contentLength"] for v in self.witness.versions(BUCKET, "versions/file.txt"))
        same(stored, listed)
        same({5, 10}, set(stored))
        trees.same_bytes(b"the second", self.rclone("cat", f"b2:{BUCKET}/versions/file.txt"))

    def download_an_old_version(self) -> None:
        listed = self._listing(f"{BUCKET}/versions", "--b2-versions")
        old = next(f["Path"] for f in listed if f["Size"] == 5)
        require(old != "file.txt", "the old version has the name of the new one")
        trees.same_bytes(b"first", self.rclone("--b2-versions", "cat", f"b2:{BUCKET}/versions/{old}"))

    # -- copying

    def copy_small_file(self) -> None:
        name = "plus+plus+.txt"
        self.rclone("copyto", f"b2:{BUCKET}/odd/{name}", f"b2:{BUCKET}/copies/100% {name}")
        trees.same_bytes(self.small[name], self.witness.content(BUCKET, f"copies/100% {name}"))

    def copy_large_file_in_parts(self) -> None:
        self.rclone(*IN_PARTS, "copyto", f"b2:{BUCKET}/large.bin", f"b2:{OTHER_BUCKET}/large copy.bin")
        trees.same_bytes(self.large, self.witness.content(OTHER_BUCKET, "large copy.bin"))
        (version,) = self.witness.versions(OTHER_BUCKET, "large copy.bin")[:1]
        same("none", version["contentSha1"])

    def move_a_file(self) -> None:
        self.rclone("copyto", f"b2:{BUCKET}/odd/plain.txt", f"b2:{BUCKET}/copies/before.txt")
        self.rclone("moveto", f"b2:{BUCKET}/copies/before.txt", f"b2:{BUCKET}/copies/after.txt")
        copies = self.witness.digests(BUCKET, "copies/")
        same((False, trees.digest(self.small["plain.txt"])), ("before.txt" in copies, copies.get("after.txt")))

    def set_modification_time(self) -> None:
        self.rclone("touch", "--timestamp=2020-02-02T02:02:02.345", f"b2:{BUCKET}/copies/after.txt")
        (version,) = self.witness.versions(BUCKET, "copies/after.txt")[:1]
        same("1580608922345", version["fileInfo"].get("src_last_modified_millis"))
        trees.same_bytes(self.small["plain.txt"], self.witness.content(BUCKET, "copies/after.txt"))

    # -- hiding and deleting

    def hide_a_file(self) -> None:
        self.rclone("rcat", f"b2:{BUCKET}/hidden.txt", data=b"hidden")
        self.rclone("deletefile", f"b2:{BUCKET}/hidden.txt")
        require("hidden.txt" not in self.rclone.text("lsf", f"b2:{BUCKET}"), "the hidden file is listed")
        actions = [version["action"] for version in self.witness.versions(BUCKET, "hidden.txt")]
        same(("hide", "upload"), (actions[0], actions[-1]))

    def delete_a_file_with_all_versions(self) -> None:
        for text in (b"1", b"2"):
            self.rclone("rcat", f"b2:{BUCKET}/deleted/file.txt", data=text)
        self.rclone("--b2-hard-delete", "--b2-versions", "delete", f"b2:{BUCKET}/deleted")
        same([], self.witness.versions(BUCKET, "deleted/file.txt"))

    # -- sync

    def sync_up(self) -> None:
        self.rclone(*IN_PARTS, "sync", str(self._big_tree()), f"b2:{BUCKET}/sync")
        self.witness.sees(BUCKET, trees.read(self.changed), "sync/")

    def check_after_sync(self) -> None:
        self.rclone("check", str(self.changed), f"b2:{BUCKET}/sync")
        self.rclone("check", "--download", str(self.changed), f"b2:{BUCKET}/sync")

    def sync_up_again_with_delete(self) -> None:
        (self.changed / "plain.txt").write_bytes(b"changed")
        (self.changed / "hash#tag.txt").unlink(missing_ok=True)
        (self.changed / "new + file.txt").write_bytes(b"new")
        self.rclone(*IN_PARTS, "sync", str(self.changed), f"b2:{BUCKET}/sync")
        self.rclone("check", str(self.changed), f"b2:{BUCKET}/sync")
        self.witness.sees(BUCKET, trees.read(self.changed), "sync/")

    def sync_between_buckets(self) -> None:
        self.rclone(*IN_PARTS, "sync", f"b2:{BUCKET}/sync", f"b2:{OTHER_BUCKET}/mirror")
        self.rclone("check", f"b2:{BUCKET}/sync", f"b2:{OTHER_BUCKET}/mirror")
        self.witness.sees(OTHER_BUCKET, trees.read(self.changed), "mirror/")

    def sync_down(self) -> None:
        down = self.work / "synced"
        self.rclone("sync", f"b2:{BUCKET}/sync", str(down))
        trees.same_tree(trees.read(self.changed), trees.read(down))

    def sync_down_with_delete(self) -> None:
        down = self.work / "synced"
        trees.write(down, {"too much.txt": b"goes", "dir/too much.txt": b"goes", "plain.txt": b"other"})
        self.rclone("sync", f"b2:{BUCKET}/sync", str(down))
        trees.same_tree(trees.read(self.changed), trees.read(down))

    # -- who may do what

    def link_to_a_private_file(self) -> None:
        for name in ("plain.txt", "plus+plus+.txt", "ünïcödé/日本語 ファイル.txt"):
            link = self.rclone.text("link", "--expire=1h", f"b2:{BUCKET}/odd/{name}").strip()
            trees.same_bytes(self.small[name], self.witness.link(link))

    def restricted_key_works_inside(self) -> None:
        inside = self._restricted()
        self.rclone("copyto", f"b2:{BUCKET}/odd/dir/sub.txt", f"b2:{BUCKET}/{INSIDE}sub.txt")
        inside("rcat", f"b2:{BUCKET}/{INSIDE}written.txt", data=b"written")
        same({"sub.txt", "written.txt"}, set(inside.text("lsf", f"b2:{BUCKET}/{INSIDE}").splitlines()))
        trees.same_bytes(self.small["dir/sub.txt"], inside("cat", f"b2:{BUCKET}/{INSIDE}sub.txt"))

    def restricted_key_is_refused_outside(self) -> None:
        inside = self._restricted()
        # rclone lists by version 1, which refuses no list: it shows only what the key's own prefix lets through.
        same("", inside.text("lsf", f"b2:{BUCKET}/odd"))
        same(b"", inside("cat", f"b2:{BUCKET}/odd/plain.txt"))  # not found by such a list, so taken for a directory
        inside.refused("rcat", f"b2:{BUCKET}/outside.txt", data=b"no", saying=REFUSED)
        inside.refused("--b2-hard-delete", "deletefile", f"b2:{BUCKET}/{INSIDE}sub.txt", saying=REFUSED)
        inside.refused("lsf", f"b2:{OTHER_BUCKET}/mirror", saying=DENIED_BUCKET)
        self.witness.sees(BUCKET, {"sub.txt": self.small["dir/sub.txt"], "written.txt": b"written"}, INSIDE)
        same([], self.witness.versions(BUCKET, "outside.txt"))

    # -- cleaning up

    def cancel_unfinished_files(self) -> None:
        file_id = self.witness.start_large_file(BUCKET, "unfinished + 1.bin", b"a part")
        self.rclone("backend", "cleanup", f"b2:{BUCKET}", "-o", "max-age=24h")
        require(file_id in (file["fileId"] for file in self.witness.unfinished(BUCKET)), "canceled before its age")
        self.rclone("backend", "cleanup", f"b2:{BUCKET}", "-o", "max-age=1ms")
        same([], self.witness.unfinished(BUCKET))

    def clean_up_old_versions(self) -> None:
        before = self.witness.digests(BUCKET)
        self.rclone("cleanup", f"b2:{BUCKET}")
        trees.same_digests(before, self.witness.digests(BUCKET))
        same(sorted(before), sorted(version["fileName"] for version in self.witness.versions(BUCKET)))

    def set_lifecycle_rules(self) -> None:
        self.rclone("backend", "lifecycle", f"b2:{BUCKET}", "-o", "daysFromHidingToDeleting=3")
        (rule,) = json.loads(self.rclone("backend", "lifecycle", f"b2:{BUCKET}"))
        same(3, rule["daysFromHidingToDeleting"])
        (stored,) = self.witness.buckets()[BUCKET]["lifecycleRules"]
        same((3, "", None), tuple(stored.get(k) for k in _RULE))

    def refuse_to_remove_a_full_bucket(self) -> None:
        self.rclone.refused("rmdir", f"b2:{OTHER_BUCKET}", saying=("not empty", "cannot_delete_non_empty_bucket"))
        require(OTHER_BUCKET in self.witness.buckets(), "the bucket is gone")

    def everything_is_as_expected(self) -> None:
        plain = self.small["plain.txt"]
        self.witness.sees(
            BUCKET,
            {
                **{f"odd/{name}": data for name, data in self.small.items()},
                **{f"sync/{name}": data for name, data in trees.read(self.changed).items()},
                "large.bin": self.large,
                "stream.bin": self.large,
                "short stream.bin": b"short",
                "versions/file.txt": b"the second",
                "copies/100% plus+plus+.txt": self.small["plus+plus+.txt"],
                "copies/after.txt": plain,
                f"{INSIDE}sub.txt": self.small["dir/sub.txt"],
                f"{INSIDE}written.txt": b"written",
            },
        )

    def purge_a_bucket(self) -> None:
        if OTHER_BUCKET in self.witness.buckets():
            self.rclone("purge", f"b2:{OTHER_BUCKET}")
        same({BUCKET}, set(self.witness.buckets()))

    # -- help

    def _listing(self, place: str, *options: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(
            self.rclone("lsjson", "--recursive", "--files-only", *options, f"b2:{place}")
        )
        return listed

    def _big_tree(self) -> Path:
        """A folder to sync: the odd names and a file that goes in parts."""
        trees.write(self.changed, {**self.small, "large/in parts.bin": self.large[: 11 * MIB]})
        return self.changed

    def _restricted(self) -> Program:
        """rclone with a key that may read and write, but not delete, below `INSIDE`."""
        return self._program(
            *self.witness.create_key(BUCKET, INSIDE, "listBuckets", "listFiles", "readFiles", "writeFiles")
        )


_RULE: Final = ("daysFromHidingToDeleting", "fileNamePrefix", "daysFromUploadingToHiding")
