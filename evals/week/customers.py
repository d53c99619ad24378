"""The week's customers: they open a ticket, read their mail, and answer or are silent."""

import asyncio
import random
import re
import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from closeloop.client import SupportDesk
from closeloop.models.ticket import Assurance
from evals.week.cast import Later, Part
from evals.week.clock import DeskClock
from evals.week.journal import Journal, entry, insist

POLL_SECONDS: Final = 0.3
MOST_ANSWERS: Final = 3
"""How often a customer answers at most."""

_CODE: Final = re.compile(r"\b\d{4} \d{4}\b")
YES: Final = "Yes, please go ahead."
NO: Final = "No, please do not do that."
CHANGES_MIND: Final = "Hmm, I would like something else: can you tell me about your warranty?"
AFTER: Final = {
    "confirms": "Yes, that is solved, thank you! 5/5",
    "still_broken": "This is still not solved, I do not see anything of it.",
    "other_wish": "One more thing: what does delivery cost?",
    "asks_person": "I would like to talk to a real person now.",
}


class Mailbox:
    """What arrived for the customers, read from the outbox of the embedded backends."""

    def __init__(self, file: Path) -> None:
        """Read the backends' file; nothing is written to it."""
        self._file = file
        self._seen = 0
        self.mails: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        self._news = asyncio.Condition()

    async def watch(self) -> None:
        """Collect until cancelled."""
        while True:
            self._collect()
            async with self._news:
                self._news.notify_all()
            await asyncio.sleep(POLL_SECONDS)

    def _collect(self) -> None:
        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True, timeout=10) as connection:
            rows: list[Any] = connection.execute(
                "SELECT rowid, tenant, ticket_id, subject, text FROM messages WHERE rowid > ?"
                " ORDER BY rowid",
                (self._seen,),
            ).fetchall()
        connection.close()
        for number, tenant, ticket_id, subject, text in rows:
            self._seen = number
            self.mails[tenant, ticket_id].append((subject, text))

    async def after(self, tenant: str, ticket_id: str, read: int) -> list[tuple[str, str]]:
        """Return the mails of a ticket that follow the first ``read``, once there are any."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.mails[tenant, ticket_id]) > read)
        return self.mails[tenant, ticket_id][read:]


class Customer:
    """Plays one ticket."""

    def __init__(
        self,
        part: Part,
        desk: SupportDesk,
        clock: DeskClock,
        mailbox: Mailbox,
        journal: Journal,
        chance: random.Random,
    ) -> None:
        """Keep the part, and the doors of the desk that a customer has."""
        self._part = part
        self._desk = desk
        self._clock = clock
        self._mailbox = mailbox
        self._journal = journal
        self._chance = chance
        self._codes_given = 0
        self._answers = 0

    async def play(self) -> None:
        """Write the ticket when its time comes, and then answer for as long as the week lasts."""
        part = self._part
        await self._clock.until(part.opens_at_hours)
        request: dict[str, object] = {
            "ticket_id": part.ticket_id,
            "tenant": part.tenant,
            "assurance": part.assurance,
            "customer": {"email": part.buyer.email},
            "subject": part.subject,
            "body": part.body,
        }
        told = entry("customer", "open", part.tenant, part.ticket_id, text=part.body)
        if (
            await self._journal.tell(told, self._desk.open_ticket(request, opened_by="shop"))
            is None
        ):
            return
        later = [asyncio.create_task(self._later(one)) for one in part.later]
        try:
            await self._read_mail()
        finally:
            for task in later:
                task.cancel()

    async def _later(self, one: Later) -> None:
        await self._clock.pass_hours(one.hours)
        await self._say(one.text)

    async def _read_mail(self) -> None:
        read = 0
        while self._answers < MOST_ANSWERS:
            fresh = await self._mailbox.after(self._part.tenant, self._part.ticket_id, read)
            read += len(fresh)
            subject, text = fresh[-1]
            await self._clock.pass_hours(self._part.patience_hours)
            words = await self._answer(subject, text)
            if words is not None:
                self._answers += 1
                await self._say(words)

    async def _answer(self, subject: str, text: str) -> str | None:
        if code := _CODE.search(text):
            return self._code(code[0])
        view = await insist(lambda: self._desk.get_ticket(self._part.ticket_id))
        status = view.status.value
        if status == "awaiting_customer":
            words = {"yes": YES, "no": NO, "changes_mind": CHANGES_MIND}
            return words.get(self._part.answer)
        if status == "resolved" and self._part.after == "late":
            await self._clock.pass_hours(24 * 8)
            return "Hello again, what does delivery cost?"
        if status == "resolved" and self._answers < MOST_ANSWERS - 1:
            return AFTER.get(self._part.after)
        return None

    def _code(self, code: str) -> str | None:
        habit = self._part.code
        if habit == "silent":
            return None
        wrong = habit == "wrong" or (habit == "wrong_then_right" and self._codes_given == 0)
        self._codes_given += 1
        return f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}" if wrong else code

    async def _say(self, text: str) -> None:
        item = f"m-{self._chance.getrandbits(48):012x}"
        part = self._part
        told = entry("customer", "say", part.tenant, part.ticket_id, item_id=item, text=text)
        given = Assurance(part.assurance)
        deed = self._desk.add_message(part.ticket_id, text, item, assurance=given)
        await self._journal.tell(told, deed)
        if self._chance.random() < 0.2:  # the mail gateway delivers it again
            again = self._desk.add_message(part.ticket_id, text, item, assurance=given)
            await self._journal.tell(told, again)
