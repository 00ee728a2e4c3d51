"""A deterministic B2 in memory: the same calls, at the same times, give the same answers, ids and tokens.

`Simulator` is the door; behind it are `world` (what is known), `*_calls` (the answers), `rules`, `settings` and
`protection` (what is refused), `lifecycle`, `replication` and `events` (what happens by itself), `content` and
`records` (what is kept, and how it is written down), `meter` and `caps` (what it costs).
"""

from b2pure.effects.simulator.simulator import (
    DEFAULT_BASE_URL,
    MUTATING,
    AccountToken,
    Committed,
    Download,
    Simulator,
    SimulatorConfig,
    Token,
)

__all__ = [
    "DEFAULT_BASE_URL",
    "MUTATING",
    "AccountToken",
    "Committed",
    "Download",
    "Simulator",
    "SimulatorConfig",
    "Token",
]
