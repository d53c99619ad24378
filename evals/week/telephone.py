"""Who makes the calls that customers were promised: reached, not reached, or nobody calls."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from closeloop.client import SupportDesk
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.models.approval import BackendEvent
from closeloop.models.callbacks import CallbackRecord
from evals.week.journal import Journal, entry

POLL_SECONDS: Final = 0.2
Outcome = Literal["reached", "not_reached", "nobody_calls"]
OUTCOMES: Final[dict[Outcome, int]] = {"reached": 6, "not_reached": 3, "nobody_calls": 1}


class Telephone:
    """Makes one tenant's calls at their time on the desk's clock."""

    def __init__(
        self,
        desk: SupportDesk,
        who: str,
        file: Path,
        scale: float,
        journal: Journal,
        chance: random.Random,
    ) -> None:
        """Call in the name of ``who``; ``file`` holds the calendar."""
        self._desk = desk
        self._who = who
        self._file = file
        self._scale = scale
        self._journal = journal
        self._chance = chance
        self._due: dict[tuple[str, str], float] = {}

    async def work(self) -> None:
        """Look for calls until cancelled."""
        loop = asyncio.get_running_loop()
        with EmbeddedBackends(self._file) as backends:
            while True:
                for call in backends.calendar.every(self._desk.tenant):
                    if call.status == "booked" and self._begun(call, loop.time()):
                        await self._make(backends, call)
                await asyncio.sleep(POLL_SECONDS)

    def _begun(self, call: CallbackRecord, now: float) -> bool:
        """Whether it is time: what is ahead is pressed together, as the ticket's own clock is."""
        booked = (call.booking_id, call.starts_at.isoformat())
        ahead = (call.starts_at - datetime.now(UTC)).total_seconds()
        return now >= self._due.setdefault(booked, now + max(0.0, ahead) * self._scale)

    async def _make(self, backends: EmbeddedBackends, call: CallbackRecord) -> None:
        self._due[call.booking_id, call.starts_at.isoformat()] = float("inf")  # once
        outcome = self._chance.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
        told = entry(self._who, outcome, self._desk.tenant, call.ticket_id, item_id=call.booking_id)
        await self._journal.tell(told, self._enter(backends, call, outcome))

    async def _enter(
        self, backends: EmbeddedBackends, call: CallbackRecord, outcome: Outcome
    ) -> None:
        if outcome == "nobody_calls":
            return
        backends.calendar.enter(self._desk.tenant, call.booking_id, outcome, self._who)
        event = BackendEvent(event_id=f"{call.booking_id}-{outcome}", kind="callback.entered")
        await self._desk.backend_event(call.ticket_id, event)
