"""Hypothesis profiles, chosen by HYPOTHESIS_PROFILE (`default`, `quick`, `deep`), and the signals that tests send."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# Times are not the tests' business: two shared cores say little about them.
_CALM = [HealthCheck.too_slow]

# A build that decides whether a change lands draws the same examples each time; everybody else draws new ones.
_SAME = "CI" in os.environ

settings.register_profile("default", max_examples=100, deadline=None, derandomize=_SAME, suppress_health_check=_CALM)
settings.register_profile("quick", settings.get_profile("default"), max_examples=25)
settings.register_profile("deep", settings.get_profile("default"), max_examples=5000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Who starts the tests in the background of a shell has them ignore Ctrl-C, and so would the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same with the end of the terminal (nohup). The tests go on ignoring it; what they start begins with the default.
for _number in (getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda _number, _frame: None)

# Servers of the tests are on this machine, where no proxy is asked for the way.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1", "localhost")))
