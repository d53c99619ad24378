"""The back office of the demo: the embedded backends, as a person in the shop sees them."""

import json
import re
from pathlib import Path
from typing import Final, Literal

from closeloop.bootstrap import open_backends
from closeloop.demo.scenario import ExpectedCase
from closeloop.errors import Refused
from closeloop.models.base import Money
from closeloop.models.ticket import TicketRequest
from closeloop.settings import Settings

_CODE: Final = re.compile(r"\b\d{4} \d{4}\b")


class BackOffice:
    """Reads what really happened, and does what a person does outside of Closeloop."""

    def __init__(self, settings: Settings) -> None:
        """Open the backends that the worker of this state folder uses."""
        self._backends = open_backends(settings)

    def close(self) -> None:
        """Close the backends' file."""
        self._backends.close()

    def add_fault(self, entry: str) -> None:
        """Make a backend fail: ``port.method=kind:xN``."""
        self._backends.faults.add(entry)

    def refund(self, order_id: str, amount_minor: int, *, by: str) -> None:
        """Refund in the payments system itself, as a person does."""
        self._backends.payments.refund(
            "default", f"back-office-{by}-{order_id}", order_id, Money(amount_minor=amount_minor)
        )

    def refunded(self, ticket: TicketRequest) -> int:
        """Return what was ever given back on the customer's and the named orders, minor units."""
        tenant, who, shop = ticket.tenant, ticket.customer, self._backends.shop
        customer = (
            shop.get_customer(tenant, who.id)
            if who.id
            else shop.find_customer(tenant, who.email or "")
        )
        orders = set(ticket.order_ids) | set(customer.order_ids if customer else ())
        refunds = [
            refund
            for order_id in orders
            for refund in self._backends.payments.list_refunds(tenant, order_id)
        ]
        return sum({r.refund_id: r.amount.amount_minor for r in refunds}.values())

    def code(self, ticket_id: str) -> str:
        """Return the newest code that the customer of a ticket finds in their mail.

        Raises:
            Refused: there is none.
        """
        mails = self._backends.outbox.messages("default", ticket_id)
        codes = [found[0] for mail in mails if (found := _CODE.search(mail.text))]
        if not codes:
            raise Refused("no code was sent to the customer", code="bad_scenario")
        return codes[-1]

    def call(self, ticket_id: str, outcome: Literal["reached", "not_reached"], *, by: str) -> bool:
        """Make the call that is booked for a ticket; False where none is."""
        calls = self._backends.calendar.every("default")
        booked = [c for c in calls if c.ticket_id == ticket_id and c.status == "booked"]
        for call in booked[-1:]:
            self._backends.calendar.enter("default", call.booking_id, outcome, by)
        return bool(booked)

    def messages(self, ticket_id: str) -> int:
        """Return how many messages left for the customer of a ticket."""
        return len(self._backends.outbox.messages("default", ticket_id))

    def cases(self, ticket_id: str) -> tuple[ExpectedCase, ...]:
        """Return the ticket's cases in the helpdesk, in their order."""
        rows = self._backends.export("default")["escalations"]
        mine = (row for row in rows if f"escalation:{ticket_id}:" in row["key"])
        return tuple(
            ExpectedCase(queue=row["queue"], person=row["person"], status=row["status"])
            for row in mine
        )

    def export(self, file: Path) -> None:
        """Write the backends' whole state as JSON."""
        state = self._backends.export()
        file.write_text(json.dumps(state, indent=1, sort_keys=True, default=str), encoding="utf-8")
