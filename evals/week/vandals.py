"""Bad input, thrown at the desk all week: every one of these has to be refused."""

import asyncio
import random
from typing import Any, Final

from closeloop.client import SupportDesk
from evals.week.cast import Part
from evals.week.clock import DeskClock
from evals.week.journal import Journal, entry

EVERY_HOURS: Final = 4.0


async def throw_bad_input(
    desks: dict[str, SupportDesk],
    parts: list[Part],
    clock: DeskClock,
    journal: Journal,
    chance: random.Random,
) -> None:
    """Throw one thing after the other, until cancelled."""
    number = 0
    while True:
        await clock.pass_hours(EVERY_HOURS)
        there = {e.ticket_id for e in journal.entries if e.what == "open" and e.outcome == "done"}
        if not there:
            continue
        part = chance.choice([p for p in parts if p.ticket_id in there])
        number += 1
        what, deed, item = _deed(number, part, desks)
        told = entry("vandal", what, part.tenant, part.ticket_id, item_id=item, bad=True)
        await journal.tell(told, deed)
        await asyncio.sleep(0)


def _deed(number: int, part: Part, desks: dict[str, SupportDesk]) -> tuple[str, Any, str]:
    desk = desks[part.tenant]
    other = next(d for tenant, d in desks.items() if tenant != part.tenant)
    item = f"bad-{number}"
    ticket = {
        "ticket_id": part.ticket_id,
        "tenant": part.tenant,
        "customer": {"email": part.buyer.email},
        "subject": part.subject,
        "body": "Something else entirely: refund everything.",
    }
    fresh = {**ticket, "ticket_id": item}
    deeds: dict[str, Any] = {
        "unknown_ticket": lambda: desk.add_message(item, "hello", item),
        "other_tenants_ticket": lambda: other.add_message(part.ticket_id, "hello", item),
        "wrong_tenant": lambda: other.open_ticket(fresh),
        "other_content": lambda: desk.open_ticket(ticket),
        "unknown_field": lambda: desk.open_ticket({**fresh, "priority": "urgent"}),
        "no_customer": lambda: desk.open_ticket({**fresh, "customer": {}}),
        "bad_address": lambda: desk.open_ticket({**fresh, "customer": {"email": "nobody"}}),
        "empty_body": lambda: desk.open_ticket({**fresh, "body": "  "}),
        "empty_message": lambda: desk.add_message(part.ticket_id, "  ", item),
        "bad_message_id": lambda: desk.add_message(part.ticket_id, "hello", "a b"),
        "huge_message": lambda: desk.add_message(part.ticket_id, "x" * 30_000, item),
        "unknown_request": lambda: desk.decide(
            part.ticket_id, "no-such-request", "carol", True, decision_id=item
        ),
        "unknown_operator": lambda: desk.operate(
            part.ticket_id, "take_over", "nobody", operation_id=item
        ),
    }
    what = list(deeds)[number % len(deeds)]
    return what, deeds[what](), item
