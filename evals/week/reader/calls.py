"""Calls to customers: theirs, asked for, made once, and never left hanging."""

from collections import Counter
from typing import Final

from evals.week.reader.case import CALLS, Case
from evals.week.reader.history import Json, Ticket, events_of

CALENDAR: Final = "calls"

_ASKED: Final = ("call", "ring", "phone")
_KNOWN: Final = ("channel_verified", "confirmed")


def calls_hold(case: Case) -> None:
    """Hold the calendar against the tickets that booked, and the people who called."""
    by_id = {(t.tenant, t.ticket_id): t for t in case.tickets}
    entered = {e["item_id"]: (e["who"], e["what"]) for e in case.evidence["journal"] if _calls(e)}
    open_calls = Counter(
        (r["tenant"], r["ticket_id"]) for r in case.backend("callbacks") if r["status"] == "booked"
    )
    for row in case.backend("callbacks"):
        here = (row["tenant"], row["ticket_id"])
        ticket = by_id.get(here)
        case.check(CALENDAR, ticket, here, f"{row['booking_id']} belongs to no ticket")
        case.check(CALENDAR, open_calls[here] <= 1, here, "two calls are booked at once")
        if ticket is not None:
            _asked_for(case, ticket, row)
        if row["status"] in ("reached", "not_reached"):
            said = entered.get(row["booking_id"])
            true = said == (row["entered_by"], row["status"])
            case.check(CALENDAR, true, here, f"{row['booking_id']}: {row['status']}, not {said}")


def _calls(entry: Json) -> bool:
    return entry["what"] in ("reached", "not_reached") and entry["outcome"] == "done"


def _asked_for(case: Case, ticket: Ticket, row: Json) -> None:
    name = row["booking_id"]
    own = case.customer_of(ticket).get("user_id") == row["customer_id"]
    case.check(CALENDAR, own, ticket, f"{name} calls {row['customer_id']}, who did not write")
    known = ticket.ticket["assurance"] in _KNOWN or any(
        (s.result or {}).get("outcome") == "right" for s in ticket.named("check_code")
    )
    case.check(CALENDAR, known, ticket, f"{name}: nobody knew who was writing")
    words = "\n".join(ticket.texts.values()).lower()
    case.check(CALENDAR, any(w in words for w in _ASKED), ticket, f"{name}: nobody asked for it")
    by_ticket = ticket.named(*CALLS, "book_next_call")
    case.check(CALENDAR, by_ticket, ticket, f"{name} was booked by nothing on the ticket")
    dead = row["status"] == "booked" and ticket.over == "completed"
    missed = any(
        e["kind"] == "commitment_missed" and e["data"]["kind"] == "callback"
        for _, e in events_of(ticket)
    )
    case.check(CALENDAR, not dead or missed, ticket, f"closed, and {name} was never made")
