"""The embedded shop where money is kept elsewhere: at a gateway that knows none of its orders."""

from typing import NoReturn

from closeloop.embedded.faults import writes
from closeloop.embedded.shop import EmbeddedShop
from closeloop.errors import BackendRefused


class ShopBesideGateway(EmbeddedShop):
    """Refuses what would give money back in the shop's own books only.

    A cancellation would say so to the customer while the gateway still has the money: people cancel
    here and give back there.
    """

    @writes
    def cancel_order(self, tenant: str, key: str, order_id: str, reason: str) -> NoReturn:
        """Refuse it.

        Raises:
            BackendRefused: ``money_elsewhere``, always.
        """
        raise BackendRefused(
            f"order {order_id[:80]} was paid at another system than the shop's: cancel it in the"
            " shop, and give the money back there",
            code="money_elsewhere",
        )
