"""No ticket lost, nothing waits for ever, every history replays (invariants 7, 8, 10)."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from evals.week.reader.case import Case
from evals.week.reader.history import Json, Step, Ticket, when

LOST: Final = "7 no ticket lost, no message dropped"
WAITS: Final = "8 nothing waits for ever, silence is no consent"
REPLAYS: Final = "10 every history replays"

UNDER_WAY: Final = timedelta(seconds=10)
"""What may still be under way when the evidence was taken, in seconds that the machines need."""

_WITH_PEOPLE: Final = ("escalated", "awaiting_approval")


def nothing_lost(case: Case) -> None:
    """Every ticket that was opened is there; each message was read, and answered once."""
    by_id = {(t.tenant, t.ticket_id): t for t in case.tickets}
    mail: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for row in case.backend("messages"):
        mail[row["tenant"], row["ticket_id"]].append(row)
    for entry in case.evidence["journal"]:
        if entry["bad"] or entry["outcome"] != "done" or not entry["ticket_id"]:
            continue
        here = (entry["tenant"], entry["landed_on"] or entry["ticket_id"])
        ticket = by_id.get(here)
        case.check(LOST, ticket, here, f"{entry['what']} by {entry['who']}: no such ticket")
        if ticket is not None and entry["what"] == "say":
            times = _times_taken(ticket, entry)
            case.check(LOST, times == 1, ticket, f"{entry['item_id']} was taken {times} times")
    for ticket in case.tickets:
        own = mail[ticket.tenant, ticket.ticket_id]
        _ends_well(case, ticket)
        _answered(case, ticket, own)
        _not_twice(case, ticket, own)


def _times_taken(ticket: Ticket, entry: Json) -> int:
    taken = [m for m in ticket.messages if m.given["message_id"] == entry["item_id"]]
    opened = bool(ticket.start.get("linked")) and ticket.ticket["body"] == entry["text"].strip()
    return len(taken) + (1 if opened and not taken else 0)


def _ends_well(case: Case, ticket: Ticket) -> None:
    """It is closed, or waits with a timer that runs."""
    closed = ticket.over == "completed" and (ticket.outcome or {}).get("status") == "closed"
    called = ticket.called_at is not None and ticket.called_at > case.end - UNDER_WAY
    waits = not ticket.over and (ticket.waits or called)
    case.check(LOST, closed or waits, ticket, f"ended {ticket.over or 'without a timer'}")
    row = [
        r
        for r in case.rows("tickets")
        if (r["tenant"], r["ticket_id"]) == (ticket.tenant, ticket.ticket_id)
    ]
    case.check(LOST, row, ticket, "the operations database does not know it")
    if closed and row:
        same = (row[0]["status"], row[0]["closure"]) == (
            "closed",
            (ticket.outcome or {})["closure"],
        )
        case.check(LOST, same, ticket, f"on record as {row[0]['status']}, {row[0]['closure']}")


def _answered(case: Case, ticket: Ticket, mail: list[Json]) -> None:
    """The last words of the customer had an answer, were a yes to ours, or are with people."""
    said = [(s.late, s.given["text"]) for s in ticket.messages]
    last, _ = max([(ticket.received_at, ""), *said])
    later = [row for row in mail if when(row["sent_at"]) >= last]
    heard = any(
        s.late >= last and (s.result or {}).get("answer") in ("yes", "no")
        for s in ticket.named("read_confirmation", "read_consent")
    )
    people = ticket.status in _WITH_PEOPLE or any(
        s.late >= last and s.given["operation"] == "record_resolution" and not s.failure
        for s in ticket.named("operate")
    )
    fresh = last > case.end - UNDER_WAY
    case.check(LOST, later or heard or people or fresh, ticket, "the last message has no answer")


def _not_twice(case: Case, ticket: Ticket, mail: list[Json]) -> None:
    """Between two answers there is something new: words, a decision, an operation, or a wait."""
    news = [s.late for s in ticket.steps if s.kind == "update" and not s.failure]
    news += [s.done or s.late for s in ticket.named("check_code", "create_escalation")]
    news.append(ticket.received_at)
    ids = [row["sent_id"] for row in mail]
    case.check(LOST, len(ids) == len(set(ids)), ticket, "one message left twice")
    for before, after in pairwise(mail):
        first, second = when(before["sent_at"]), when(after["sent_at"])
        same = before["text"] == after["text"]
        again = same and not any(first - UNDER_WAY < at <= second for at in news)
        case.check(LOST, not again, ticket, "the same was said twice, with nothing between")


def nothing_waits_for_ever(case: Case) -> None:
    """Every request has an end or a deadline ahead; every failure had a consequence."""
    rows = {(r["tenant"], r["request_id"]): r for r in case.rows("approvals")}
    for ticket in case.tickets:
        for request in ticket.named("request_approval"):
            if not request.failure and request.done is not None:
                _settled(case, ticket, request, rows)
        _failures_heard(case, ticket)
    for row in case.rows("effects"):
        _no_loose_effect(case, row)


def _settled(case: Case, ticket: Ticket, request: Step, rows: dict[tuple[str, str], Json]) -> None:
    name = request.given["request_id"]
    ends = [s for s in ticket.named("settle_approval") if s.given["request_id"] == name]
    deadline = when(request.given["deadline"])
    in_time = deadline > case.end - UNDER_WAY
    case.check(WAITS, ends or (in_time and not ticket.over), ticket, f"{name} was never settled")
    row = rows.get((ticket.tenant, name))
    case.check(WAITS, row, ticket, f"{name} is not on the list of approvals")
    if not ends:
        return
    outcome = ends[0].given["outcome"]  # later ones free what was approved and did not run
    done = ends[0].done is not None and not ends[0].failure
    if row is not None and done:
        case.check(WAITS, row["outcome"] == outcome, ticket, f"{name}: {row['outcome']} on record")
    wanted = {"approved": True, "rejected": False}.get(outcome)
    if wanted is None:
        return
    yes = [
        s
        for s in ticket.named("decide")
        if s.given["request_id"] == name and not s.failure and s.given["approve"] is wanted
    ]
    case.check(WAITS, yes, ticket, f"{name} was {outcome}, and nobody said so")


def _failures_heard(case: Case, ticket: Ticket) -> None:
    """After an activity that failed for good, the ticket went on: it did not just stop."""
    case.check(WAITS, ticket.over in ("", "completed"), ticket, f"the workflow {ticket.over}")
    for position, step in enumerate(ticket.steps):
        if step.kind == "activity" and step.failure:
            after = ticket.steps[position + 1 :]
            heard = after or ticket.waits or ticket.over
            case.check(WAITS, heard, ticket, f"{step.name} failed, and nothing followed")


def _no_loose_effect(case: Case, row: Json) -> None:
    """No reservation outlives its request, and no write is half done, unless people have it."""
    here = (row["tenant"], row["ticket_id"])
    ticket = next((t for t in case.tickets if (t.tenant, t.ticket_id) == here), None)
    people = ticket is not None and ticket.status in _WITH_PEOPLE
    if row["state"] == "reserved":
        until: datetime = when(str(row["reserved_until"]).replace(" ", "T"))
        case.check(WAITS, until > case.end - UNDER_WAY or people, here, "a reservation stays")
    if row["state"] in ("executing", "unknown"):
        case.check(WAITS, people, here, f"{row['effect_id']} is {row['state']} for good")


def every_history_replays(case: Case) -> None:
    """Take the word of Temporal's own replayer."""
    for ticket in case.tickets:
        problem = case.evidence["replay"].get(ticket.workflow_id)
        case.check(REPLAYS, problem is None, ticket, str(problem))
