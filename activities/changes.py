"""Changes of items, payment methods and addresses on file, and store credit."""

from collections import Counter
from datetime import UTC, datetime

from temporalio import activity

from activities.effects import EffectActivities, Effects
from closeloop.actions.base import ActionKind
from closeloop.actions.customers import IssueStoreCredit, UpdateCustomerAddress
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReturnItems
from closeloop.actions.orders import ModifyOrderPayment
from closeloop.errors import BackendRefused
from closeloop.models.proposal import Receipt
from closeloop.models.records import OrderRecord, StoreCreditRecord
from closeloop.models.steps import ActionOutcome, ExecuteAction
from closeloop.ports import Payments, Shop


class ChangeActivities(EffectActivities):
    """Activities that change what was bought, how it is paid, and what is on file."""

    kinds = (
        ModifyOrderItems,
        ModifyOrderPayment,
        ReturnItems,
        ExchangeItems,
        UpdateCustomerAddress,
        IssueStoreCredit,
    )

    def __init__(self, shop: Shop, payments: Payments, effects: Effects) -> None:
        """Keep the shop and payments ports and the exactly-once executor."""
        self._shop = shop
        self._payments = payments
        super().__init__(effects)

    @activity.defn
    def modify_order_items(self, step: ExecuteAction) -> ActionOutcome:
        """Change a pending order's items once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def modify_order_payment(self, step: ExecuteAction) -> ActionOutcome:
        """Have a pending order paid otherwise once; see ``Effects.perform``."""
        return self._perform(step)

    @activity.defn
    def return_items(self, step: ExecuteAction) -> ActionOutcome:
        """Take in a return once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def exchange_items(self, step: ExecuteAction) -> ActionOutcome:
        """Take in an exchange once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def update_customer_address(self, step: ExecuteAction) -> ActionOutcome:
        """Change the address on file once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    @activity.defn
    def issue_store_credit(self, step: ExecuteAction) -> ActionOutcome:
        """Credit a gift card once; see ``Effects.perform`` for what it raises."""
        return self._perform(step)

    def _write(self, step: ExecuteAction, key: str, params: ActionKind) -> Receipt:
        tenant, amount = step.tenant, step.amount
        if params.moves_money and amount is None:
            raise BackendRefused(f"{step.action.kind}: needs an amount", code="invalid")
        match params:
            case ModifyOrderItems(order_id=order, item_ids=old, new_item_ids=new):
                method = params.payment_method_id
                return items_changed(
                    self._shop.modify_order_items(
                        tenant, key, order, old, new, method, amount=amount
                    )
                )
            case ModifyOrderPayment(order_id=order, payment_method_id=method):
                self._shop.modify_order_payment(tenant, key, order, method, amount=amount)
                return paid_otherwise(params)
            case ReturnItems(order_id=order, item_ids=old, payment_method_id=method):
                return returning(self._shop.return_items(tenant, key, order, old, method))
            case ExchangeItems(order_id=order, item_ids=old, new_item_ids=new):
                method = params.payment_method_id
                return exchanging(
                    self._shop.exchange_items(tenant, key, order, old, new, method, amount=amount)
                )
            case UpdateCustomerAddress(customer_id=customer, address=address):
                self._shop.update_customer_address(tenant, key, customer, address)
                return moved(params)
            case IssueStoreCredit(order_id=order) if amount is not None:
                return credited(self._shop.issue_store_credit(tenant, key, order, amount))
            case _:
                raise BackendRefused(f"{step.action.kind}: cannot be done so", code="invalid")

    def _read(self, tenant: str, key: str, params: ActionKind) -> Receipt | None:
        match params:
            case UpdateCustomerAddress(customer_id=customer_id, address=address):
                customer = self._shop.get_customer(tenant, customer_id)
                return moved(params) if customer and customer.address == address else None
            case IssueStoreCredit(amount_minor=minor):
                credit = self._shop.find_store_credit(tenant, key)
                if credit is None or credit.amount.amount_minor != minor:
                    return None
                return credited(credit)
            case ModifyOrderPayment(order_id=order_id, payment_method_id=method_id):
                payments = self._payments.list_payments(tenant, order_id)
                by_it = any(payment.method_id == method_id for payment in payments)
                return paid_otherwise(params) if by_it else None
            case _:
                order = self._shop.get_order(tenant, params.target_order or "")
                return None if order is None else _shown(order, params)


def _shown(order: OrderRecord, params: ActionKind) -> Receipt | None:
    """Return the receipt if the order shows this very change."""
    match params:
        case ModifyOrderItems(new_item_ids=new) if order.status == "pending (item modified)":
            held = Counter(line.item_id for line in order.lines)
            return items_changed(order) if Counter(new) <= held else None
        case ReturnItems(item_ids=old, payment_method_id=method):
            same = (order.return_items, order.return_method_id) == (tuple(sorted(old)), method)
            return returning(order) if same else None
        case ExchangeItems(item_ids=old, new_item_ids=new, payment_method_id=method):
            shown = (order.exchange_items, order.exchange_new_items, order.exchange_method_id)
            same = shown == (tuple(sorted(old)), tuple(sorted(new)), method)
            return exchanging(order) if same else None
        case _:
            return None


def items_changed(order: OrderRecord) -> Receipt:
    """Return the receipt that an order with changed items proves."""
    return Receipt(
        receipt_id=f"{order.order_id}:items",
        summary=f"the items of order {order.order_id} are changed; it now comes to {order.total()}",
        at=datetime.now(UTC),
    )


def paid_otherwise(params: ModifyOrderPayment) -> Receipt:
    """Return the receipt that an order's payments prove."""
    return Receipt(
        receipt_id=f"{params.order_id}:payment",
        summary=f"order {params.order_id} is paid by {params.payment_method_id}",
        at=datetime.now(UTC),
    )


def returning(order: OrderRecord) -> Receipt:
    """Return the receipt that an order with a return proves; its money comes with the parcel."""
    return Receipt(
        receipt_id=f"{order.order_id}:return",
        summary=f"the return of {len(order.return_items)} of order {order.order_id} is taken in",
        at=datetime.now(UTC),
    )


def exchanging(order: OrderRecord) -> Receipt:
    """Return the receipt that an order with an exchange proves."""
    count = len(order.exchange_items)
    return Receipt(
        receipt_id=f"{order.order_id}:exchange",
        summary=f"the exchange of {count} of order {order.order_id} is taken in",
        at=datetime.now(UTC),
    )


def moved(params: UpdateCustomerAddress) -> Receipt:
    """Return the receipt that a customer's address proves."""
    return Receipt(
        receipt_id=f"{params.customer_id}:address",
        summary="the address on file is the new one",
        at=datetime.now(UTC),
    )


def credited(credit: StoreCreditRecord) -> Receipt:
    """Return the receipt that a credit proves."""
    return Receipt(
        receipt_id=credit.credit_id,
        summary=f"{credit.amount} of credit on {credit.method_id}",
        amount=credit.amount,
        at=credit.created_at,
    )
