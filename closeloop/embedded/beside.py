"""The embedded shop where money is kept elsewhere: at a gateway that knows none of its orders."""

from collections.abc import Sequence
from typing import ClassVar, NoReturn

from closeloop.embedded.faults import writes
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.embedded.shop import EmbeddedShop
from closeloop.errors import BackendRefused
from closeloop.models.base import Money
from closeloop.models.records import CreditRecord, DisputeRecord, PaymentRecord, RefundRecord
from closeloop.ports import Payments


class ShopBesideGateway(EmbeddedShop):
    """Refuses what would move money in the shop's own books only.

    The customer would be told of money that the gateway never moved: people do these, there and
    here. A return or an exchange moves nothing yet, and store credit is the shop's own.
    """

    keeps_money: ClassVar[bool] = False

    @writes
    def cancel_order(
        self, tenant: str, key: str, order_id: str, reason: str, *, amount: Money | None = None
    ) -> NoReturn:
        """Refuse it: ``money_elsewhere``."""
        raise _elsewhere(order_id)

    @writes
    def modify_order_items(
        self,
        tenant: str,
        key: str,
        order_id: str,
        item_ids: Sequence[str],
        new_item_ids: Sequence[str],
        method_id: str,
        *,
        amount: Money | None = None,
    ) -> NoReturn:
        """Refuse it: ``money_elsewhere``."""
        raise _elsewhere(order_id)

    @writes
    def modify_order_payment(
        self, tenant: str, key: str, order_id: str, method_id: str, *, amount: Money | None = None
    ) -> NoReturn:
        """Refuse it: ``money_elsewhere``."""
        raise _elsewhere(order_id)


class GatewayBesideShop:
    """A payments system, with the credit that the shop beside it has given counted as well.

    It implements ``closeloop.ports.Payments``.
    """

    def __init__(self, gateway: Payments, books: EmbeddedPayments) -> None:
        """Keep the gateway, and the shop's books, of which only the credit is true."""
        self._gateway = gateway
        self._books = books

    def list_payments(self, tenant: str, order_id: str) -> tuple[PaymentRecord, ...]:
        """Return what was taken for the order, at the gateway."""
        return self._gateway.list_payments(tenant, order_id)

    def list_refunds(self, tenant: str, order_id: str) -> tuple[RefundRecord, ...]:
        """Return everything given back on the order, at the gateway."""
        return self._gateway.list_refunds(tenant, order_id)

    def refund(
        self, tenant: str, key: str, order_id: str, amount: Money, *, ticket_id: str | None = None
    ) -> RefundRecord:
        """Give ``amount`` back at the gateway; it raises what the gateway does."""
        return self._gateway.refund(tenant, key, order_id, amount, ticket_id=ticket_id)

    def find_refund(
        self, tenant: str, key: str, *, order_id: str | None = None
    ) -> RefundRecord | None:
        """Return the refund made under ``key`` at the gateway."""
        return self._gateway.find_refund(tenant, key, order_id=order_id)

    def list_credits(self, tenant: str, order_id: str) -> tuple[CreditRecord, ...]:
        """Return the credit given on the order, by the gateway and by the shop."""
        shop = self._books.list_credits(tenant, order_id)
        return (*self._gateway.list_credits(tenant, order_id), *shop)

    def list_disputes(self, tenant: str, order_id: str) -> tuple[DisputeRecord, ...]:
        """Return every dispute about the order's payments, at the gateway."""
        return self._gateway.list_disputes(tenant, order_id)


def _elsewhere(order_id: str) -> BackendRefused:
    return BackendRefused(
        f"order {order_id[:80]} was paid at another system than the shop's: change it in the shop,"
        " and move the money there",
        code="money_elsewhere",
    )
