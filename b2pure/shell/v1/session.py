"""What runs the programs of the core for the numbered interface, and raises what they return as errors.

Rules. An account info keeps the key, the token and the upload URLs; a raw api has the connections. Nothing is decided
here: programs decide, `error_table` says which exception an error is. What a caller's own code raises in the middle of
a program (an opener, a destination) comes out as it was raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, Protocol, TypeVar

from attrs import evolve, field, frozen
from returns.result import Result

from b2pure.effects.bodies import Bodies
from b2pure.effects.handlers import Api, Clock, Disk
from b2pure.effects.interpreter import Interpreter, Listener
from b2pure.effects.program import Program, ok
from b2pure.effects.requests import authorization, request
from b2pure.effects.simulated_disk import SimulatedDisk
from b2pure.effects.threads import ThreadDriver
from b2pure.model.account import Authorization
from b2pure.model.calls import Call
from b2pure.model.errors import B2Error, CapExceeded, InvalidArgument, Unauthorized
from b2pure.plan.capabilities import Lack, tell_lacks
from b2pure.plan.retry import RetryPolicy
from b2pure.shell.clock import SystemClock
from b2pure.shell.forks import renewed_after_fork
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo
from b2pure.shell.v1.error_table import NOWHERE, Context, exception_of
from b2pure.shell.v1.exceptions import MissingAccountData
from b2pure.shell.v1.machines import AccountInfoMachines, StoredKey
from b2pure.shell.v1.own_infos import auth_data_in
from b2pure.shell.v1.own_raw import handler_of, is_ours, methods_are_theirs, patience_of
from b2pure.shell.v1.source_bodies import OpenedSlices

__all__ = ["NO_WORK", "HasHandler", "Session", "Work"]

T = TypeVar("T")
R = TypeVar("R")

_AUTHORIZE_TRIES: Final = 2
"""Whoever starts a program wants to know soon that the address or the key is wrong."""


class HasHandler(Protocol):
    """A raw api, as far as programs need it."""

    @property
    def retry(self) -> RetryPolicy:
        """How often, and for how long, what fails is tried again."""
        ...

    def handler(self, realm_url: str, application_key_id: str, application_key: str) -> Api:
        """What programs of this key run over."""
        ...


@frozen(eq=False)
class Work:
    """What one job brings along besides its program: where local bytes go to and come from, who listens, how many parts
    are on their way at once, and what is around the connection.
    """

    listener: Listener | None = None
    disk: Disk | None = None
    slices: OpenedSlices = field(factory=OpenedSlices)
    workers: int = 1
    around: Callable[[Api], Api] = lambda api: api
    context: Context = NOWHERE


NO_WORK: Final = Work()
_AUTHORIZING: Final = Context(authorizes=True)


class Session:
    """One account info over one raw api. Safe for many threads."""

    def __init__(
        self,
        account_info: AbstractAccountInfo,
        raw_api: HasHandler,
        *,
        clock: Clock | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.account_info, self.raw_api = account_info, raw_api
        self.clock: Clock = clock or SystemClock()
        self.retry = retry or patience_of(raw_api)
        self._choosing = Lock()
        renewed_after_fork(self)
        self._api: tuple[HasHandler, StoredKey, Api] | None = None

    def _renew_in_child(self) -> None:
        """In a child that was forked, where nobody else chooses."""
        self._choosing = Lock()

    # -- the key

    def authorize(self, key: StoredKey) -> Authorization:
        """Authorize this key, and store it whatever was stored before."""
        machines = AccountInfoMachines(self.account_info, key, fresh=True)
        patience = evolve(self.retry, max_attempts=min(_AUTHORIZE_TRIES, self.retry.max_attempts))
        result = self._run(authorization(patience), machines, NO_WORK)
        if ok(result):
            return result.unwrap()
        raise exception_of(result.failure(), _AUTHORIZING)  # what is stored is another key: nothing of it is told

    def token(self) -> Authorization:
        """The account token, and what it is good for."""
        return self.run(authorization(self.retry))

    def machines(self) -> AccountInfoMachines:
        """The session and the upload URLs of the key that is stored. Raises MissingAccountData."""
        stored = auth_data_in(self.account_info)
        machines = self._machines(StoredKey.in_data(stored))
        machines.adopt(stored)
        return machines

    def _machines(self, key: StoredKey) -> AccountInfoMachines:
        return AccountInfoMachines(self.account_info, key)

    def api(self, key: StoredKey) -> Api:
        """What programs of this key run over."""
        raw = self.raw_api
        with self._choosing:
            if self._api is None or self._api[0] is not raw or self._api[1] != key:
                self._api = raw, key, self._handler(raw, key)
            return self._api[2]

    def _handler(self, raw: HasHandler, key: StoredKey) -> Api:
        return handler_of(raw, key.realm_url, key.application_key_id, key.application_key)

    def _is_theirs(self, name: str) -> bool:
        """Whether the method of this name, of the session or the raw api, is somebody else's."""
        return methods_are_theirs(self.raw_api, name)

    # -- programs

    def ask(self, call: Call[R], context: Context | None = None) -> R:
        """What B2 answers to one call."""
        work = Work(context=Context.of(call) if context is None else context)
        return self.run(request(call, self.retry), work)

    def run(self, program: Program[Result[R, B2Error]], work: Work = NO_WORK) -> R:
        """What the program comes to. Raises what its error is."""
        return self._value(self._run(program, self.machines(), work), work)

    def outcome(self, program: Program[T], work: Work = NO_WORK) -> T:
        """What a program comes to that has no error of its own."""
        return self._run(program, self.machines(), work)

    def _run(self, program: Program[T], machines: AccountInfoMachines, work: Work) -> T:
        interpreter = Interpreter(
            work.around(self.api(machines.key)), work.disk or SimulatedDisk(), self.clock, machines, work.listener
        )
        interpreter.reader = Bodies(work.slices)
        with ThreadDriver(interpreter, workers=work.workers) as driver:
            result = driver.run(program)
        if work.slices.raised is not None and not (isinstance(result, Result) and ok(result)):
            raise work.slices.raised
        return result

    def _value(self, result: Result[R, B2Error], work: Work) -> R:
        if ok(result):
            return result.unwrap()
        raise self.exception(result.failure(), work.context) from None

    def exception(self, error: B2Error | InvalidArgument, context: Context = NOWHERE) -> Exception:
        """The exception that an error is; a refusal tells what the key is restricted to."""
        if isinstance(error, Unauthorized) and not isinstance(error, CapExceeded):
            context = evolve(context, allowed=self._allowed())
        return exception_of(error, context)

    def refuse(self, missing: Sequence[Lack]) -> None:
        """Say what B2 would say later, when it has begun. Raises Unauthorized if anything is missing from the key. What
        a raw api refuses that is none of ours, as a mock, it says itself.
        """
        if missing and is_ours(self.raw_api):
            raise self.exception(Unauthorized("unauthorized", f"nothing was begun: missing {tell_lacks(missing)}"))

    def _allowed(self) -> dict[str, object] | None:
        try:
            return dict(self.account_info.get_allowed())
        except MissingAccountData:
            return None
