"""The machines over an account info: laws L31 and L32 for several holders, in one program and in two."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from b2pure.model.account import Allowed, Authorization, UploadUrl
from b2pure.model.errors import Transport, Unauthorized
from b2pure.model.ids import AccountId, BucketId
from b2pure.model.limits import PartSizes
from b2pure.plan.session import Authorize, Authorized, Fail, Need, Refused, Rejected401, UseToken, Wait
from b2pure.plan.urls import Close, FetchUrl, Give, Nothing, Spoiled, Take, Use
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo
from b2pure.shell.v1.account_info import InMemoryAccountInfo
from b2pure.shell.v1.machines import AccountInfoMachines, StoredKey, auth_data_of, authorization_of
from b2pure.shell.v1.sqlite_account_info import SqliteAccountInfo

KEY: Final = StoredKey("production", "kid", "the key")
OTHER: Final = StoredKey("production", "another", "its key")


def _authorization(token: str) -> Authorization:
    return Authorization(AccountId("account"), token, "https://api", "https://down", Allowed(frozenset({"listFiles"})))


@contextmanager
def _infos(same_program: bool) -> Iterator[Callable[[], AbstractAccountInfo]]:
    """How each holder gets its account info: all the same object, or each its own over one file."""
    if same_program:
        info = InMemoryAccountInfo()
        yield lambda: info
        return
    with tempfile.TemporaryDirectory() as folder:
        yield lambda: SqliteAccountInfo(str(Path(folder) / "info"))


# --- session ---------------------------------------------------------------------------------------------------------


@given(st.data(), st.integers(2, 5))
def test_one_refused_token_costs_one_authorization_however_many_hold_it(data: st.DataObject, threads: int) -> None:
    """L31 Single flight, over holders: in any interleaving of threads with two machines over one account info, nobody
    authorizes while another does, and each refused token is followed by one authorization.
    """
    info = InMemoryAccountInfo()
    holders = (AccountInfoMachines(info, KEY, fresh=True), AccountInfoMachines(info, KEY))
    holding: dict[int, UseToken | None] = dict.fromkeys(range(threads))
    waiting: set[int] = set()
    refused: set[str] = set()
    flights, flying = 0, -1
    for _ in range(threads * 8):
        thread = data.draw(st.integers(0, threads - 1))
        machines = holders[thread % 2]
        if thread == flying:
            flights += 1
            decision = machines.step_session(Authorized(_authorization(f"t{flights}")))
            assert isinstance(decision, UseToken)
            assert info.get_account_auth_token() == f"t{flights}", "stored before anybody uses it"
            holding[thread], flying = decision, -1
            waiting.clear()
            continue
        if thread in waiting:
            continue
        held = holding[thread]
        if held is not None:
            refused.add(held.authorization.token)
        decision = machines.step_session(Need() if held is None else Rejected401(held.generation))
        match decision:
            case Authorize():
                assert flying == -1
                flying = thread
            case Wait():
                assert flying != -1
                waiting.add(thread)
                holding[thread] = None
            case UseToken():
                assert decision.authorization.token not in refused
                holding[thread] = decision
            case Fail():
                raise AssertionError("nobody refused the key")
    assert flights + (flying != -1) <= 1 + len(refused)


@given(st.lists(st.integers(0, 1), max_size=12))
def test_a_token_that_another_program_stored_is_used_instead_of_authorizing(order: list[int]) -> None:
    """Whichever program meets the refusal first authorizes, and the other takes its token when it meets it, too."""
    with _infos(same_program=False) as make:
        programs = [AccountInfoMachines(make(), KEY, fresh=True), AccountInfoMachines(make(), KEY)]
        assert programs[0].step_session(Need()) == Authorize()
        current = 1
        held = [programs[0].step_session(Authorized(_authorization("t1"))), programs[1].step_session(Need())]
        for who in order:
            mine = held[who]
            assert isinstance(mine, UseToken)
            decision = programs[who].step_session(Rejected401(mine.generation))
            if mine.authorization.token == f"t{current}":
                assert decision == Authorize()
                current += 1
                decision = programs[who].step_session(Authorized(_authorization(f"t{current}")))
            assert isinstance(decision, UseToken)
            assert decision.authorization.token == f"t{current}"
            held[who] = decision


@given(st.booleans())
def test_a_session_begins_with_what_is_stored(same_program: bool) -> None:
    with _infos(same_program) as make:
        make().store_auth_data(auth_data_of(_authorization("stored"), KEY))
        decision = AccountInfoMachines(make(), KEY).step_session(Need())
        assert isinstance(decision, UseToken)
        assert decision.authorization == _authorization("stored")
        assert AccountInfoMachines(make(), KEY, fresh=True).step_session(Need()) == Authorize()


@given(st.booleans())
def test_the_token_of_another_key_is_neither_used_nor_replaced(same_program: bool) -> None:
    """Somebody logged in with another key meanwhile: this program goes on with its own, and leaves the file alone."""
    with _infos(same_program) as make:
        info = make()
        ours = AccountInfoMachines(info, KEY, fresh=True)
        assert ours.step_session(Need()) == Authorize()
        first = ours.step_session(Authorized(_authorization("ours-1")))
        assert isinstance(first, UseToken)
        theirs = AccountInfoMachines(make(), OTHER, fresh=True)
        theirs.step_session(Need())
        theirs.step_session(Authorized(_authorization("theirs")))
        assert ours.step_session(Rejected401(first.generation)) == Authorize()
        second = ours.step_session(Authorized(_authorization("ours-2")))
        assert isinstance(second, UseToken)
        assert second.authorization.token == "ours-2"
        assert (info.get_account_auth_token(), info.get_application_key_id()) == ("theirs", "another")


@given(st.booleans())
def test_a_token_that_was_refused_once_is_never_used_again(same_program: bool) -> None:
    """Not even when it is all that is stored, because the new one could not be got."""
    with _infos(same_program) as make:
        info = make()
        info.store_auth_data(auth_data_of(_authorization("old"), KEY))
        machines = AccountInfoMachines(info, KEY)
        held = machines.step_session(Need())
        assert isinstance(held, UseToken)
        assert machines.step_session(Rejected401(held.generation)) == Authorize()
        machines.step_session(Refused(Transport("connect", "no network"), final=False))
        assert machines.step_session(Need()) == Authorize()


def test_a_refused_key_is_final() -> None:
    info = InMemoryAccountInfo()
    machines = AccountInfoMachines(info, KEY)
    error = Unauthorized("unauthorized", "no such key", of_key=True)
    assert machines.step_session(Need()) == Authorize()
    assert machines.authorizing
    assert machines.step_session(Refused(error, final=True)) == Fail(error)
    assert AccountInfoMachines(info, KEY).step_session(Need()) == Fail(error)
    assert AccountInfoMachines(info, KEY, fresh=True).step_session(Need()) == Authorize()


def test_nobody_waits_for_ever_when_storing_fails() -> None:
    class Full(InMemoryAccountInfo):
        def store_auth_data(self, data: object) -> None:
            raise OSError("no space")

    machines = AccountInfoMachines(Full(), KEY, fresh=True)
    machines.step_session(Need())
    try:
        machines.step_session(Authorized(_authorization("t1")))
    except OSError:
        assert not machines.authorizing
        assert isinstance(machines.step_session(Need()), UseToken)
    else:
        raise AssertionError("the trouble was hidden")


_IDS = st.sampled_from(("b1", "b2", "b3"))


@st.composite
def _allowed(draw: st.DrawFn) -> Allowed:
    ids = draw(st.none() | st.frozensets(_IDS, min_size=1))
    named = draw(st.frozensets(st.sampled_from(sorted(ids)))) if ids else frozenset()
    return Allowed(
        draw(st.frozensets(st.sampled_from(("listFiles", "readFiles", "a new one")))),
        None if ids is None else frozenset(map(BucketId, ids)),
        draw(st.none() | st.text(st.characters(codec="utf-8"), min_size=1)),
        frozenset((f"name-{id_}", BucketId(id_)) for id_ in named),
    )


_SIZES = st.tuples(st.integers(1, 5_000_000_000), st.integers(1, 5_000_000_000)).map(
    lambda pair: PartSizes(max(pair), min(pair))
)


@given(_allowed(), _SIZES, st.booleans())
def test_an_authorization_is_stored_and_read_without_loss(
    allowed: Allowed, sizes: PartSizes, same_program: bool
) -> None:
    """Restrictions, names of buckets and both part sizes, through memory and through a file."""
    before = Authorization(AccountId("account"), "token", "https://api", "https://down", allowed, sizes)
    with _infos(same_program) as make:
        make().store_auth_data(auth_data_of(before, KEY))
        stored = make()
        assert authorization_of(stored.get_auth_data()) == before
        assert StoredKey.of(stored) == KEY


# --- upload URLs -----------------------------------------------------------------------------------------------------


_KEYS = ("bucket", "4_zlarge", "4_zother")
_STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(_KEYS),
        st.sampled_from(("take", "take", "give", "give", "spoil", "close")),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(_STEPS)
def test_an_upload_url_has_one_user_among_all_holders(steps: list[tuple[int, str, str, int]]) -> None:
    """L32 Pool, over holders: in any interleaving of two machines over one account info no URL is handed out to two at
    once, spoiled ones never come back, nothing given back is lost, and closing a key forgets what is idle for it alone.
    """
    info = InMemoryAccountInfo()
    holders = (AccountInfoMachines(info, KEY), AccountInfoMachines(info, KEY))
    used: dict[str, list[UploadUrl]] = {key: [] for key in _KEYS}
    idle: dict[str, list[UploadUrl]] = {key: [] for key in _KEYS}
    fetched = 0
    for who, key, what, which in steps:
        machines = holders[who]
        if what == "take":
            decision = machines.step_pool(key, Take())
            if idle[key]:
                assert decision == Use(idle[key].pop())
                assert isinstance(decision, Use)
                used[key].append(decision.url)
            else:
                assert decision == FetchUrl()
                used[key].append(UploadUrl(f"https://pod/{fetched}", f"token {fetched}"))
                fetched += 1
        elif what == "close":
            assert machines.step_pool(key, Close()) == Nothing()
            idle[key].clear()
        elif used[key]:
            url = used[key].pop(which % len(used[key]))
            assert machines.step_pool(key, Give(url) if what == "give" else Spoiled(url)) == Nothing()
            if what == "give":
                idle[key].append(url)
        assert {name: list(holders[1 - who].idle_urls(name)) for name in _KEYS} == idle


def test_the_urls_of_large_files_are_where_account_infos_keep_them() -> None:
    info = InMemoryAccountInfo()
    machines = AccountInfoMachines(info, KEY)
    machines.step_pool("bucket", Give(UploadUrl("u1", "t1")))
    machines.step_pool("4_zfile", Give(UploadUrl("u2", "t2")))
    assert info.take_large_file_upload_url("4_zfile") == ("u2", "t2")
    assert info.take_bucket_upload_url("bucket") == ("u1", "t1")
