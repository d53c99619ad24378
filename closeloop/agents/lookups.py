"""What the resolution agent may look up before it proposes: reads only, and its customer's own."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from closeloop.agents import records
from closeloop.agents.asking import Answer
from closeloop.models.proposal import ProposeRequest
from closeloop.models.records import OrderRecord
from closeloop.models.ticket import Assurance
from closeloop.policy.call_times import CallTimes
from closeloop.ports import Payments, Shop

NOT_FOUND: Mapping[str, Any] = {"found": None}
"""Also for what is somebody else's: whether it exists is not told."""


class LookUpOrder(Answer):
    """Read one of the customer's orders, with its payments and refunds."""

    what: Literal["order"]
    order_id: str


class LookUpProduct(Answer):
    """Read a product with all its variants, their prices and whether they can be had."""

    what: Literal["product"]
    product_id: str


class LookUpItem(Answer):
    """Read the product that has this item as a variant."""

    what: Literal["item"]
    item_id: str


class LookUpCallTimes(Answer):
    """Read when the customer can be called, and the call that is booked for them.

    ``day`` is a date such as 2027-01-31 on the customer's own clock; null asks for the next times.
    """

    what: Literal["call_times"]
    day: str | None


LookUp = LookUpOrder | LookUpProduct | LookUpItem | LookUpCallTimes

SOONEST: Final = 6
"""How many free times are told where no day was asked for."""


class Lookups:
    """Reads the shop and the payments for one request."""

    def __init__(
        self,
        shop: Shop,
        payments: Payments,
        calls: CallTimes,
        request: ProposeRequest,
        now: datetime,
    ) -> None:
        """Keep what is read, whose ticket it is, and the time."""
        self._shop = shop
        self._payments = payments
        self._calls = calls
        self._now = now
        self._tenant = request.tenant
        known = request.assurance in (Assurance.CHANNEL_VERIFIED, Assurance.CONFIRMED)
        self.customer_id = request.customer_id if known else None

    def run(self, lookup: LookUp) -> Mapping[str, Any]:
        """Return what was found.

        Raises:
            BackendUnavailable: the shop, the payments or the calendar do not answer.
        """
        match lookup:
            case LookUpCallTimes(day=day):
                return self._call_times(day)
            case LookUpOrder(order_id=name):
                order = self._shop.get_order(self._tenant, name)
                mine = order is not None and order.customer_id == self.customer_id
                return {"found": self.order(order)} if order and mine else NOT_FOUND
            case LookUpProduct(product_id=name):
                product = self._shop.get_product(self._tenant, name)
            case LookUpItem(item_id=name):
                product = self._shop.find_item(self._tenant, name)
        return {"found": records.product(product)} if product else NOT_FOUND

    def _call_times(self, day: str | None) -> Mapping[str, Any]:
        if self.customer_id is None:
            return NOT_FOUND
        known = self._calls.of(self._tenant, self.customer_id, self._now)
        if known is None:
            return NOT_FOUND
        if day is None:
            free = islice(known.free, SOONEST)
        else:
            free = (slot for slot in known.free if records.day_of(slot, known.zone) == day)
        return {"found": records.calls(known.booked, free, known.zone)}

    def customer(self) -> Mapping[str, Any] | None:
        """Return the customer, where we are sure enough who writes."""
        if self.customer_id is None:
            return None
        record = self._shop.get_customer(self._tenant, self.customer_id)
        return records.customer(record) if record else None

    def orders(self, most: int) -> list[Mapping[str, Any]]:
        """Return the customer's newest orders."""
        if self.customer_id is None:
            return []
        newest = self._shop.list_orders(self._tenant, self.customer_id)[:most]
        return [self.order(one) for one in newest]

    def order(self, record: OrderRecord) -> Mapping[str, Any]:
        """Return an order with how its money stands."""
        name = record.order_id
        payments = self._payments.list_payments(self._tenant, name)
        return records.order(record, payments, self._payments.list_refunds(self._tenant, name))
