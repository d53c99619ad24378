"""The back office of the demo: the embedded backends, as a person in the shop sees them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from closeloop.bootstrap import open_backends, open_stops, require_person
from closeloop.demo.scenario import ExpectedCase
from closeloop.errors import Refused
from closeloop.models.base import Money
from closeloop.models.ticket import TicketRequest
from closeloop.names import DEFAULT_TENANT
from closeloop.settings import Settings

_CODE: Final = re.compile(r"\b\d{4} \d{4}\b")


class BackOffice:
    """Reads what really happened, and does what a person does outside of Closeloop."""

    def __init__(self, settings: Settings) -> None:
        """Open the backends that the worker of this state folder uses."""
        self._settings = settings
        self._backends = open_backends(settings)

    def close(self) -> None:
        """Close the backends' file."""
        self._backends.close()

    def add_fault(self, entry: str) -> None:
        """Make a backend fail: ``port.method=kind:xN``."""
        self._backends.faults.add(entry)

    def stop(self, tenant: str, reason: str, *, by: str) -> None:
        """Stop the tenant's autonomous writes; raises as the command does."""
        now = datetime.now(UTC)
        require_person(self._settings, by, tenant, now.date())
        open_stops(self._settings).stop(tenant, by, reason, now)

    def resume(self, tenant: str, *, by: str) -> None:
        """Let the tenant's autonomous writes begin again; raises as the command does."""
        now = datetime.now(UTC)
        require_person(self._settings, by, tenant, now.date(), resuming=True)
        open_stops(self._settings).resume(tenant, by, now)

    def refund(
        self, order_id: str, amount_minor: int, *, by: str, tenant: str = DEFAULT_TENANT
    ) -> None:
        """Refund in the payments system itself, as a person does."""
        self._backends.payments.refund(
            tenant, f"back-office-{by}-{order_id}", order_id, Money(amount_minor=amount_minor)
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

    def code(self, tenant: str, ticket_id: str) -> str:
        """Return the newest code that the customer of a ticket finds in their mail.

        Raises:
            Refused: there is none.
        """
        mails = self._backends.outbox.messages(tenant, ticket_id)
        codes = [found[0] for mail in mails if (found := _CODE.search(mail.text))]
        if not codes:
            raise Refused("no code was sent to the customer", code="bad_scenario")
        return codes[-1]

    def call(
        self, tenant: str, ticket_id: str, outcome: Literal["reached", "not_reached"], *, by: str
    ) -> bool:
        """Make the call that is booked for a ticket; False where none is."""
        calls = self._backends.calendar.every(tenant)
        booked = [c for c in calls if c.ticket_id == ticket_id and c.status == "booked"]
        for call in booked[-1:]:
            self._backends.calendar.enter(tenant, call.booking_id, outcome, by)
        return bool(booked)

    def messages(self, tenant: str, ticket_id: str) -> int:
        """Return how many messages left for the customer of a ticket."""
        return len(self._backends.outbox.messages(tenant, ticket_id))

    def cases(self, tenant: str, ticket_id: str) -> tuple[ExpectedCase, ...]:
        """Return the ticket's cases in the helpdesk, in their order."""
        rows = self._backends.export(tenant)["escalations"]
        mine = (row for row in rows if f"escalation:{ticket_id}:" in row["key"])
        return tuple(
            ExpectedCase(queue=row["queue"], person=row["person"], status=row["status"])
            for row in mine
        )

    def export(self, file: Path) -> None:
        """Write the backends' whole state as JSON."""
        state = self._backends.export()
        file.write_text(json.dumps(state, indent=1, sort_keys=True, default=str), encoding="utf-8")
