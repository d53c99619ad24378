"""The week's approvers: quick, slow, wrong or asleep; they care for handed-over tickets, too."""

import asyncio
import random
from typing import Final

from closeloop.client import SupportDesk
from closeloop.models.approval import OperationName, RejectCode
from closeloop.models.ticket import Status
from closeloop.models.view import TicketSummary
from evals.week.clock import DeskClock
from evals.week.journal import Journal, entry, insist

POLL_SECONDS: Final = 0.5
LEADS: Final = {"default": "bob", "acme": "dave"}
MANAGER: Final = "carol"
OUTSIDER: Final = {"default": "dave", "acme": "alice"}
"""Who may not decide for the tenant."""

HABITS: Final = {
    "approves": 8,
    "slow": 3,
    "wrong_then_approves": 3,
    "rejects": 3,
    "lowers": 2,
    "asks": 1,
    "asleep": 2,
}
REJECTIONS: Final[tuple[RejectCode, ...]] = ("not_eligible", "wrong_facts", "wrong_action", "other")
CARES: Final = {"records": 6, "records_reply": 6, "hands_back": 3, "asleep": 1}


class Office:
    """Decides on what waits for a person, each request once."""

    def __init__(
        self, desk: SupportDesk, clock: DeskClock, journal: Journal, chance: random.Random
    ) -> None:
        """Work for the desk's tenant."""
        self._desk = desk
        self._clock = clock
        self._journal = journal
        self._chance = chance
        self._seen: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Look for requests and handed-over tickets until cancelled."""
        try:
            while True:
                for row in await insist(self._desk.list_approvals):
                    self._take(row, row.request_id or "")
                escalated = await insist(lambda: self._desk.list_tickets(Status.ESCALATED))
                there = {row.ticket_id for row in escalated}
                self._seen = {(t, r) for t, r in self._seen if r or t in there}
                for row in escalated:
                    self._take(row, "")
                await asyncio.sleep(POLL_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()

    def _take(self, row: TicketSummary, request_id: str) -> None:
        seen = (row.ticket_id, request_id)
        if seen in self._seen:
            return
        self._seen.add(seen)
        work = self._decide(row, request_id) if request_id else self._care(row)
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _decide(self, row: TicketSummary, request_id: str) -> None:
        habit = self._draw(HABITS)
        await self._clock.pass_hours(self._chance.uniform(2, 22) if habit == "slow" else 0.3)
        if habit == "asleep":
            return
        if habit == "wrong_then_approves":
            await self._wrong(row.ticket_id, request_id)
        await self._operate(row.ticket_id, "claim", self._person(row))
        await self._clock.pass_hours(0.1)
        await self._say(row, request_id, habit)

    async def _say(self, row: TicketSummary, request_id: str, habit: str) -> None:
        who = self._person(row)
        if habit == "rejects":
            reason = self._chance.choice(REJECTIONS)
            await self._put(row.ticket_id, request_id, who, False, reason=reason)
        elif habit == "asks":
            await self._put(row.ticket_id, request_id, who, False, ask="Is it still sealed?")
        elif habit == "lowers" and await self._lowered(row, request_id, who):
            return
        else:
            await self._put(row.ticket_id, request_id, who, True)
            if row.total is not None and row.total.amount_minor > 100_000:
                await self._put(row.ticket_id, request_id, "erin", True)

    async def _lowered(self, row: TicketSummary, request_id: str, who: str) -> bool:
        """Approve half of the refund, where a refund is all that is asked for."""
        view = await insist(lambda: self._desk.get_ticket(row.ticket_id))
        pending = view.pending_approval
        if pending is None or row.total is None or row.action_kinds != ("refund_payment",):
            return False
        edits = [{"action_id": pending.action_ids[0], "amount_minor": row.total.amount_minor // 2}]
        await self._put(row.ticket_id, request_id, who, True, edit={"actions": edits})
        return True

    async def _wrong(self, ticket_id: str, request_id: str) -> None:
        """Try what nobody may: to decide for another tenant, as nobody, or on another request."""
        outsider = OUTSIDER[self._desk.tenant]
        await self._put(ticket_id, request_id, outsider, True, bad=True)
        await self._put(ticket_id, request_id, "nobody", True, bad=True)
        await self._put(ticket_id, f"{request_id}9", self._lead, True, bad=True)

    async def _care(self, row: TicketSummary) -> None:
        habit = self._draw(CARES)
        await self._clock.pass_hours(self._chance.uniform(0.5, 30))
        if habit == "asleep":
            return
        if habit == "hands_back":
            await self._operate(row.ticket_id, "take_over", self._lead)
            await self._operate(row.ticket_id, "hand_back", self._lead)
            await self._clock.pass_hours(24)  # it may come back: somebody then resolves it
        done: dict[str, object] = {"summary": "Spoke with the customer; nothing is to be done."}
        if habit == "records_reply":
            done["reply"] = "It was good to talk to you. Nothing else is needed."
        await self._operate(row.ticket_id, "record_resolution", self._lead, resolution=done)

    async def _put(
        self,
        ticket_id: str,
        request_id: str,
        who: str,
        approve: bool,
        *,
        bad: bool = False,
        reason: RejectCode | None = None,
        edit: dict[str, object] | None = None,
        ask: str | None = None,
    ) -> None:
        item = f"d-{self._chance.getrandbits(48):012x}"
        deed = self._desk.decide(
            ticket_id,
            request_id,
            who,
            approve,
            reason=reason,
            edit=edit,
            ask=ask,
            decision_id=item,
        )
        told = entry(who, "decide", self._desk.tenant, ticket_id, item_id=item, bad=bad)
        await self._journal.tell(told, deed)

    async def _operate(
        self,
        ticket_id: str,
        operation: OperationName,
        who: str,
        resolution: dict[str, object] | None = None,
    ) -> None:
        item = f"o-{self._chance.getrandbits(48):012x}"
        deed = self._desk.operate(
            ticket_id, operation, who, resolution=resolution, operation_id=item
        )
        told = entry(who, operation, self._desk.tenant, ticket_id, item_id=item)
        await self._journal.tell(told, deed)

    def _person(self, row: TicketSummary) -> str:
        above = row.total is not None and row.total.amount_minor > 100_000
        return MANAGER if above else self._lead

    @property
    def _lead(self) -> str:
        return LEADS[self._desk.tenant]

    def _draw(self, habits: dict[str, int]) -> str:
        return self._chance.choices(list(habits), list(habits.values()))[0]
