"""The desk's clock: hours of its week, pressed together by the time scale."""

import asyncio
from datetime import UTC, datetime


class DeskClock:
    """Time as the desk's waits count it."""

    def __init__(self, scale: float) -> None:
        """Start now; an hour of the desk takes ``3600 * scale`` seconds."""
        self.scale = scale
        self.start = datetime.now(UTC)

    async def pass_hours(self, hours: float) -> None:
        """Wait for so many hours of the desk."""
        await asyncio.sleep(max(0.0, hours) * 3600 * self.scale)

    async def until(self, hours: float) -> None:
        """Wait until so many hours of the desk after the start."""
        await self.pass_hours(hours - self.hours())

    def hours(self) -> float:
        """Return how many hours of the desk have passed."""
        return (datetime.now(UTC) - self.start).total_seconds() / 3600 / self.scale
