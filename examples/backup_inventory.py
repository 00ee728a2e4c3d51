"""Backs a folder up to a bucket and writes an inventory of it. A program for `b2sdk.v1`, and for `b2pure.v1` as well.

    python backup_inventory.py REALM KEY_ID KEY BUCKET FOLDER

Uploads what changed, keeps what it replaces for thirty days, stores the inventory beside the files, and checks one file
by downloading it again. Says what it did on standard output; the exit status is 1 if anything is not as it should be.
"""

import json
import os
import sys
import tempfile
import time

from b2sdk.v1 import (
    B2Api,
    CompareVersionMode,
    DownloadDestBytes,
    DownloadDestLocalFile,
    InMemoryAccountInfo,
    InMemoryCache,
    KeepOrDeleteMode,
    NewerFileSyncMode,
    ScanPoliciesManager,
    Synchronizer,
    SyncReport,
    hex_sha1_of_bytes,
    parse_sync_folder,
)
from b2sdk.v1.exception import B2Error, FileNotPresent, InvalidAuthToken, NonExistentBucket

INVENTORY = "inventory.json"
PREFIX = "files"


def connect(realm, key_id, key):
    api = B2Api(InMemoryAccountInfo(), InMemoryCache())
    api.authorize_account(realm, key_id, key)
    return api


def bucket_for(api, name):
    try:
        return api.get_bucket_by_name(name)
    except NonExistentBucket:
        rules = [{"fileNamePrefix": INVENTORY, "daysFromHidingToDeleting": 30, "daysFromUploadingToHiding": None}]
        return api.create_bucket(name, "allPrivate", bucket_info={"made-by": "inventory"}, lifecycle_rules=rules)


def back_up(api, folder, bucket, out):
    synchronizer = Synchronizer(
        4,
        policies_manager=ScanPoliciesManager(exclude_file_regexes=(r".*\.tmp$",), exclude_dir_regexes=(r"cache$",)),
        newer_file_mode=NewerFileSyncMode.REPLACE,
        compare_version_mode=CompareVersionMode.SIZE,
        keep_days_or_delete=KeepOrDeleteMode.KEEP_BEFORE_DELETE,
        keep_days=30,
    )
    source = parse_sync_folder(folder, api)
    dest = parse_sync_folder(f"b2://{bucket.name}/{PREFIX}", api)
    with SyncReport(out, no_progress=True) as report:
        synchronizer.sync_folders(source, dest, int(time.time() * 1000), report)


def take_inventory(bucket):
    """Names, sizes and digests, folder by folder."""
    found = {}
    for version, _ in bucket.ls(PREFIX, recursive=True):
        folder, name = os.path.split(version.file_name)
        found.setdefault(folder, []).append([name, version.size, version.content_sha1])
    data = json.dumps(found, sort_keys=True).encode()
    stored = bucket.upload_bytes(data, INVENTORY, "application/json", {"folders": str(len(found))})
    return found, stored


def last_inventory(bucket):
    dest = DownloadDestBytes()
    try:
        bucket.download_file_by_name(INVENTORY, dest)
    except FileNotPresent:
        return {}
    return json.loads(dest.get_bytes_written().decode())


def check(bucket, folder, name, sha1):
    """Download a file and compare it with what the inventory says of it."""
    with tempfile.TemporaryDirectory() as temporary:
        path = os.path.join(temporary, "checked")
        told = bucket.download_file_by_name(f"{folder}/{name}", DownloadDestLocalFile(path))
        with open(path, "rb") as file:
            return hex_sha1_of_bytes(file.read()) == sha1 == told["contentSha1"]


def main(realm, key_id, key, bucket_name, folder):
    try:
        api = connect(realm, key_id, key)
        bucket = bucket_for(api, bucket_name)
        before = last_inventory(bucket)
        back_up(api, folder, bucket, sys.stdout)
        after, stored = take_inventory(bucket)
    except InvalidAuthToken:
        print("the key is not valid any more")
        return 1
    except B2Error as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    for where in sorted(before.keys() | after.keys()):
        files = after.get(where, [])
        size = sum(size for _, size, _ in files)
        print(f"{where}/: {len(files)} files, {size} bytes, {len(before.get(where, []))} before")
    where, files = sorted(after.items())[0]
    good = check(bucket, where, files[0][0], files[0][2])
    print(f"checked {where}/{files[0][0]}: {'good' if good else 'bad'}")
    versions = [version.action for version in bucket.list_file_versions(INVENTORY)]
    print(f"{stored.file_name}: {stored.file_info}, {len(versions)} versions")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
