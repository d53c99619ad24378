"""One ticket of the retail evals, as its customer and an approver of everything play it."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, Protocol

from closeloop.client import SupportDesk
from closeloop.errors import CloseloopError, Refused
from closeloop.models.base import clip
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView

TICKET: Final = "ticket"
APPROVER: Final = "retail-lead"
AT_ONCE: Final = 12
"""Tickets under way at a time: more would only queue up on two cores."""
POLL_SECONDS: Final = 0.25


class Customer(Protocol):
    """Who has a problem. What they say follows from the ticket alone, so it may be said again."""

    def ticket(self) -> Mapping[str, object]:
        """Return the ticket as it is opened, without its id."""
        ...

    def says(self, view: TicketView) -> str | None:
        """Return the next message to a desk that has answered or asked; None ends the ticket."""
        ...


class Played:
    """One ticket: what was last seen of it, and why it did not end, if it did not."""

    def __init__(
        self, desk: SupportDesk, customer: Customer, *, seconds: float, deliveries: int = 1
    ) -> None:
        """Keep who plays. After ``seconds`` it is given up; everything is delivered that often."""
        self._desk = desk
        self._customer = customer
        self._seconds = seconds
        self._deliveries = deliveries
        self.view: TicketView | None = None
        self.problem = ""

    async def play(self) -> None:
        """Play until the customer has nothing more to say, or a person would be needed."""
        deadline = time.monotonic() + self._seconds
        request = {"ticket_id": TICKET, **self._customer.ticket()}
        while time.monotonic() < deadline:
            try:
                for _ in range(0 if self.view else self._deliveries):
                    await self._desk.open_ticket(request)
                if await self._turn():
                    self.problem = ""
                    return
            except CloseloopError as error:  # the worker is down just now: ask again
                self.problem = f"{type(error).__name__}: {error}"[:300]
            await asyncio.sleep(POLL_SECONDS)
        self.problem = f"not done after {self._seconds:.0f} s; {self.problem}"

    async def _turn(self) -> bool:
        """Do what the ticket waits for; True once there is nothing more to do."""
        view = self.view = await self._desk.get_ticket(TICKET)
        match view.status:
            case Status.AWAITING_APPROVAL if view.pending_approval is not None:
                for _ in range(self._deliveries):
                    await self._approve(view.pending_approval.request_id)
            case Status.RESOLVED | Status.AWAITING_CUSTOMER:
                said = self._customer.says(view)
                if said is None:
                    return True
                replies = sum(message.sender == "closeloop" for message in view.messages)
                for _ in range(self._deliveries):
                    await self._desk.add_message(TICKET, said, f"next-{replies}")
            case Status.ESCALATED | Status.CLOSED:
                return True
            case _:
                pass
        return False

    async def _approve(self, request_id: str) -> None:
        try:
            await self._desk.decide(TICKET, request_id, APPROVER, True)
        except Refused as refused:
            if refused.code != "no_receipt":
                raise
            # Nobody may approve a reply that tells of what was not done: it has to be written anew.
            words = clip(str(refused), 300)
            await self._desk.decide(
                TICKET, request_id, APPROVER, False, reason="wrong_facts", words=words
            )
