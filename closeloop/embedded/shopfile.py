"""A shop as one JSON file: users, orders and products in the shape of tau2-bench's retail data.

Amounts stand in the file as decimals and are minor units in memory. An order may add ``placed_at``
and ``delivered_at`` (RFC 3339, or a negative ISO 8601 duration: that long before the file is read),
``currency`` (USD where absent), ``shipping`` and ``fees``; a user may add ``contact_changed_at``.
Absent means "not known". A field that is not known is refused rather than skipped: a misspelt
``delivered_at`` or a ``discount`` left out of the sum would change what is paid back.

The models keep the shape: ``to_file`` of what was read is what stood there, times made absolute.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    StrictBool,
    StringConstraints,
    ValidationError,
)

from closeloop.embedded.amounts import CURRENCIES, Amount, SignedAmount, Time
from closeloop.errors import ConfigurationError
from closeloop.models.base import MAX_SAFE_MINOR
from closeloop.models.records import Address
from closeloop.models.ticket import OrderId

DEFAULT_CURRENCY: Final = "USD"

RecordId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Ids that may become part of a component's name or of a customer reference."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_file(self) -> dict[str, Any]:
        """Return the record in the file's shape, ready for ``json.dumps``."""
        return self.model_dump(mode="json", exclude_unset=True)

    def to_document(self) -> str:
        """Return the record in the file's shape as JSON text."""
        return self.model_dump_json(exclude_unset=True)

    @classmethod
    def from_document(cls, text: str) -> Self:
        """Return the record of ``to_document``."""
        return cls.model_validate(json.loads(text, parse_float=Decimal))


class ShopAddress(Address):
    """A postal address in a shop file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonName(_Record):
    """A user's name."""

    first_name: str
    last_name: str


class PaymentMethod(_Record):
    """A way to pay; a refund to a method with a ``balance`` raises it."""

    id: RecordId
    source: Text
    brand: str | None = None
    last_four: str | None = None
    balance: Amount | None = None


class ShopUser(_Record):
    """A customer; ``orders`` names every order of theirs."""

    user_id: RecordId
    name: PersonName
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
    address: ShopAddress | None = None
    payment_methods: dict[str, PaymentMethod]
    orders: tuple[OrderId, ...]
    contact_changed_at: Time | None = None


class Variant(_Record):
    """A product as it can be bought."""

    item_id: RecordId
    options: dict[str, str]
    available: StrictBool
    price: Amount


class ShopProduct(_Record):
    """A product with its variants by item id."""

    product_id: RecordId
    name: Text
    variants: dict[str, Variant]


class Item(_Record):
    """One unit on an order; an item id may stand twice."""

    name: Text
    product_id: RecordId
    item_id: RecordId
    price: Amount
    options: dict[str, str] = {}


class Fulfillment(_Record):
    """Items under way, with the carrier's numbers."""

    tracking_id: tuple[str, ...]
    item_ids: tuple[str, ...]


class Transaction(_Record):
    """Money taken (``payment``) or given back (``refund``); the amount is positive in both."""

    transaction_type: Literal["payment", "refund"]
    amount: Amount
    payment_method_id: RecordId


class ShopOrder(_Record):
    """An order with its history of money, which may be empty."""

    order_id: OrderId
    user_id: str
    address: ShopAddress | None = None
    items: tuple[Item, ...]
    status: Text
    fulfillments: tuple[Fulfillment, ...] = ()
    payment_history: tuple[Transaction, ...] = ()
    placed_at: Time | None = None
    delivered_at: Time | None = None
    currency: str | None = None
    shipping: Amount | None = None
    fees: dict[RecordId, Amount] | None = None
    cancel_reason: str | None = None
    exchange_items: tuple[str, ...] | None = None
    exchange_new_items: tuple[str, ...] | None = None
    exchange_payment_method_id: str | None = None
    exchange_price_difference: SignedAmount | None = None
    return_items: tuple[str, ...] | None = None
    return_payment_method_id: str | None = None

    def currency_code(self) -> str:
        """Return the order's currency, the default where the file names none."""
        return self.currency or DEFAULT_CURRENCY

    def to_document(self) -> str:
        """Return the order as JSON text without its history, which is kept row by row."""
        return self.model_dump_json(exclude_unset=True, exclude={"payment_history"})


class ShopFile(_Record):
    """A whole shop file."""

    products: dict[str, ShopProduct]
    users: dict[str, ShopUser]
    orders: dict[str, ShopOrder]


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a shop file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the shop file {path}: {error.strerror}") from error


def parse(raw: bytes, path: Path, *, now: datetime) -> ShopFile:
    """Check the bytes of the shop file at ``path``; relative times count back from ``now``.

    Raises:
        ConfigurationError: names the file, the record and the field, and says what is wrong.
    """
    try:
        shop = ShopFile.model_validate(_load_json(raw), context={"now": now})
    except ValidationError as error:
        raise ConfigurationError(f"shop file {path}: {_first_problem(error)}") from None
    except _BadJson as error:
        raise ConfigurationError(f"shop file {path}: {error}") from None
    for problem in _contradictions(shop, now):
        raise ConfigurationError(f"shop file {path}: {problem}")
    return shop


# -------------------------------------------------------------------------------- reading JSON


class _BadJson(Exception):
    """The bytes are not the JSON that a shop file is made of."""


def _load_json(raw: bytes) -> object:
    try:
        return json.loads(
            raw.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_each_key_once,
        )
    except RecursionError:
        raise _BadJson("is not valid JSON: it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise _BadJson(f"is not UTF-8 text: byte {error.start} does not decode") from None
    except ValueError as error:
        raise _BadJson(f"is not valid JSON: {error}") from None


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"the number {text[:40]} is too large") from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _each_key_once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands twice in one object")
    return record


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    loc = first["loc"]
    place = "".join(
        f"[{part}]" if isinstance(part, int) else f"[{part[:80]!r}]" if n == 1 else f".{part[:80]}"
        for n, part in enumerate(loc)
    ).lstrip(".")
    if first["type"] == "value_error":
        words = str(first.get("ctx", {}).get("error", first["msg"]))
    else:
        words = _WORDS.get(first["type"], first["msg"])
    return f"{place or 'the file'}: {words}"


_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of a shop file; check the spelling, or leave it out",
    "model_type": "is not a JSON object",
    "dict_type": "is not a JSON object",
    "tuple_type": "is not a JSON list",
    "string_type": "is not a text in quotes",
    "bool_type": "is neither true nor false",
}


# ------------------------------------------------------------------------------ cross-checks


def _contradictions(shop: ShopFile, now: datetime) -> Iterator[str]:
    """Yield what the records say against each other, each with its place."""
    yield from _misfiled("products", {k: p.product_id for k, p in shop.products.items()})
    yield from _misfiled("users", {k: u.user_id for k, u in shop.users.items()})
    yield from _misfiled("orders", {k: o.order_id for k, o in shop.orders.items()})
    for product_id, product in shop.products.items():
        variants = {k: v.item_id for k, v in product.variants.items()}
        yield from _misfiled(f"products[{product_id!r}].variants", variants)
    for order_id, order in shop.orders.items():
        for field, words in _order_problems(shop, order, now):
            yield f"orders[{order_id!r}].{field}: {words}"
    yield from _user_problems(shop, now)
    for order_id, order in shop.orders.items():
        if order_id not in shop.users[order.user_id].orders:
            yield f"orders[{order_id!r}].user_id: users[{order.user_id!r}].orders does not list it"
    yield from _mixed_currencies(shop)


def _misfiled(place: str, ids: Mapping[str, str]) -> Iterator[str]:
    for key, own in ids.items():
        if key != own:
            yield f"{place}[{key[:80]!r}]: the record under this key calls itself {own!r}"


def _user_problems(shop: ShopFile, now: datetime) -> Iterator[str]:
    emails: dict[str, str] = {}
    for user_id, user in shop.users.items():
        place = f"users[{user_id!r}]"
        methods = {k: method.id for k, method in user.payment_methods.items()}
        yield from _misfiled(f"{place}.payment_methods", methods)
        for n, order_id in enumerate(user.orders):
            if order_id in user.orders[:n]:
                yield f"{place}.orders[{n}]: {order_id!r} is listed twice"
            elif order_id not in shop.orders:
                yield f"{place}.orders[{n}]: there is no order {order_id!r} in orders"
            elif shop.orders[order_id].user_id != user_id:
                yield f"{place}.orders[{n}]: {order_id!r} is an order of somebody else"
        other = emails.setdefault(user.email.casefold(), user_id)
        if other != user_id:
            yield f"{place}.email: users[{other!r}] has the same one; an e-mail names one customer"
        if user.contact_changed_at is not None and user.contact_changed_at > now:
            yield f"{place}.contact_changed_at: lies in the future"


def _order_problems(shop: ShopFile, order: ShopOrder, now: datetime) -> Iterator[tuple[str, str]]:
    if order.user_id not in shop.users:
        yield "user_id", f"there is no user {order.user_id[:80]!r} in users"
    if order.order_id.startswith("#") and order.order_id[1:] in shop.orders:
        yield "order_id", f"orders[{order.order_id[1:]!r}] differs from it by the '#' alone"
    if order.currency is not None and order.currency not in CURRENCIES:
        yield (
            "currency",
            (
                f"{order.currency[:20]!r} is not known; use the ISO 4217 code of a currency that "
                "has hundredths, such as USD or EUR"
            ),
        )
    for field in ("placed_at", "delivered_at"):
        time: datetime | None = getattr(order, field)
        if time is not None and time > now:
            yield field, "lies in the future: it says when this happened, not when it will"
    if order.placed_at and order.delivered_at and order.delivered_at < order.placed_at:
        yield "delivered_at", "is earlier than placed_at"
    parts = [item.price for item in order.items]
    parts += [order.shipping or 0, *(order.fees or {}).values()]
    if sum(parts) > MAX_SAFE_MINOR:
        yield "items", "they add up to more than 2^53 minor units"
    if sum(row.amount for row in order.payment_history) > MAX_SAFE_MINOR:
        yield "payment_history", "the rows add up to more than 2^53 minor units"
    paid = sum(row.amount for row in order.payment_history if row.transaction_type == "payment")
    back = sum(row.amount for row in order.payment_history if row.transaction_type == "refund")
    if back > paid:
        yield "payment_history", f"refunds of {back} minor units are more than the {paid} paid"


def _mixed_currencies(shop: ShopFile) -> Iterator[str]:
    """Limits and sums per customer and day are in one currency, so a shop has one."""
    first: ShopOrder | None = None
    for order in shop.orders.values():
        first = first or order
        if order.currency_code() != first.currency_code():
            yield (
                f"orders[{order.order_id!r}].currency: {order.currency_code()}, but "
                f"orders[{first.order_id!r}] is in {first.currency_code()}; a shop file has one"
            )
