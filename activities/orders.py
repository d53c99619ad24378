"""Changes to orders: the writes, and how they are read back."""

from datetime import UTC, datetime

from temporalio import activity

from activities.effects import Effects, Reader
from closeloop.actions.base import ActionKind
from closeloop.actions.catalogue import parse
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.errors import BackendRefused
from closeloop.models.proposal import Receipt
from closeloop.models.records import OrderRecord
from closeloop.models.steps import ActionOutcome, ExecuteAction, VerifyAction
from closeloop.ports import Shop


class OrderActivities:
    """Activities that change orders."""

    def __init__(self, shop: Shop, effects: Effects) -> None:
        """Keep the shop port and the exactly-once executor."""
        self._shop = shop
        self._effects = effects

    @property
    def readers(self) -> dict[str, Reader]:
        """How each kind of this class is read back: from the order itself."""

        def read(check: VerifyAction, key: str) -> Receipt | None:
            return self._read(check.tenant, parse(check.action))

        return {CancelOrder.kind: read, ModifyOrderAddress.kind: read}

    @activity.defn
    def cancel_order(self, step: ExecuteAction) -> ActionOutcome:
        """Cancel a pending order once; see ``Effects.perform`` for what it raises."""
        params = parse(step.action)
        if not isinstance(params, CancelOrder):
            raise BackendRefused("not a cancellation", code="invalid")

        def write(key: str) -> Receipt:
            order = self._shop.cancel_order(step.tenant, key, params.order_id, params.reason)
            return cancelled(order)

        return self._effects.perform(
            step, read=lambda key: self._read(step.tenant, params), write=write
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
            step, read=lambda key: self._read(step.tenant, params), write=write
        )

    def _read(self, tenant: str, params: ActionKind) -> Receipt | None:
        order = self._shop.get_order(tenant, params.target_order or "")
        match params:
            case CancelOrder() if order is not None and order.status == "cancelled":
                return cancelled(order)
            case ModifyOrderAddress(address=address) if (
                order is not None and order.address == address
            ):
                return redirected(order)
            case _:
                return None


def cancelled(order: OrderRecord) -> Receipt:
    """Return the receipt that a cancelled order proves."""
    return Receipt(
        receipt_id=f"{order.order_id}:cancelled",
        summary=f"order {order.order_id} is cancelled; {order.total()} goes back",
        amount=order.total(),
        at=datetime.now(UTC),
    )


def redirected(order: OrderRecord) -> Receipt:
    """Return the receipt that an order's address proves."""
    return Receipt(
        receipt_id=f"{order.order_id}:address",
        summary=f"order {order.order_id} goes to the new address",
        at=datetime.now(UTC),
    )
