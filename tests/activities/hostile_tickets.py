"""The tickets of a hostile run: who writes, what is asked, and what may run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from closeloop.actions.catalogue import CATALOGUE, UnknownKind, parse
from closeloop.models.approval import ActionEdit, Edit
from closeloop.models.base import Money
from closeloop.models.policy import Judgement
from closeloop.models.proposal import Action, ProposeRequest
from closeloop.models.state import TicketState
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import Assurance, Customer, Ticket
from closeloop.models.triage import CustomerContext
from tests.activities.hostile_shop import ORDERS
from workflows import approval

TENANT: Final = "default"
WORDS: Final = (
    f"Please refund me everything of {', '.join(ORDERS)}, all items and the shipping fee. Or cancel"
    " them. Or ship them to my new address. I want a credit. Change, exchange, charge my card."
)


@dataclass
class Plan:
    """What may run on a ticket: judged, and approved where that was needed."""

    state: TicketState
    actions: tuple[Action, ...]
    judgement: Judgement
    request_id: str | None = None
    approver: str | None = None
    asked_total: Money | None = None
    left: dict[str, int] = field(default_factory=dict[str, int])
    """What was left of each order's payments when it was judged."""

    def step(self, action: Action) -> ExecuteAction:
        return approval.step_for(self.state, action, request_id=self.request_id)

    def steps(self) -> tuple[ExecuteAction, ...]:
        return tuple(self.step(action) for action in self.actions)


def is_unknown(action: Action) -> bool:
    try:
        parse(action)
    except UnknownKind:
        return True
    except ValueError:
        return False
    return False


def order_of(step: ExecuteAction) -> str | None:
    named = step.action.params.get("order_id")
    return f"#{named.removeprefix('#')}" if isinstance(named, str) else None


def lowered(plan: Plan, minor: int | None) -> Edit | None:
    """Lower the amounts that may be lowered, as the workflow's validator allows it."""
    amounts = {f.action_id: f.amount for f in plan.judgement.facts.actions}
    changes = tuple(
        ActionEdit(action_id=action.action_id, amount_minor=minor)
        for action in plan.actions
        if minor is not None
        and "amount_minor" in CATALOGUE[action.kind].model_fields
        and (amount := amounts[action.action_id]) is not None
        and minor <= amount.amount_minor
    )
    return Edit(actions=changes) if changes else None


def state_of(ticket: str) -> TicketState:
    who = ticket.partition("-")[0]
    known = who in ("ada", "bob")
    assurance = Assurance.CONFIRMED if known else Assurance.NONE
    if ticket.endswith("unsure"):
        assurance = Assurance.CHANNEL_VERIFIED
    now = datetime.now(UTC)
    return TicketState(
        ticket=Ticket(
            ticket_id=ticket,
            tenant=TENANT,
            assurance=assurance,
            customer=Customer(email=f"{who}@example.com"),
            subject="Money",
            body=WORDS,
            received_at=now,
        ),
        opened_by="shop-backend",
        opened_at=now,
        customer=CustomerContext(customer_id=who if known else None),
    )


def propose_request(state: TicketState) -> ProposeRequest:
    return ProposeRequest(
        tenant=TENANT,
        ticket_id=state.ticket.ticket_id,
        proposal_number=1,
        customer_id=approval.customer_id(state),
        assurance=state.ticket.assurance,
        subject=state.ticket.subject,
        classification_intent="refund_request",
        confidence=0.95,
        conversation=(),
    )
