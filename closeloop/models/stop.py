"""The switch that stops a tenant's autonomous writes."""

from closeloop.models.base import UtcTime, Wire


class Stop(Wire):
    """Somebody has stopped what Closeloop does for a tenant without a person's word."""

    by: str
    reason: str
    at: UtcTime


class StopState(Wire):
    """Whether a tenant's autonomous writes are stopped, and by whom."""

    tenant: str
    stop: Stop | None = None
