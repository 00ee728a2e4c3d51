"""The b2 command line, with B2's real limits: a large file is one of more than 105 million bytes.

Speaks v4. Every command is a process of its own, with the account cached in a file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from interop import trees
from interop.commands import Program
from interop.scenario import BUCKET, INSIDE, OTHER_BUCKET, Scenario, Skip, Step, Target
from interop.trees import require, same
from interop.witness import Witness

REFUSED: Final = ("unauthorized", "not allowed", "restricted", "does not have")


class B2Cli(Scenario):
    """The scenario of the b2 command line."""

    def __init__(self, target: Target, programs: Path) -> None:
        super().__init__(target)
        self.programs = programs
        self.b2 = self._program("account")
        self.witness = Witness(target)
        self.small = trees.odd_tree()
        self.large = trees.large(self.witness.part_size())
        self.up = self.work / "up"
        trees.write(self.up, self.small)
        trees.write(self.work / "large", {"large.bin": self.large})

    def _program(self, account: str) -> Program:
        environment = {
            "B2_ENVIRONMENT": self.target.url,
            "B2_ACCOUNT_INFO": str(self.work / f"{account}.sqlite"),
            "PYTHONUTF8": "1",
            "PYTHONWARNINGS": "ignore",
        }
        return Program(self.programs / "b2", environment)

    def steps(self) -> Sequence[Step]:
        return (
            self.authorize,
            self.refuse_a_wrong_key,
            self.create_buckets,
            self.update_a_bucket,
            self.upload_small_files,
            self.upload_with_file_info,
            self.list_with_sizes_and_digests,
            self.list_one_folder,
            self.download_small_files,
            self.upload_large_file_in_parts,
            self.upload_large_file_with_smallest_part_size,
            self.download_large_file,
            self.cat_a_file,
            self.download_a_range,
            self.replace_a_file_and_list_versions,
            self.download_an_old_version,
            self.copy_small_file,
            self.copy_a_range,
            self.copy_large_file,
            self.copy_large_file_in_parts,
            self.hide_and_unhide_a_file,
            self.delete_a_version,
            self.delete_files_by_pattern,
            self.sync_up,
            self.sync_up_again_with_delete,
            self.sync_up_keeping_days,
            self.sync_between_buckets,
            self.sync_down,
            self.sync_down_with_delete,
            self.link_to_a_private_file,
            self.create_and_list_keys,
            self.restricted_key_works_inside,
            self.restricted_key_is_refused_outside,
            self.delete_a_key,
            self.list_unfinished_files,
            self.cancel_unfinished_files,
            self.everything_is_as_expected,
            self.refuse_to_delete_a_full_bucket,
            self.delete_a_bucket,
        )

    # -- account and buckets

    def authorize(self) -> None:
        self.b2("account", "authorize", self.target.key_id, self.target.key)
        same(self.witness.account_id(), json.loads(self.b2("account", "get"))["accountId"])

    def refuse_a_wrong_key(self) -> None:
        other = self._program("wrong")
        other.refused("account", "authorize", self.target.key_id, "K000wrong", saying=("unauthorized", "invalid"))

    def create_buckets(self) -> None:
        for bucket in {BUCKET, OTHER_BUCKET} - self.witness.buckets().keys():
            self.b2("bucket", "create", bucket, "allPrivate")
        same(
            {BUCKET, OTHER_BUCKET}, {bucket["bucketName"] for bucket in json.loads(self.b2("bucket", "list", "--json"))}
        )
        self.b2.refused("bucket", "create", BUCKET, "allPrivate", saying=("already in use",))

    def update_a_bucket(self) -> None:
        rule = {"daysFromHidingToDeleting": 7, "daysFromUploadingToHiding": None, "fileNamePrefix": "logs/"}
        self.b2(
            *("bucket", "update", "--bucket-info", json.dumps({"team": "interop"})),
            *("--lifecycle-rule", json.dumps(rule), BUCKET, "allPrivate"),
        )
        stored = json.loads(self.b2("bucket", "get", BUCKET))
        same({"team": "interop"}, stored["bucketInfo"])
        (found,) = stored["lifecycleRules"]
        same((7, "logs/"), (found["daysFromHidingToDeleting"], found["fileNamePrefix"]))
        same({"team": "interop"}, self.witness.buckets()[BUCKET]["bucketInfo"])

    # -- files

    def upload_small_files(self) -> None:
        for name in self.small:
            self.b2("file", "upload", "--quiet", BUCKET, str(self.up / name), f"odd/{name}")
        self.witness.sees(BUCKET, self.small, "odd/")

    def upload_with_file_info(self) -> None:
        self.b2(
            *("file", "upload", "--quiet", "--info", "color=blue & 100% +1", "--info", "word=日本"),
            *("--content-type", "text/x-interop", "--cache-control", "max-age=60"),
            *(BUCKET, str(self.up / "plain.txt"), "info.txt"),
        )
        info = json.loads(self.b2("file", "info", f"b2://{BUCKET}/info.txt"))
        same("text/x-interop", info["contentType"])
        (stored,) = self.witness.versions(BUCKET, "info.txt")[:1]
        for found in (info["fileInfo"], stored["fileInfo"]):
            same(("blue & 100% +1", "日本"), (found.get("color"), found.get("word")))
        same("max-age=60", stored["fileInfo"].get("b2-cache-control"))

    def list_with_sizes_and_digests(self) -> None:
        listed = self._listing(f"{BUCKET}/odd/", "--recursive")
        same(
            {f"odd/{name}": len(data) for name, data in self.small.items()},
            {file["fileName"]: file["size"] for file in listed},
        )
        trees.same_digests(
            {f"odd/{name}": trees.digest(data) for name, data in self.small.items()},
            {file["fileName"]: file["contentSha1"] for file in listed},
        )

    def list_one_folder(self) -> None:
        expected = {"odd/" + name.split("/")[0] + ("/" if "/" in name else "") for name in self.small}
        same(sorted(expected), sorted(self.b2.text("ls", f"b2://{BUCKET}/odd/").splitlines()))

    def download_small_files(self) -> None:
        down = self.fresh("down")
        for name in self.small:
            (down / name).parent.mkdir(parents=True, exist_ok=True)
            self.b2("file", "download", "--no-progress", f"b2://{BUCKET}/odd/{name}", str(down / name))
        trees.same_tree(self.small, trees.read(down))
        trees.same_times(down, self.small)

    def upload_large_file_in_parts(self) -> None:
        path = str(self.work / "large" / "large.bin")
        self.b2("file", "upload", "--quiet", BUCKET, path, "large.bin")
        self._is_large("large.bin", self.large)

    def upload_large_file_with_smallest_part_size(self) -> None:
        trees.write(self.work / "large", {"small parts.bin": self.large})
        path = str(self.work / "large" / "small parts.bin")
        self.b2("file", "upload", "--quiet", "--min-part-size", "5000000", BUCKET, path, "small parts.bin")
        self._is_large("small parts.bin", self.large)

    def _is_large(self, name: str, data: bytes) -> None:
        (version,) = self.witness.versions(BUCKET, name)[:1]
        same((len(data), "none"), (version["contentLength"], version["contentSha1"]))
        same(trees.digest(data), version["fileInfo"].get("large_file_sha1"))
        trees.same_bytes(data, self.witness.content(BUCKET, name))

    def download_large_file(self) -> None:
        down = self.fresh("down")
        self.b2("file", "download", "--no-progress", f"b2://{BUCKET}/large.bin", str(down / "large.bin"))
        trees.same_tree({"large.bin": self.large}, trees.read(down))

    def cat_a_file(self) -> None:
        name = "percent%41%2F.txt"
        trees.same_bytes(self.small[name], self.b2("file", "cat", "--no-progress", f"b2://{BUCKET}/odd/{name}"))

    def download_a_range(self) -> None:
        raise Skip("b2 5.0.0 has no option to download a range")

    # -- versions

    def replace_a_file_and_list_versions(self) -> None:
        for text in (b"first", b"the second"):
            trees.write(self.work / "versions", {"file.txt": text})
            path = str(self.work / "versions" / "file.txt")
            self.b2("file", "upload", "--quiet", BUCKET, path, "versions/file.txt")
        listed = self._listing(f"{BUCKET}/versions/", "--versions", "--recursive")
        stored = self.witness.versions(BUCKET, "versions/file.txt")
        same([version["fileId"] for version in stored], [version["fileId"] for version in listed])
        same({5, 10}, {version["size"] for version in listed})
        same(10, listed[0]["size"])

    def download_an_old_version(self) -> None:
        old = self.witness.versions(BUCKET, "versions/file.txt")[-1]["fileId"]
        down = self.fresh("down")
        self.b2("file", "download", "--no-progress", f"b2id://{old}", str(down / "old.txt"))
        trees.same_tree({"old.txt": b"first"}, trees.read(down))

    # -- copying

    def copy_small_file(self) -> None:
        name = "plus+plus+.txt"
        self._copy(f"{BUCKET}/odd/{name}", f"{BUCKET}/copies/100% {name}")
        trees.same_bytes(self.small[name], self.witness.content(BUCKET, f"copies/100% {name}"))

    def copy_a_range(self) -> None:
        self._copy(f"{BUCKET}/odd/dir/sub.txt", f"{BUCKET}/copies/range.txt", "--range", "3,102")
        trees.same_bytes(self.small["dir/sub.txt"][3:103], self.witness.content(BUCKET, "copies/range.txt"))

    def copy_large_file(self) -> None:
        self._copy(f"{BUCKET}/large.bin", f"{OTHER_BUCKET}/large copy.bin")
        trees.same_bytes(self.large, self.witness.content(OTHER_BUCKET, "large copy.bin"))

    def copy_large_file_in_parts(self) -> None:
        raise Skip("b2 5.0.0 copies up to 5 GB in one call and has no option for less")

    def _copy(self, source: str, dest: str, *options: str) -> None:
        self.b2("file", "server-side-copy", *options, f"b2://{source}", f"b2://{dest}")

    # -- hiding and deleting

    def hide_and_unhide_a_file(self) -> None:
        hidden = f"b2://{BUCKET}/hidden.txt"
        self.b2("file", "upload", "--quiet", BUCKET, str(self.up / "plain.txt"), "hidden.txt")
        self.b2("file", "hide", hidden)
        require("hidden.txt" not in self.b2.text("ls", f"b2://{BUCKET}").split(), "the hidden file is listed")
        self.b2.refused("file", "hide", hidden, saying=("already hidden",))
        same("hide", self.witness.versions(BUCKET, "hidden.txt")[0]["action"])
        self.b2("file", "unhide", hidden)
        require("hidden.txt" in self.b2.text("ls", f"b2://{BUCKET}").split(), "the file is still hidden")

    def delete_a_version(self) -> None:
        versions = self.witness.versions(BUCKET, "versions/file.txt")
        for version in versions[1:]:
            self.b2("rm", "--no-progress", f"b2id://{version['fileId']}")
        same(versions[:1], self.witness.versions(BUCKET, "versions/file.txt"))

    def delete_files_by_pattern(self) -> None:
        for name in ("deleted/1.log", "deleted/2.log", "deleted/kept.txt"):
            self.b2("file", "upload", "--quiet", BUCKET, str(self.up / "plain.txt"), name)
        pattern = f"b2://{BUCKET}/deleted/*.log"
        self.b2("rm", "--no-progress", "--versions", "--recursive", "--with-wildcard", pattern)
        same({"kept.txt"}, set(self.witness.digests(BUCKET, "deleted/")))

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
        self._sync("--delete", "--replace-newer", str(folder), f"b2://{BUCKET}/sync")
        expected = trees.read(folder)
        self.witness.sees(BUCKET, expected, "sync/")
        stored = [v["fileName"] for v in self.witness.versions(BUCKET) if v["fileName"].startswith("sync/")]
        same(sorted(f"sync/{name}" for name in expected), sorted(stored))

    def sync_up_keeping_days(self) -> None:
        folder = self.work / "changed"
        (folder / "new + file.txt").unlink(missing_ok=True)
        self._sync("--keep-days", "5", "--replace-newer", str(folder), f"b2://{BUCKET}/sync")
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
        self._sync("--delete", f"b2://{BUCKET}/sync", str(down))
        trees.same_tree(trees.read(self.work / "changed"), trees.read(down))

    def _sync(self, *arguments: str) -> None:
        self.b2("sync", "--no-progress", *arguments)

    def _changed(self) -> Path:
        """The folder that is synced, as it is before the change."""
        folder = self.fresh("changed")
        trees.write(folder, self.small)
        return folder

    # -- who may do what

    def link_to_a_private_file(self) -> None:
        for name in ("plain.txt", "plus+plus+.txt", "ünïcödé/日本語 ファイル.txt"):
            link = self.b2.text("file", "url", "--with-auth", "--duration", "60", f"b2://{BUCKET}/odd/{name}").strip()
            trees.same_bytes(self.small[name], self.witness.link(link))

    def create_and_list_keys(self) -> None:
        capabilities = "listBuckets,listFiles,readFiles,writeFiles"
        created = self.b2.text(*("key", "create", "--bucket", BUCKET, "--name-prefix", INSIDE, "interop", capabilities))
        self.inside_id, self.inside_key = created.split()
        (line,) = [row for row in self.b2.text("key", "list", "--long").splitlines() if self.inside_id in row]
        require(BUCKET in line and f"'{INSIDE}'" in line and "writeFiles" in line, f"the list says {line!r}")

    def restricted_key_works_inside(self) -> None:
        inside = self._restricted()
        inside("file", "upload", "--quiet", BUCKET, str(self.up / "dir/sub.txt"), f"{INSIDE}sub.txt")
        same([f"{INSIDE}sub.txt"], inside.text("ls", f"b2://{BUCKET}/{INSIDE}").splitlines())
        found = inside("file", "cat", "--no-progress", f"b2://{BUCKET}/{INSIDE}sub.txt")
        trees.same_bytes(self.small["dir/sub.txt"], found)

    def restricted_key_is_refused_outside(self) -> None:
        inside, path = self._restricted(), str(self.up / "plain.txt")
        inside.refused("ls", f"b2://{BUCKET}/odd/", saying=REFUSED)
        inside.refused("ls", f"b2://{OTHER_BUCKET}", saying=REFUSED)
        inside.refused("file", "cat", "--no-progress", f"b2://{BUCKET}/odd/plain.txt", saying=REFUSED)
        inside.refused("file", "upload", "--quiet", BUCKET, path, "outside.txt", saying=REFUSED)
        inside.refused("bucket", "create", "interop-third", "allPrivate", saying=REFUSED)
        (version,) = self.witness.versions(BUCKET, f"{INSIDE}sub.txt")[:1]
        inside.refused("rm", "--no-progress", f"b2id://{version['fileId']}", saying=REFUSED)
        same([], self.witness.versions(BUCKET, "outside.txt"))
        self.witness.sees(BUCKET, {"sub.txt": self.small["dir/sub.txt"]}, INSIDE)

    def delete_a_key(self) -> None:
        if self.inside_id in self.b2.text("key", "list"):
            self.b2("key", "delete", self.inside_id)
        require(self.inside_id not in self.b2.text("key", "list"), "the deleted key is listed")
        late = self._program("late")
        late.refused("account", "authorize", self.inside_id, self.inside_key, saying=("unauthorized", "invalid"))

    def _restricted(self) -> Program:
        inside = self._program("inside")
        inside("account", "authorize", self.inside_id, self.inside_key)
        return inside

    # -- cleaning up

    def list_unfinished_files(self) -> None:
        self.unfinished = self.witness.start_large_file(BUCKET, "unfinished + 1.bin", b"a part")
        self.witness.start_large_file(BUCKET, "unfinished 2.bin", b"a part")
        listed = self.b2.text("file", "large", "unfinished", "list", f"b2://{BUCKET}")
        require("unfinished + 1.bin" in listed and "unfinished 2.bin" in listed, f"the list says {listed!r}")
        parts = self.b2.text("file", "large", "parts", f"b2id://{self.unfinished}")
        require(trees.digest(b"a part") in parts, f"the list of parts says {parts!r}")

    def cancel_unfinished_files(self) -> None:
        if self.unfinished in (file["fileId"] for file in self.witness.unfinished(BUCKET)):
            self.b2("file", "large", "unfinished", "cancel", f"b2id://{self.unfinished}")
        require(
            self.unfinished not in (file["fileId"] for file in self.witness.unfinished(BUCKET)),
            "the canceled file is still there",
        )
        self.b2("file", "large", "unfinished", "cancel", f"b2://{BUCKET}")
        same([], self.witness.unfinished(BUCKET))

    def everything_is_as_expected(self) -> None:
        plain = self.small["plain.txt"]
        self.witness.sees(
            BUCKET,
            {
                **{f"odd/{name}": data for name, data in self.small.items()},
                **{f"sync/{name}": data for name, data in trees.read(self.work / "changed").items()},
                "info.txt": plain,
                "large.bin": self.large,
                "small parts.bin": self.large,
                "versions/file.txt": b"the second",
                "copies/100% plus+plus+.txt": self.small["plus+plus+.txt"],
                "copies/range.txt": self.small["dir/sub.txt"][3:103],
                "hidden.txt": plain,
                "deleted/kept.txt": plain,
                f"{INSIDE}sub.txt": self.small["dir/sub.txt"],
            },
        )

    def refuse_to_delete_a_full_bucket(self) -> None:
        self.b2.refused("bucket", "delete", OTHER_BUCKET, saying=("not empty", "non_empty", "empty bucket"))
        require(OTHER_BUCKET in self.witness.buckets(), "the bucket is gone")

    def delete_a_bucket(self) -> None:
        if OTHER_BUCKET in self.witness.buckets():
            self.b2("rm", "--no-progress", "--versions", "--recursive", f"b2://{OTHER_BUCKET}")
            self.b2("bucket", "delete", OTHER_BUCKET)
        same({BUCKET}, set(self.witness.buckets()))

    # -- help

    def _listing(self, place: str, *options: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.loads(self.b2("ls", "--json", *options, f"b2://{place}"))
        return listed
