"""One clock per ticket: the next deadline and its reason, never a timer per worry.

It also tells the time. ``workflow.now()`` after a local activity is not what a replay sees: where a
slow worker lets the activity outlast its workflow task, the SDK (temporalio 1.35) goes on at the
start of the next task, and a replay within the first. A target that was missed in between would
make two stories of one ticket. So after a local activity the time is that of before, until
something comes from outside: a call or a timer ends, somebody writes.
"""

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
        self._moved_at: datetime | None = None
        self._stands = False

    def now(self) -> datetime:
        """Return the time, the same one in every replay."""
        return self._moved_at if self._stands and self._moved_at else workflow.now()

    def moved(self) -> None:
        """Go on: something came from outside."""
        self._moved_at, self._stands = workflow.now(), False

    def before_local(self) -> None:
        """Keep the time at which a local activity begins."""
        if not self._stands:
            self._moved_at = workflow.now()

    def after_local(self) -> None:
        """Stand still at the time of before, or of what came from outside meanwhile."""
        self._stands = True

    async def wait(self, ready: Callable[[], bool], deadline: datetime, reason: str) -> bool:
        """Return True as soon as ``ready`` holds, False when the deadline has passed first."""
        if ready():
            return True
        if self._timer is None or self._deadline != deadline:
            self._restart(deadline, reason)
        timer = self._timer
        await workflow.wait_condition(lambda: ready() or (timer is not None and timer.done()))
        if ready():
            return True
        self.moved()
        return False

    def _restart(self, deadline: datetime, reason: str) -> None:
        self.stop()
        seconds = max(deadline - self.now(), timedelta(0))
        self._deadline = deadline
        self._timer = asyncio.create_task(workflow.sleep(seconds, summary=reason))

    def stop(self) -> None:
        """Cancel the timer, if one is running."""
        if self._timer is not None and not self._timer.done():
            self._timer.cancel()
        self._timer = None
        self._deadline = None
