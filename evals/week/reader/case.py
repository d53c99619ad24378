"""What the reader has before it, and what it writes down."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from evals.week.reader.history import Json, Step, Ticket, read_ticket, when

WRITES = {
    "refund_payment",
    "cancel_order",
    "modify_order_items",
    "modify_order_address",
    "modify_order_payment",
    "return_items",
    "exchange_items",
    "update_customer_address",
    "issue_store_credit",
}


INTERNAL = {"add_crm_note"}
"""Writes that change nothing for a customer."""
CALLS = {"schedule_callback", "reschedule_callback", "cancel_callback"}
"""Writes to the calendar."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """What should never be: which of the design's invariants, where, and in words."""

    check: str
    tenant: str
    ticket_id: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write that a ticket carried out on a backend."""

    ticket: Ticket
    step: Step
    kind: str
    params: Json
    effect_id: str
    components: dict[str, int]
    amount: int | None
    approved_by: str | None
    requested_by: tuple[str, ...]

    @property
    def order_id(self) -> str:
        """The order that it is about."""
        return str(self.params.get("order_id", ""))

    @property
    def done(self) -> bool:
        """Whether the backend said that it happened."""
        return self.step.result is not None and self.step.result.get("state") == "done"


@dataclass
class Case:
    """The evidence of one week, and the violations found in it."""

    evidence: Json
    tickets: list[Ticket] = field(default_factory=list["Ticket"])
    violations: list[Violation] = field(default_factory=list["Violation"])
    looked: Counter[str] = field(default_factory=Counter["str"])

    @classmethod
    def of(cls, evidence: Json) -> "Case":
        """Read the histories."""
        tickets = [read_ticket(name, runs) for name, runs in evidence["histories"].items()]
        return cls(evidence, tickets)

    def check(self, check: str, holds: object, ticket: Ticket | tuple[str, str], what: str) -> None:
        """Note that something was looked at, and whether it is as it has to be."""
        self.looked[check] += 1
        if not holds:
            both = (ticket.tenant, ticket.ticket_id) if isinstance(ticket, Ticket) else ticket
            self.violations.append(
                Violation(check=check, tenant=both[0], ticket_id=both[1], what=what)
            )

    def rows(self, table: str) -> list[Json]:
        """Return the rows of a table of the operations database."""
        rows: list[Json] = self.evidence["tables"].get(table, [])
        return rows

    def backend(self, table: str) -> list[Json]:
        """Return the rows of a table of the backends."""
        rows: list[Json] = self.evidence["backends"].get(table, [])
        return rows

    def order(self, order_id: str) -> Json:
        """Return an order as it was at the start; empty where there is none."""
        order: Json = self.evidence["shop"]["orders"].get(order_id, {})
        return order

    def customer_of(self, ticket: Ticket) -> Json:
        """Return the shop's record of who wrote; empty for a stranger."""
        who = ticket.ticket["customer"]
        users: list[Json] = list(self.evidence["shop"]["users"].values())
        found = [u for u in users if who["email"] == u["email"] or who["id"] == u["user_id"]]
        return found[0] if found else {}

    @property
    def end(self) -> datetime:
        """Return the last moment of which there is evidence."""
        times = [step.done or step.late for ticket in self.tickets for step in ticket.steps]
        journal = [when(entry["at"]) for entry in self.evidence["journal"]]
        return max([*times, *journal])

    def writes(self, ticket: Ticket) -> list[Write]:
        """Return the writes that the ticket carried out, in their order."""
        return [_write(ticket, step) for step in ticket.named(*WRITES)]

    def all_writes(self) -> list[Write]:
        """Return every ticket's writes, in the order in which they were begun."""
        found = [write for ticket in self.tickets for write in self.writes(ticket)]
        return sorted(found, key=lambda write: write.step.late)


def _write(ticket: Ticket, step: Step) -> Write:
    given: dict[str, Any] = step.given
    amount = given.get("amount")
    return Write(
        ticket=ticket,
        step=step,
        kind=given["action"]["kind"],
        params=given["action"]["params"],
        effect_id=given["effect_id"],
        components=given["components"],
        amount=None if amount is None else amount["amount_minor"],
        approved_by=given["approved_by"],
        requested_by=tuple(given["action"]["requested_by"]),
    )


def cents(amount: object) -> int:
    """Return a decimal amount of a shop file in cents."""
    return int(Decimal(str(amount)) * 100)
