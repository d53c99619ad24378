"""The embedded shop where money is kept elsewhere: at a gateway that knows none of its orders."""

from collections.abc import Sequence
from typing import NoReturn

from closeloop.embedded.faults import writes
from closeloop.embedded.shop import EmbeddedShop
from closeloop.errors import BackendRefused
from closeloop.models.base import Money


class ShopBesideGateway(EmbeddedShop):
    """Refuses what would move money in the shop's own books only.

    The customer would be told of money that the gateway never moved: people do these, there and
    here. A return or an exchange moves nothing yet, and store credit is the shop's own.
    """

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


def _elsewhere(order_id: str) -> BackendRefused:
    return BackendRefused(
        f"order {order_id[:80]} was paid at another system than the shop's: change it in the shop,"
        " and move the money there",
        code="money_elsewhere",
    )
