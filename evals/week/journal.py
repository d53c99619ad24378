"""What the people of the week did, each with the time and what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from closeloop.errors import CloseloopError, Unavailable
from closeloop.models.base import UtcTime, Wire

Answer = TypeVar("Answer")


class Entry(Wire):
    """One deed; ``outcome`` is ``done`` or the code of the refusal.

    ``bad``: it was wrong on purpose, and has to be refused. ``item_id`` is that of the message,
    decision or operation.
    """

    at: UtcTime
    who: str
    what: str
    tenant: str
    ticket_id: str
    item_id: str = ""
    text: str = ""
    outcome: str = "done"
    bad: bool = False
    landed_on: str = ""


class Journal:
    """Deeds in their order."""

    def __init__(self) -> None:
        """Begin without any."""
        self.entries: list[Entry] = []

    async def tell(self, entry: Entry, deed: Awaitable[Answer]) -> Answer | None:
        """Do a deed and write down what came of it; None where it was refused."""
        try:
            answer = await deed
        except CloseloopError as error:
            code = getattr(error, "code", None) or type(error).__name__
            self.entries.append(entry.model_copy(update={"outcome": str(code)}))
            return None
        landed = str(getattr(answer, "ticket_id", ""))
        self.entries.append(entry.model_copy(update={"landed_on": landed}))
        return answer


async def insist(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until somebody answers: machines that are slow are no end of the week."""
    while True:
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(1)


def entry(who: str, what: str, tenant: str, ticket_id: str, **more: object) -> Entry:
    """Return a deed of this moment."""
    given = {"at": datetime.now(UTC), "who": who, "what": what, "tenant": tenant}
    return Entry.model_validate({**given, "ticket_id": ticket_id, **more})
