"""Changes to orders: the writes, and how they are read back."""

from datetime import UTC, datetime

from temporalio import activity

from activities.effects import MADE_BY_A_PERSON, Effects, Reader
from closeloop.actions.base import ActionKind
from closeloop.actions.catalogue import parse
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.errors import BackendRefused
from closeloop.models.base import Money
from closeloop.models.proposal import Receipt
from closeloop.models.records import OrderRecord
from closeloop.models.steps import ActionOutcome, ExecuteAction, VerifyAction
from closeloop.ports import Payments, Shop


class OrderActivities:
    """Activities that change orders."""

    def __init__(self, shop: Shop, payments: Payments, effects: Effects) -> None:
        """Keep the shop and payments ports and the exactly-once executor."""
        self._shop = shop
        self._payments = payments
        self._effects = effects

    @property
    def readers(self) -> dict[str, Reader]:
        """How each kind of this class is read back: from the order itself."""

        def read(check: VerifyAction, key: str) -> Receipt | None:
            return self._read(check.tenant, key, parse(check.action))

        return {CancelOrder.kind: read, ModifyOrderAddress.kind: read}

    @activity.defn
    def cancel_order(self, step: ExecuteAction) -> ActionOutcome:
        """Cancel a pending order once; see ``Effects.perform`` for what it raises."""
        params = parse(step.action)
        amount = step.amount
        if not isinstance(params, CancelOrder) or amount is None:
            raise BackendRefused("a cancellation needs an order and an amount", code="invalid")

        def write(key: str) -> Receipt:
            order = self._shop.cancel_order(
                step.tenant, key, params.order_id, params.reason, amount=amount
            )
            return cancelled(order, amount)  # the shop gives back this and nothing else

        return self._effects.perform(
            step, read=lambda key: self._read(step.tenant, key, params), write=write
        )

    @activity.defn
    def modify_order_address(self, step: ExecuteAction) -> ActionOutcome:
        """Redirect a pending order once; see ``Effects.perform`` for what it raises."""
        params = parse(step.action)
        if not isinstance(params, ModifyOrderAddress):
            raise BackendRefused("not an address change", code="invalid")

        def write(key: str) -> Receipt:
            order = self._shop.modify_order_address(
                step.tenant, key, params.order_id, params.address
            )
            return redirected(order)

        return self._effects.perform(
            step, read=lambda key: self._read(step.tenant, key, params), write=write
        )

    def _read(self, tenant: str, key: str, params: ActionKind) -> Receipt | None:
        order = self._shop.get_order(tenant, params.target_order or "")
        match params:
            case CancelOrder() if order is not None and order.status == "cancelled":
                return self._cancelled(tenant, key, order)
            case ModifyOrderAddress(address=address) if (
                order is not None and order.address == address
            ):
                return redirected(order)
            case _:
                return None

    def _cancelled(self, tenant: str, key: str, order: OrderRecord) -> Receipt:
        """Return the receipt that a cancelled order and its refunds prove.

        A cancellation's refund bears its key; what people gave back bears no key of ours.
        """
        if key == MADE_BY_A_PERSON:
            listed = self._payments.list_refunds(tenant, order.order_id)
            found = [refund for refund in listed if not refund.key.startswith(f"{tenant}:")]
        else:
            refund = self._payments.find_refund(tenant, key, order_id=order.order_id)
            found = [] if refund is None else [refund]
        moved = [refund.amount for refund in found if refund.status != "failed"]
        minor = sum(amount.amount_minor for amount in moved)
        currency = moved[0].currency if moved else order.currency
        return cancelled(order, Money(amount_minor=minor, currency=currency))


def cancelled(order: OrderRecord, back: Money) -> Receipt:
    """Return the receipt that a cancelled order, and what went back with it, prove."""
    goes = back if back.amount_minor else "nothing"
    return Receipt(
        receipt_id=f"{order.order_id}:cancelled",
        summary=f"order {order.order_id} is cancelled; {goes} goes back",
        amount=back,
        at=datetime.now(UTC),
    )


def redirected(order: OrderRecord) -> Receipt:
    """Return the receipt that an order's address proves."""
    return Receipt(
        receipt_id=f"{order.order_id}:address",
        summary=f"order {order.order_id} goes to the new address",
        at=datetime.now(UTC),
    )
