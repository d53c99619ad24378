"""No claim without a receipt; no fact without a passage (invariant 6)."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from evals.week.reader.case import Case, cents
from evals.week.reader.history import Json, Ticket
from evals.week.reader.money import paid_for

CLAIMS: Final = "6 no claim without a receipt"
ARTICLES: Final = Path(__file__).resolve().parents[3] / "knowledge_base"

_AMOUNT: Final = re.compile(r"\$\s?(\d{1,3}(?:,\d{3})+|\d+)(\.\d\d)?")
_REFUND: Final = re.compile(r"\bre_[0-9a-f]+\b")
_REFUNDED: Final = re.compile(r"\b(?:have|has been|been) refunded (?P<amount>\$[\d,.]+\d)")
_CANCELLED: Final = re.compile(r"(?:have|has been|been) cancelled order (?P<order>#B\d+)")


def replies_are_true(case: Case) -> None:
    """Hold each amount and each claim of what left against backends, records and articles."""
    articles = set(_amounts(file.read_text("utf-8") for file in ARTICLES.glob("*.md")))
    mail: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for row in case.backend("messages"):
        mail[row["tenant"], row["ticket_id"]].append(row)
    for ticket in case.tickets:
        known = articles | _on_record(case, ticket)
        people = _by_people(ticket)
        for row in mail[ticket.tenant, ticket.ticket_id]:
            if not any(text in row["text"] for text in people):
                _amounts_known(case, ticket, row["text"], known)
                _claims_hold(case, ticket, row["text"])


def _amounts(texts: Iterable[str]) -> list[int]:
    return [
        int(whole.replace(",", "")) * 100 + int((rest or ".00")[1:])
        for text in texts
        for whole, rest in _AMOUNT.findall(text)
    ]


def _by_people(ticket: Ticket) -> list[str]:
    """Return what people of the desk wrote themselves."""
    replies = [(s.given.get("resolution") or {}).get("reply") for s in ticket.named("operate")]
    asked = [s.given.get("ask") for s in ticket.named("decide")]
    edited = [(s.given.get("edit") or {}).get("reply") for s in ticket.named("decide")]
    return [text for text in [*replies, *asked, *edited] if text]


def _on_record(case: Case, ticket: Ticket) -> set[int]:
    """Return the amounts that are true for this customer: of their orders, and of receipts."""
    known: set[int] = set()
    for order_id in case.customer_of(ticket).get("orders", []):
        order = case.order(order_id)
        known |= {cents(item["price"]) for item in order["items"]}
        known |= {cents(order["shipping"]), paid_for(order)}
        for row in case.backend("transactions"):
            if (row["tenant"], row["order_id"]) == (ticket.tenant, order_id):
                known.add(row["amount_minor"])
    return known


def _amounts_known(case: Case, ticket: Ticket, text: str, known: set[int]) -> None:
    for amount in _amounts([text]):
        case.check(CLAIMS, amount in known, ticket, f"nothing is on record of {amount} cents")


def _claims_hold(case: Case, ticket: Ticket, text: str) -> None:
    own = set(case.customer_of(ticket).get("orders", []))
    refunds = [
        row
        for row in case.backend("refunds")
        if row["tenant"] == ticket.tenant and row["order_id"] in own
    ]
    numbers = {row["refund_id"] for row in refunds}
    for number in _REFUND.findall(text):
        case.check(CLAIMS, number in numbers, ticket, f"there is no refund {number}")
    for match in _REFUNDED.finditer(text):
        amount = _amounts([match["amount"]])[0]
        real = any(row["amount_minor"] == amount for row in refunds)
        case.check(CLAIMS, real, ticket, f"{match['amount']} was not refunded")
    cancelled = {
        row["order_id"]
        for row in case.backend("orders")
        if row["tenant"] == ticket.tenant and '"status":"cancelled"' in row["document"]
    }
    for match in _CANCELLED.finditer(text):
        done = match["order"] in cancelled & own
        case.check(CLAIMS, done, ticket, f"{match['order']} was not cancelled")
