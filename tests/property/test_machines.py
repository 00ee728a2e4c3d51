"""The decisions of retry, session and pool: laws L30, L31, L32, on the machines alone (pools: with their keys)."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from b2pure.effects.machines import Machines
from b2pure.model.account import Allowed, Authorization, UploadUrl
from b2pure.model.errors import (
    B2Error,
    CapExceeded,
    Corrupt,
    LocalDrifted,
    LocalFailure,
    Rejected,
    Throttled,
    Transport,
    Unauthorized,
    Unavailable,
)
from b2pure.model.ids import AccountId
from b2pure.plan.retry import (
    UNEXPLAINED,
    CallKind,
    GiveUp,
    Reauthorize,
    RetryAfter,
    RetryClass,
    RetryDecision,
    RetryPolicy,
    RetryState,
    classify,
    step_retry,
)
from b2pure.plan.session import (
    Abandoned,
    Authorize,
    Authorized,
    Fail,
    Need,
    Refused,
    Rejected401,
    SessionState,
    UseToken,
    Wait,
    step_session,
)
from b2pure.plan.urls import Close, FetchUrl, Give, Nothing, Pool, Spoiled, Take, Use, step_pool

# --- retry -----------------------------------------------------------------------------------------------------------

_KINDS: st.SearchStrategy[CallKind] = st.sampled_from(("other", "upload", "authorize"))
_WISHES = st.one_of(st.none(), st.sampled_from((0.0, 1.0, 10.0, 1000.0)), st.floats(0, 500))
_CODES = st.sampled_from(
    ("bad_auth_token", "expired_auth_token", "unauthorized", UNEXPLAINED, "unsupported", "new code")
)
_FATAL: st.SearchStrategy[B2Error] = st.one_of(
    st.builds(Rejected, st.sampled_from((404, 405, 409, 416)), _CODES, st.just("")),
    st.builds(CapExceeded, st.sampled_from(("storage_cap_exceeded", "transaction_cap_exceeded")), st.just("")),
    st.just(LocalFailure("read", "a", "")),
    st.just(LocalDrifted("a", None, None)),
)
_ERRORS: st.SearchStrategy[B2Error] = st.one_of(
    st.builds(Unavailable, st.sampled_from((408, 500, 503)), st.just("x"), st.just(""), _WISHES),
    st.builds(Throttled, _WISHES),
    st.builds(Transport, st.sampled_from(("connect", "timeout", "broken", "protocol")), st.just("")),
    st.builds(Unauthorized, _CODES, st.just("")),
    st.just(Corrupt("a", "x", "y")),
    st.builds(
        Rejected,
        st.just(400),
        st.sampled_from(("bad_request", "auth_token_limit")),
        st.sampled_from(("", "Sha1 did not match data received")),
    ),
    _FATAL,
)
_POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 12),
    max_upload_urls=st.integers(1, 12),
    first_delay=st.sampled_from((1.0, 0.0, 0.1, 5.0)),
    max_delay=st.sampled_from((64.0, 0.0, 3.0)),
    max_total_delay=st.sampled_from((900.0, 0.0, 30.0)),
    max_unanswered=st.integers(1, 12),
)
_JITTERS = st.floats(0, 1)


def _run(
    policy: RetryPolicy, errors: list[tuple[B2Error, float]], kind: CallKind
) -> list[tuple[B2Error, RetryDecision]]:
    """What the machine decides of a call that fails with these errors, until it gives up."""
    state = RetryState()
    found: list[tuple[B2Error, RetryDecision]] = []
    for error, jitter in errors:
        state, decision = step_retry(policy, state, error, kind, jitter)
        found.append((error, decision))
        if isinstance(decision, GiveUp):
            break
    return found


_FAILURES = st.lists(st.tuples(_ERRORS, _JITTERS), min_size=13, max_size=13)


@given(_POLICIES, _FAILURES, _KINDS)
def test_attempts_and_waiting_are_bounded(
    policy: RetryPolicy, errors: list[tuple[B2Error, float]], kind: CallKind
) -> None:
    """L30: a call that keeps failing gives up, after `max_attempts` and `max_total_delay` at the latest."""
    found = _run(policy, errors, kind)
    assert isinstance(found[-1][1], GiveUp)
    assert len(found) <= policy.max_attempts
    assert found[-1][1].error == found[-1][0]
    assert sum(d.seconds for _, d in found if isinstance(d, RetryAfter)) <= policy.max_total_delay
    spoiled = [error for error, _ in found if not isinstance(error, Throttled)]
    assert kind != "upload" or len(spoiled) <= policy.max_upload_urls
    unanswered = [error for error, _ in found if isinstance(error, Transport) and error.kind in ("connect", "timeout")]
    assert len(unanswered) <= policy.max_unanswered


@given(_POLICIES, _FAILURES, _KINDS)
def test_delays_obey_the_server_or_lie_within_bounds(
    policy: RetryPolicy, errors: list[tuple[B2Error, float]], kind: CallKind
) -> None:
    """L30: Retry-After is obeyed to the second, and delays begin anew; else each is twice the one before, give or take
    half of it, up to the longest.
    """
    waits = 0
    for number, (error, decision) in enumerate(_run(policy, errors, kind)):
        if not isinstance(decision, RetryAfter):
            continue
        if number == 0 and classify(error, kind) is RetryClass.AT_ONCE:
            assert decision.seconds == 0.0
            continue
        wish = error.retry_after_seconds if isinstance(error, Throttled | Unavailable) else None
        if wish is not None:
            assert decision.seconds == wish
            waits = 0
        else:
            longest = min(policy.max_delay, policy.first_delay * 2**waits)
            assert longest / 2 <= decision.seconds <= min(policy.max_delay, longest * 1.5)
            waits += 1


@given(_POLICIES, _FATAL, _KINDS, st.lists(st.tuples(_ERRORS, _JITTERS), max_size=3))
def test_what_cannot_help_is_never_tried_again(
    policy: RetryPolicy, fatal: B2Error, kind: CallKind, before: list[tuple[B2Error, float]]
) -> None:
    """L30: a fatal error ends the call, whatever came before it."""
    state = RetryState()
    for error, jitter in before:
        state, _ = step_retry(policy, state, error, kind, jitter)
    assert classify(fatal, kind) is RetryClass.FATAL
    assert isinstance(step_retry(policy, state, fatal, kind, 0.5)[1], GiveUp)


@given(_POLICIES, _FAILURES, _KINDS)
def test_a_new_token_is_asked_for_once_in_a_call(
    policy: RetryPolicy, errors: list[tuple[B2Error, float]], kind: CallKind
) -> None:
    """L30: a new token (for uploads: a new URL because of a plain 401) is asked for at once only the first time, and
    authorizing itself is never repeated for a refused key.
    """
    found = _run(policy, errors, kind)
    renewals = [error for error, decision in found if isinstance(decision, Reauthorize)]
    assert len(renewals) <= (kind != "authorize")
    assert all(isinstance(error, Unauthorized) for error in renewals)


def test_very_many_attempts_do_not_overflow() -> None:
    """L30: delays stay numbers, however many there were."""
    policy = RetryPolicy(max_attempts=5000, first_delay=0.0)
    decisions = _run(policy, [(Throttled(None), 0.5)] * 5000, "other")
    assert len(decisions) == 5000


# --- session ---------------------------------------------------------------------------------------------------------


def _authorization(token: str) -> Authorization:
    return Authorization(AccountId("account"), token, "https://api", "https://down", Allowed(frozenset()))


@given(st.data(), st.integers(1, 5))
def test_one_refused_token_causes_one_authorization(data: st.DataObject, threads: int) -> None:
    """L31 Single flight: in any interleaving, generation n is authorized once; nobody is told to while another does."""
    state, rounds, flights = SessionState(), 4, 0
    holding: dict[int, int | None] = dict.fromkeys(range(threads))  # thread -> generation in use
    waiting: set[int] = set()
    flying: int | None = None
    for _ in range(threads * rounds * 3):
        thread = data.draw(st.integers(0, threads - 1))
        if flying == thread:
            state, decision = step_session(state, Authorized(_authorization(f"t{flights}")))
            assert isinstance(decision, UseToken)
            flying, holding[thread] = None, decision.generation
            waiting.clear()
            continue
        if thread in waiting:
            continue  # asks again only when the state has changed
        held = holding[thread]
        before = state
        state, decision = step_session(state, Need() if held is None else Rejected401(held))
        match decision:
            case Authorize():
                assert flying is None
                assert held in (None, before.generation) or before.authorization is None
                flying, flights = thread, flights + 1
            case Wait():
                assert flying is not None
                waiting.add(thread)
                holding[thread] = None
            case UseToken(generation, authorization):
                assert generation == state.generation
                assert authorization == state.authorization
                assert held is None or held < generation, "the refused token again"
                holding[thread] = generation
            case Fail():
                raise AssertionError("nobody refused the key")
    assert flights == state.generation + (flying is not None)


@given(st.permutations(range(6)), st.integers(1, 6))
def test_any_order_of_refusals_of_one_token_yields_one_flight(order: list[int], late: int) -> None:
    """L31 Single flight: n refusals, some of them after the new token has come, authorize once."""
    state, _ = step_session(SessionState(authorizing=True), Authorized(_authorization("first")))
    decisions = []
    for step, _ in enumerate(order):
        if step == late:
            state, _ = step_session(state, Authorized(_authorization("second")))
        state, decision = step_session(state, Rejected401(1))
        decisions.append(decision)
    assert [isinstance(decision, Authorize) for decision in decisions] == [True] + [False] * 5
    assert all(isinstance(decision, Wait) for decision in decisions[1:late])
    assert all(isinstance(decision, UseToken) and decision.generation == 2 for decision in decisions[late:])


@given(st.integers(1, 50), st.integers(0, 49))
def test_a_stale_refusal_changes_nothing(generation: int, stale: int) -> None:
    """L31: it yields the token that is there."""
    state = SessionState(generation, _authorization("now"))
    if stale < generation:
        assert step_session(state, Rejected401(stale)) == (state, UseToken(generation, _authorization("now")))


@given(st.integers(0, 5), st.integers(0, 3))
def test_when_whoever_authorizes_is_stopped_the_next_one_who_asks_does_it(generation: int, waiting: int) -> None:
    """L31: nobody waits for an answer that will not come, and only one authorizes then."""
    state, decision = step_session(SessionState(generation), Need())
    assert decision == Authorize()
    for _ in range(waiting):
        assert step_session(state, Need()) == (state, Wait())
    state, _ = step_session(state, Abandoned())
    state, decision = step_session(state, Need())
    assert decision == Authorize()
    assert step_session(state, Need()) == (state, Wait())


@given(st.lists(st.one_of(st.just(Need()), st.builds(Rejected401, st.integers(0, 3))), max_size=5), st.booleans())
def test_a_refused_key_is_final_and_a_failed_try_is_not(events: list[Need | Rejected401], final: bool) -> None:
    """L31: after a final refusal nobody authorizes again; after another failure the next one who asks does. A refused
    key is told as such, for the codes are those of a token that died.
    """
    refused = Unauthorized("bad_auth_token", "")
    error = evolve(refused, of_key=True)
    state, decision = step_session(SessionState(authorizing=True), Refused(refused, final))
    assert decision == Fail(error)
    assert not state.authorizing
    for number, event in enumerate(events):
        state, decision = step_session(state, event)
        if final:
            assert decision == Fail(error)
        else:
            assert isinstance(decision, Wait if number else Authorize)


# --- upload URLs -----------------------------------------------------------------------------------------------------


_KEYS = ("bucket", "large file", "other file")
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_KEYS),
        st.sampled_from(("take", "take", "give", "give", "spoil", "die", "close")),
        st.integers(0, 9),
    ),
    max_size=40,
)


@given(_STEPS)
def test_an_upload_url_has_one_user_and_a_spoiled_one_has_none(steps: list[tuple[str, str, int]]) -> None:
    """L32 Pool: nothing is handed out twice at once, spoiled URLs never come back, nothing given back is lost, and
    closing a key forgets what is idle for that key and for no other, as does a dead token.
    """
    machines = Machines()
    used: dict[str, list[UploadUrl]] = {key: [] for key in _KEYS}
    idle: dict[str, list[UploadUrl]] = {key: [] for key in _KEYS}
    dead: list[UploadUrl] = []
    fetched = 0
    for key, what, which in steps:
        if what == "take":
            decision = machines.step_pool(key, Take())
            if isinstance(decision, Use):
                assert decision.url not in dead
                assert all(decision.url not in urls for urls in used.values())
                assert decision.url == idle[key].pop(), "the one given back last is taken first"
                used[key].append(decision.url)
            else:
                assert decision == FetchUrl()
                assert not idle[key]
                used[key].append(UploadUrl(f"https://pod/{fetched}", "token"))
                fetched += 1
        elif what == "close":
            assert machines.step_pool(key, Close()) == Nothing()
            dead += idle[key]
            idle[key].clear()
        elif used[key]:
            url = used[key].pop(which % len(used[key]))
            (idle[key] if what == "give" else dead).append(url)
            if what == "die":
                dead += idle[key]
                idle[key].clear()
            event = Give(url) if what == "give" else Spoiled(url, dead_token=what == "die")
            assert machines.step_pool(key, event) == Nothing()
        assert {name: list(machines.idle_urls(name)) for name in _KEYS} == idle


@given(st.lists(st.integers(0, 5), max_size=5))
def test_a_closed_pool_is_as_if_it_had_never_been(given_back: list[int]) -> None:
    """L32 Pool."""
    pool = Pool()
    for number in given_back:
        pool, _ = step_pool(pool, Give(UploadUrl(f"https://pod/{number}", "token")))
    assert step_pool(pool, Close()) == (Pool(), Nothing())


@given(st.lists(st.integers(0, 5), max_size=5, unique=True), st.integers(0, 5))
def test_taking_after_giving_returns_it(others: list[int], given_back: int) -> None:
    """L32 Pool."""
    url = UploadUrl("https://pod/x", f"token {given_back}")
    pool = evolve(Pool(), idle=tuple(UploadUrl(f"https://pod/{n}", "token") for n in others))
    with_url, _ = step_pool(pool, Give(url))
    assert step_pool(with_url, Take()) == (pool, Use(url))
