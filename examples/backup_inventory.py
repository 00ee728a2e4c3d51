"""Backs a folder up to a bucket, writes an inventory of it, keeps an archive, and proves that all of it comes back. A
program for `b2sdk.v1`, and for `b2pure.v1` as well: only the import below is another one.

    python backup_inventory.py REALM KEY_ID KEY BUCKET FOLDER RESTORED

The key stays in the account info file (`B2_ACCOUNT_INFO`, or `~/.b2_account_info`). Uploads what changed, keeps what it
replaces for thirty days, stores the inventory and an archive beside the files, keeps two archives, and restores the
files with a key that can only read. Says what it did on standard output, without ids and times, so that two runs can be
compared; the exit status is 1 if anything is not as it should be.
"""

import io
import json
import os
import sys
import tempfile
import time
import zipfile

from b2sdk.v1 import (
    AbstractProgressListener,
    B2Api,
    CompareVersionMode,
    DownloadDestBytes,
    DownloadDestLocalFile,
    InMemoryAccountInfo,
    KeepOrDeleteMode,
    NewerFileSyncMode,
    ScanPoliciesManager,
    SqliteAccountInfo,
    Synchronizer,
    SyncReport,
    exception,
    hex_sha1_of_bytes,
    parse_sync_folder,
)

INVENTORY = "inventory.json"
ARCHIVE = "archive.zip"
PREFIX = "files"
ARCHIVES = 2


class Progress(AbstractProgressListener):
    """Remembers how far a transfer came."""

    def __init__(self):
        super().__init__()
        self.total = self.done = 0

    def set_total_bytes(self, total_byte_count):
        self.total = total_byte_count

    def bytes_completed(self, byte_count):
        self.done = byte_count


def connect(realm, key_id, key):
    """With the key of the last run, if it is the same; else with the given one."""
    info = SqliteAccountInfo()
    api = B2Api(info)
    try:
        known = (info.get_realm(), info.get_application_key_id(), info.get_application_key()) == (realm, key_id, key)
    except exception.MissingAccountData:
        known = False
    if known and api.authorize_automatically():
        print("the account info file knows the key")
    else:
        api.authorize_account(realm, key_id, key)
        print("the key is new")
    return api


def bucket_for(api, name):
    try:
        return api.get_bucket_by_name(name)
    except exception.NonExistentBucket:
        rules = [{"fileNamePrefix": INVENTORY, "daysFromHidingToDeleting": 30, "daysFromUploadingToHiding": None}]
        return api.create_bucket(name, "allPrivate", bucket_info={"made-by": "inventory"}, lifecycle_rules=rules)


def synchronize(api, source, dest, **choices):
    """Lines that tell what was done, or would be, in the order of the names. What fails is told at once."""
    told = io.StringIO()
    scan = ScanPoliciesManager(exclude_file_regexes=(r".*\.tmp$",), exclude_dir_regexes=(r"cache$",))
    choices["newer_file_mode"] = NewerFileSyncMode.REPLACE
    source, dest = parse_sync_folder(source, api), parse_sync_folder(dest, api)
    try:
        with SyncReport(told, no_progress=True) as report:
            synchronizer = Synchronizer(4, policies_manager=scan, **choices)
            synchronizer.sync_folders(source, dest, int(time.time() * 1000), report)
    except exception.IncompleteSync:
        print(told.getvalue())
        raise
    return sorted(told.getvalue().splitlines())


def back_up(api, folder, bucket):
    dest = f"b2://{bucket.name}/{PREFIX}"
    keep = {"keep_days_or_delete": KeepOrDeleteMode.KEEP_BEFORE_DELETE, "keep_days": 30}
    rehearsed = synchronize(api, folder, dest, dry_run=True, compare_version_mode=CompareVersionMode.SIZE, **keep)
    done = synchronize(api, folder, dest, compare_version_mode=CompareVersionMode.SIZE, **keep)
    print("\n".join(done) or "nothing to back up")
    print(f"as rehearsed: {rehearsed == done}")


def take_inventory(bucket):
    """Names, sizes and digests, folder by folder."""
    found = {}
    for version, _ in bucket.ls(PREFIX, recursive=True):
        folder, name = os.path.split(version.file_name)
        found.setdefault(folder, []).append([name, version.size, version.content_sha1])
    data = json.dumps(found, sort_keys=True).encode()
    stored = bucket.upload_bytes(data, INVENTORY, "application/json", {"folders": str(len(found))})
    print(f"{stored.file_name}: {stored.content_type}, {stored.file_info}")
    return found


def last_inventory(bucket):
    dest = DownloadDestBytes()
    try:
        bucket.download_file_by_name(INVENTORY, dest)
    except exception.FileNotPresent:
        return {}
    return json.loads(dest.get_bytes_written().decode())


def archived(folder, path):
    """A ZIP of the folder that is the same for the same files."""
    with zipfile.ZipFile(path, "w") as archive:
        for where, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(names):
                full = os.path.join(where, name)
                with open(full, "rb") as file:
                    archive.writestr(zipfile.ZipInfo(os.path.relpath(full, folder)), file.read())


def keep_archive(api, bucket, folder):
    """A large file if the folder is large; a copy on the server is the name that is always good."""
    with tempfile.TemporaryDirectory() as temporary:
        path = os.path.join(temporary, ARCHIVE)
        archived(folder, path)
        up, info = Progress(), {"made-by": "inventory"}
        stored = bucket.upload_local_file(path, ARCHIVE, "application/zip", info, progress_listener=up)
        whole = os.path.getsize(path)
        kind = "large" if stored.content_sha1 in (None, "none") else "small"
        print(f"{ARCHIVE}: {kind}, {whole} bytes, progress {up.done == up.total == stored.size == whole}")
        bucket.copy_file(stored.id_, f"latest/{ARCHIVE}")
        down, copy = Progress(), os.path.join(temporary, "copy")
        bucket.download_file_by_name(f"latest/{ARCHIVE}", DownloadDestLocalFile(copy), down)
        with open(path, "rb") as ours, open(copy, "rb") as theirs:
            print(
                f"latest/{ARCHIVE}: {'good' if ours.read() == theirs.read() else 'bad'}, progress {down.done == whole}"
            )
    start = DownloadDestBytes()
    api.download_file_by_id(stored.id_, start, range_=(0, 1))
    print(f"it begins with {start.get_bytes_written()}")
    for old in list(bucket.list_file_versions(ARCHIVE))[ARCHIVES:]:
        print(f"deleted an old {api.delete_file_version(old.id_, old.file_name).file_name}")
    for unfinished in bucket.list_unfinished_large_files():
        print(f"cancelled {bucket.cancel_large_file(unfinished.file_id).file_name}")


def check(bucket, after):
    """Download the first file that has a digest (large ones have none), and compare it with the inventory."""
    folder, name, sha1 = next(
        (folder, name, sha1)
        for folder, files in sorted(after.items())
        for name, _, sha1 in files
        if sha1 not in (None, "none")
    )
    with tempfile.TemporaryDirectory() as temporary:
        path = os.path.join(temporary, "checked")
        told = bucket.download_file_by_name(f"{folder}/{name}", DownloadDestLocalFile(path))
        with open(path, "rb") as file:
            good = hex_sha1_of_bytes(file.read()) == sha1 == told["contentSha1"]
    print(f"checked {folder}/{name}: {'good' if good else 'bad'}")
    return good


def restore(api, bucket, restored):
    """With a key that can only read, which is gone afterwards."""
    key = api.create_key(["listBuckets", "listFiles", "readFiles"], "restore", bucket_id=bucket.id_)
    realm = api.account_info.get_realm()
    reader = B2Api(InMemoryAccountInfo())
    reader.authorize_account(realm, key["applicationKeyId"], key["applicationKey"])
    delete = {"keep_days_or_delete": KeepOrDeleteMode.DELETE}
    print("\n".join(synchronize(reader, f"b2://{bucket.name}/{PREFIX}", restored, **delete)) or "nothing to restore")
    try:
        reader.get_bucket_by_name(bucket.name).hide_file(INVENTORY)
    except exception.Unauthorized as refused:
        print(f"the key {key['keyName']} may only read: {type(refused).__name__}")
    try:
        reader.create_bucket(f"{bucket.name}-too", "allPrivate")
    except exception.B2Error as refused:
        print(f"and makes no bucket: {type(refused).__name__}")
    api.delete_key(key["applicationKeyId"])
    print(f"keys that are left: {[each['keyName'] for each in api.list_keys()['keys']]}")


def main(realm, key_id, key, bucket_name, folder, restored):
    try:
        api = connect(realm, key_id, key)
        bucket = bucket_for(api, bucket_name)
        before = last_inventory(bucket)
        back_up(api, folder, bucket)
        after = take_inventory(bucket)
        keep_archive(api, bucket, folder)
        restore(api, bucket, restored)
        good = check(bucket, after)
    except (exception.InvalidAuthToken, exception.Unauthorized) as error:
        print(f"the key is not valid, or not any more: {type(error).__name__}")
        return 1
    except exception.B2Error as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    for where in sorted(before.keys() | after.keys()):
        files = after.get(where, [])
        size = sum(size for _, size, _ in files)
        print(f"{where}/: {len(files)} files, {size} bytes, {len(before.get(where, []))} before")
    for name in (INVENTORY, ARCHIVE):
        print(f"{name}: {[version.action for version in bucket.list_file_versions(name)]}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
