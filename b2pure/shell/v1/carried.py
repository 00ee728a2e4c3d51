"""Exceptions of other people's code on their way through programs, which know only values.

Rules. `value_of` gives the value with which a program decides as the exception itself would; it brings the exception
along, so that it comes out again as it went in, with its own class and message. One that is none of B2's cannot be
helped by trying again. Only an Unauthorized as B2 says it is not kept: what the key is restricted to is told with it.
Where its code is none of B2's, as in a test, the class says what it means.
"""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from b2pure.model import errors
from b2pure.plan.retry import UNEXPLAINED
from b2pure.shell.v1 import exceptions as v1

__all__ = ["Carried", "Carrying", "value_of"]

_DEAD_TOKEN: Final = ("bad_auth_token", "expired_auth_token")
_PLAIN: Final = ("unauthorized", "unsupported", UNEXPLAINED, *_DEAD_TOKEN)


@frozen
class Carried(errors.Rejected):
    """Trying again cannot help."""

    exception: Exception = field(kw_only=True, eq=False, repr=False)


@frozen
class _Busy(errors.Unavailable):
    exception: Exception = field(kw_only=True, eq=False, repr=False)


@frozen
class _Slow(errors.Throttled):
    exception: Exception = field(kw_only=True, eq=False, repr=False)


@frozen
class _Refused(errors.Unauthorized):
    exception: Exception = field(kw_only=True, eq=False, repr=False)


@frozen
class _Capped(errors.CapExceeded):
    exception: Exception = field(kw_only=True, eq=False, repr=False)


@frozen
class _Cut(errors.Transport):
    exception: Exception = field(kw_only=True, eq=False, repr=False)


Carrying = Carried | _Busy | _Slow | _Refused | _Capped | _Cut
"""What has an exception with it."""


def value_of(exception: Exception) -> errors.B2Error:
    """The error value with which a program decides as the exception itself would."""
    match exception:
        case v1.InvalidAuthToken(code=code, message=message):
            return _Refused(code if code in _DEAD_TOKEN else _DEAD_TOKEN[0], message, exception=exception)
        case v1.Unauthorized(code=code) if type(exception) is v1.Unauthorized and code in _PLAIN:
            return errors.Unauthorized(code, exception.message)
        case v1.Unauthorized(message=message) if type(exception) is v1.Unauthorized:
            return _Refused("unauthorized", message, exception=exception)
        case v1.Unauthorized(code=code, message=message):
            return _Refused(code, message, exception=exception)
        case v1.TooManyRequests(retry_after_seconds=wish):
            return _Slow(wish, exception=exception)
        case v1.CapExceeded():
            return _Capped("cap_exceeded", str(exception), exception=exception)
        case v1.B2ConnectionError() | v1.UnknownHost():
            return _Cut("connect", str(exception), exception=exception)
        case v1.B2RequestTimeout():
            return _Cut("timeout", str(exception), exception=exception)
        case v1.BrokenPipe() | v1.ConnectionReset() | v1.TruncatedOutput():
            return _Cut("broken", str(exception), exception=exception)
        case v1.ServiceError(retry_after_seconds=wish):
            return _Busy(503, "service_unavailable", str(exception), wish, exception=exception)
        case v1.B2Error() if exception.should_retry_http() or exception.should_retry_upload():
            wish = exception.retry_after_seconds
            return _Busy(503, "service_unavailable", str(exception), wish, exception=exception)
        case v1.FileAlreadyHidden():
            return Carried(400, "already_hidden", str(exception), exception=exception)
        case v1.FileNotPresent():
            return Carried(400, "file_not_present", str(exception), exception=exception)
        case _:
            return Carried(0, type(exception).__name__, str(exception), exception=exception)
