"""Arithmetic in open time, pure: how much of it has passed, and when enough of it will have.

Hours are spans in UTC, so that neither a time zone nor a calendar is looked up here; ``None`` is a
desk that never closes.
"""

from datetime import datetime, timedelta

from closeloop.models.sla import OpenHours


def elapsed(hours: OpenHours | None, start: datetime, end: datetime) -> float:
    """Return the open seconds from ``start`` to ``end``, as far as the hours are known."""
    if hours is None:
        return max(0.0, (end - start).total_seconds())
    none = timedelta(0)
    parts = (min(end, closes) - max(start, opens) for opens, closes in hours.spans)
    return sum((max(part, none) for part in parts), none).total_seconds()


def after(hours: OpenHours | None, start: datetime, seconds: float) -> datetime | None:
    """Return when ``seconds`` of open time have passed; None if that is beyond what is known."""
    left = timedelta(seconds=max(0.0, seconds))
    if hours is None or not left:
        return start + left
    for opens, closes in hours.spans:
        begin = max(start, opens)
        if begin + left <= closes:
            return begin + left
        left -= max(closes - begin, timedelta(0))
    return None
