"""One clock per ticket: the next deadline and its reason, never a timer per worry."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow


class Clock:
    """Waits for whatever comes first: something to do, or the deadline.

    The timer outlives a wait: a wait that ends early and comes back with the same deadline finds
    it running, which saves two events in the history.
    """

    def __init__(self) -> None:
        """Start without a timer."""
        self._deadline: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    async def wait(self, ready: Callable[[], bool], deadline: datetime, reason: str) -> bool:
        """Return True as soon as ``ready`` holds, False when the deadline has passed first."""
        if ready():
            return True
        if self._timer is None or self._deadline != deadline:
            self._restart(deadline, reason)
        timer = self._timer
        await workflow.wait_condition(lambda: ready() or (timer is not None and timer.done()))
        return ready()

    def _restart(self, deadline: datetime, reason: str) -> None:
        self.stop()
        seconds = max(deadline - workflow.now(), timedelta(0))
        self._deadline = deadline
        self._timer = asyncio.create_task(workflow.sleep(seconds, summary=reason))

    def stop(self) -> None:
        """Cancel the timer, if one is running."""
        if self._timer is not None and not self._timer.done():
            self._timer.cancel()
        self._timer = None
        self._deadline = None
