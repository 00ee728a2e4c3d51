"""One of several programs that share an account info file: ten threads that upload and remember names.

    python v1_sharing.py FILE REALM BUCKET_ID WHO UPLOADS

Says as JSON what failed.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha1

from attrs import frozen

from b2pure.effects.interpreter import Interpreter
from b2pure.effects.program import Program, ok
from b2pure.effects.requests import request, upload_request
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.threads import ThreadDriver
from b2pure.model.calls import GetUploadUrl, ListFileNames, UploadFile
from b2pure.model.errors import describe
from b2pure.model.ids import BucketId
from b2pure.model.sources import Blob
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.clock import SystemClock
from b2pure.shell.http import HttpApi
from b2pure.shell.v1.machines import AccountInfoMachines, StoredKey
from b2pure.shell.v1.sqlite_account_info import SqliteAccountInfo

THREADS = 10
POLICY = RetryPolicy(max_attempts=20, max_upload_urls=20, first_delay=0.01)


@frozen
class Named:
    id_: str
    name: str


def main(path: str, realm: str, bucket: str, who: str, uploads: int) -> list[str]:
    """What failed."""
    info = SqliteAccountInfo(path)
    key = StoredKey.of(info)
    bucket_id = BucketId(bucket)
    failures: list[str] = []

    def one(name: str) -> Program[object]:
        data = name.encode()
        call = UploadFile(name, "text/plain", sha1(data).hexdigest(), {}, Blob(data))
        done = yield from upload_request(bucket_id, GetUploadUrl(bucket_id), call, POLICY)
        listed = yield from request(ListFileNames(bucket_id, name, 1), POLICY)
        info.save_bucket(Named(f"id-{name}", name))
        failures.extend(describe(each.failure()) for each in (done, listed) if not ok(each))
        if ok(listed) and [file.file_name for file in listed.unwrap().files] != [name]:
            failures.append(f"{name} was lost")
        return None

    with HttpApi(key.application_key_id, key.application_key, realm_address=realm) as api:
        interpreter = Interpreter(api, SimulatedDisk(), SystemClock(), AccountInfoMachines(info, key))
        with ThreadDriver(interpreter, workers=THREADS) as driver:
            driver.run_each(one(f"{who}-{number}") for number in range(uploads))
    return failures


if __name__ == "__main__":
    path, realm, bucket, who, uploads = sys.argv[1:]
    print(json.dumps(main(path, realm, bucket, who, int(uploads))))
