"""Rate limits."""

import attr

from modapi_bridge.not_offered import names_of


@attr.s(slots=True, frozen=True, auto_attribs=True)
class RatelimitOverride:
    """Another limit for one user; no limit for 0 actions a second."""

    per_second: float
    burst_count: int


__getattr__ = names_of(__name__)
