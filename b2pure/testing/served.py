"""A simulated B2 on a port of this machine, as a test sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager

from attrs import field, frozen

from b2pure.effects.fault_board import FaultBoard
from b2pure.effects.simulator import Simulator
from b2pure.effects.wire import KeyPair
from b2pure.model.account import ALL_CAPABILITIES
from b2pure.model.ids import BucketId
from b2pure.shell.serve import RunningServer

__all__ = ["ServedB2"]


@frozen(eq=False)
class ServedB2:
    """A running server. Programs under test get `url` (the realm), `key_id` and `key`, or all of it as `environ`.

    The test itself looks and acts without HTTP: `bucket`, `put`, `contents`, `add_key`, `advance_time`; and, for
    everything else, `with server.locked() as simulator:`.
    """

    server: RunningServer = field(repr=False)

    @property
    def url(self) -> str:
        """Where it is: `http://127.0.0.1:PORT`."""
        return self.server.url

    @property
    def key_id(self) -> str:
        """The id of the key that may do everything."""
        return self.simulator.master_key_id

    @property
    def key(self) -> str:
        """The secret of that key."""
        return self.simulator.master_key

    @property
    def environ(self) -> dict[str, str]:
        """The variables from which b2pure and the b2 command line take realm and key."""
        return {
            "B2_ENVIRONMENT": self.url,
            "B2_APPLICATION_KEY_ID": self.key_id,
            "B2_APPLICATION_KEY": self.key,
        }

    @property
    def simulator(self) -> Simulator:
        """What is served. Use it inside `locked()`."""
        return self.server.simulator

    @property
    def faults(self) -> FaultBoard:
        """What goes wrong: a list of faults, which may change at any time."""
        return self.server.faults

    def locked(self) -> AbstractContextManager[Simulator]:
        """The simulator, while no request is being answered."""
        return self.server.locked()

    def add_key(
        self,
        capabilities: Iterable[str] = ALL_CAPABILITIES,
        *,
        buckets: Iterable[str] | None = None,
        name_prefix: str | None = None,
        expires_at: int | None = None,
    ) -> KeyPair:
        """Another key, by default with all capabilities: `key_id` and `key`. `buckets` are names, which must be there;
        `expires_at` is milliseconds since the epoch.
        """
        with self.locked() as simulator:
            ids = None if buckets is None else [self._there(name) for name in buckets]
            return simulator.add_key(capabilities, bucket_ids=ids, name_prefix=name_prefix, expires_at=expires_at)

    def bucket(self, name: str, *, public: bool = False) -> BucketId:
        """The id of a bucket, which is made if it is not there."""
        with self.locked() as simulator:
            found = simulator.bucket_id(name)
            if found is not None:
                return found
            return simulator.add_bucket(name, "allPublic" if public else "allPrivate").bucket_id

    def put(self, bucket: str, name: str, data: bytes, info: Mapping[str, str] | None = None) -> None:
        """A file as if somebody had uploaded it now."""
        with self.locked() as simulator:
            simulator.put(self.bucket(bucket), name, data, info=info)

    def contents(self, bucket: str) -> dict[str, bytes]:
        """What a reader of the bucket sees: visible names and their contents."""
        with self.locked() as simulator:
            return simulator.visible(self._there(bucket))

    def advance_time(self, millis: int) -> None:
        """Time passes for this B2: tokens expire, lifecycle rules run."""
        with self.locked() as simulator:
            simulator.advance_time(millis)

    def _there(self, name: str) -> BucketId:
        found = self.simulator.bucket_id(name)
        if found is None:
            raise ValueError(f"there is no bucket {name}")
        return found
