"""The exceptions of the numbered interface: b2sdk.v1's hierarchy, texts and answers to "try again?".

Rules. An exception holds what was wrong and with which name or id, and no key, token or upload URL. Which error value
becomes which exception is decided in `error_table`, and nowhere else. Each module lists its own.
"""

from b2pure.shell.v1.exceptions import arguments, authorization, connection, refused, transfers
from b2pure.shell.v1.exceptions.arguments import *  # noqa: F403
from b2pure.shell.v1.exceptions.authorization import *  # noqa: F403
from b2pure.shell.v1.exceptions.base import B2Error, B2SimpleError, TransientErrorMixin
from b2pure.shell.v1.exceptions.connection import *  # noqa: F403
from b2pure.shell.v1.exceptions.refused import *  # noqa: F403
from b2pure.shell.v1.exceptions.transfers import *  # noqa: F403

__all__ = ["B2Error", "B2SimpleError", "TransientErrorMixin"]
__all__ += arguments.__all__
__all__ += authorization.__all__
__all__ += connection.__all__
__all__ += refused.__all__
__all__ += transfers.__all__
