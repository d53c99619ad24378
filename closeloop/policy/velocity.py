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
    """Hash what tells one door from another, however it is written.

    "12 Main St., Apt 4b" and "12 Main Street #4B" are one door: of the lines count their numbers
    alone, with the postal code (of ZIP+4 the first five; without one, the city). Two doors of one
    code with the same numbers count together, which can but ask a person; lines without a number
    count as written.
    """
    lines = _words(f"{address.address1} {address.address2}")
    door = sorted(word for word in lines if any(map(str.isdigit, word))) or lines
    code = "".join(_words(address.zip) or _words(address.city))
    country = "".join(_words(address.country))
    if country in ("us", "usa", "unitedstates", "unitedstatesofamerica"):
        code, country = code[:5], "us"
    written = "|".join((" ".join(door), code, country))
    return hashlib.sha256(written.encode()).hexdigest()[:24]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
