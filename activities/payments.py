"""Refunds: the write, and how it is read back."""

from temporalio import activity

from activities.effects import MADE_BY_A_PERSON, Effects, Reader
from closeloop.actions.catalogue import parse
from closeloop.actions.refunds import RefundPayment
from closeloop.errors import BackendRefused
from closeloop.models.proposal import Receipt
from closeloop.models.records import RefundRecord
from closeloop.models.steps import ActionOutcome, ExecuteAction, VerifyAction
from closeloop.ports import Payments


class PaymentActivities:
    """Activities that move money."""

    def __init__(self, payments: Payments, effects: Effects) -> None:
        """Keep the payments port and the exactly-once executor."""
        self._payments = payments
        self._effects = effects

    @property
    def readers(self) -> dict[str, Reader]:
        """How each kind of this class is read back."""
        return {RefundPayment.kind: self._read}

    @activity.defn
    def refund_payment(self, step: ExecuteAction) -> ActionOutcome:
        """Give the money back once; see ``Effects.perform`` for what it raises."""
        params = parse(step.action)
        amount = step.amount
        if not isinstance(params, RefundPayment) or amount is None:
            raise BackendRefused("a refund needs an order and an amount", code="invalid")

        def read(key: str) -> Receipt | None:
            record = self._payments.find_refund(step.tenant, key, order_id=params.order_id)
            return None if record is None else receipt_of(record)

        def write(key: str) -> Receipt:
            made = self._payments.refund(
                step.tenant, key, params.order_id, amount, ticket_id=step.ticket_id
            )
            return receipt_of(made)

        return self._effects.perform(step, read=read, write=write)

    def _read(self, check: VerifyAction, key: str) -> Receipt | None:
        """Find the refund under our key, or, for a person's, one of that amount on the order."""
        params = parse(check.action)
        if key != MADE_BY_A_PERSON:
            order_id = params.target_order
            record = self._payments.find_refund(check.tenant, key, order_id=order_id)
            if record is None or record.status == "failed":
                return None
            return receipt_of(record) if check.amount in (None, record.amount) else None
        if not isinstance(params, RefundPayment):
            return None
        ours = f"{check.tenant}:"
        for record in self._payments.list_refunds(check.tenant, params.order_id):
            if record.key.startswith(ours) or record.refund_id in check.besides:
                continue
            if record.status != "failed" and record.amount == check.amount:
                return receipt_of(record)
        return None


def receipt_of(record: RefundRecord) -> Receipt:
    """Return the receipt that a refund record proves."""
    return Receipt(
        receipt_id=record.refund_id,
        summary=f"{record.amount} refunded for order {record.order_id} ({record.status})",
        amount=record.amount,
        settled=record.status == "succeeded",
        at=record.created_at,
    )
