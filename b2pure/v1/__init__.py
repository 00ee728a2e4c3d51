"""The numbered interface: what programs written for `b2sdk.v1` import."""

__all__: list[str] = []
