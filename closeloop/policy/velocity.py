"""What money counts towards beyond the day: its order, customer, instruments and address.

A sum that is too much at once stays too much in parts: whoever splits it splits it over one of
these.
"""

import hashlib
import re
from collections.abc import Iterable

from closeloop.models.records import Address, OrderRecord, PaymentRecord


def scopes_of(order: OrderRecord, payments: Iterable[PaymentRecord]) -> tuple[str, ...]:
    """Return the scopes of money that goes back on an order, each ``<measure>:<key>``, once.

    An instrument is a payment method that the order was paid by. An address is a hash of where the
    order went: ids carry no personal data.
    """
    scopes = [f"order:{order.order_id}", f"customer:{order.customer_id}"]
    scopes += [f"instrument:{payment.method_id}" for payment in payments]
    if order.address is not None:
        scopes.append(f"address:{_digest(order.address)}")
    return tuple(dict.fromkeys(scopes))


def _digest(address: Address) -> str:
    """Hash what tells one door from another, however it is written."""
    parts = (address.address1, address.address2, address.zip, address.country)
    written = "|".join(re.sub(r"\W+", " ", part.casefold()).strip() for part in parts)
    return hashlib.sha256(written.encode()).hexdigest()[:24]
