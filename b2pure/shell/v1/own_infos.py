"""Account infos that somebody wrote, patched or mocked: what they say, and how they are told.

Rules. All that is known of one authorization is read at once where nobody replaced a getter, so that it belongs
together; what is replaced is asked besides, and an object of no class of ours is asked by its documented methods only.
A new token goes through `set_auth_data` wherever that is not ours any more. What a mock was not told to say is nothing:
what the key may do, and the size of parts, are the usual ones then. So it is with getters that are not there at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from b2pure.model.limits import ABSOLUTE_MINIMUM_PART_SIZE
from b2pure.shell.v1.abstract_account_info import AbstractAccountInfo, AuthData
from b2pure.shell.v1.account_info import StoredAccountInfo
from b2pure.shell.v1.exceptions import MissingAccountData
from b2pure.shell.v1.own_methods import Originals, really_is

__all__ = ["auth_data_in", "renew_in", "store_in"]

_GETTERS: Final[Mapping[str, str]] = {
    "account_id": "get_account_id",
    "auth_token": "get_account_auth_token",
    "api_url": "get_api_url",
    "download_url": "get_download_url",
    "minimum_part_size": "get_minimum_part_size",
    "application_key": "get_application_key",
    "realm": "get_realm",
    "allowed": "get_allowed",
    "application_key_id": "get_application_key_id",
}
"""The documented getters."""
_NEEDLESS: Final[Mapping[str, Any]] = {
    "download_url": "",
    "minimum_part_size": None,
    "application_key": "",
    "realm": "production",
    "allowed": None,
    "application_key_id": "",
}
"""What a fake need not have, and what it is then; None is what is usual."""
_STORED: Final = Originals(StoredAccountInfo, (*_GETTERS.values(), "_set_auth_data"))
_SETTER: Final = Originals(AbstractAccountInfo, ("set_auth_data",))
_USUAL_PART_SIZE: Final = 100_000_000
"""Bytes: what B2 recommends."""


def auth_data_in(info: AbstractAccountInfo) -> AuthData:
    """All that is stored, as the getters that are there now say it. Raises MissingAccountData."""
    if not really_is(info, AbstractAccountInfo):
        return _by_getters(info)
    if not really_is(info, StoredAccountInfo):
        return info.get_auth_data()
    theirs = {name: getter for name, getter in _GETTERS.items() if _STORED.replaced(info, getter)}
    if not theirs:
        return info.get_auth_data()
    said = {name: getattr(info, getter)() for name, getter in theirs.items()}
    try:
        return evolve(info.get_auth_data(), **_usual(said))
    except MissingAccountData:
        return _by_getters(info)


def store_in(info: AbstractAccountInfo, data: AuthData) -> None:
    """Store this, whatever was stored before."""
    if really_is(info, AbstractAccountInfo) and not _is_set_by_others(info):
        info.store_auth_data(data)
    else:
        info.set_auth_data(*data.as_arguments())


def renew_in(info: AbstractAccountInfo, data: AuthData) -> None:
    """Store a new token of the key that is stored, unless another key, or none, is stored by now."""
    if really_is(info, AbstractAccountInfo) and not _is_set_by_others(info):
        info.renew_auth_data(data)
        return
    try:
        same = auth_data_in(info).of_same_key(data)
    except MissingAccountData:
        return
    if same:
        info.set_auth_data(*data.as_arguments())


def _is_set_by_others(info: AbstractAccountInfo) -> bool:
    return _SETTER.replaced(info, "set_auth_data") or (
        really_is(info, StoredAccountInfo) and _STORED.replaced(info, "_set_auth_data")
    )


def _by_getters(info: AbstractAccountInfo) -> AuthData:
    said = _usual({name: _asked(info, name) for name in _GETTERS})
    return AuthData(**said, absolute_minimum_part_size=min(ABSOLUTE_MINIMUM_PART_SIZE, said["minimum_part_size"]))


def _asked(info: AbstractAccountInfo, name: str) -> Any:
    """What it says; of what no call is made with, a fake may say nothing."""
    if name in _NEEDLESS:
        return getattr(info, _GETTERS[name], lambda: _NEEDLESS[name])()
    return getattr(info, _GETTERS[name])()


def _usual(said: dict[str, Any]) -> dict[str, Any]:
    """With what is usual in the place of what a mock was not told to say."""
    if not isinstance(said.get("allowed", {}), Mapping):
        said["allowed"] = dict(AbstractAccountInfo.DEFAULT_ALLOWED)
    if not isinstance(said.get("minimum_part_size", 0), int):
        said["minimum_part_size"] = _USUAL_PART_SIZE
    return said
