"""Records of a shop file as the ports show them."""

from closeloop.embedded.shopfile import (
    DEFAULT_CURRENCY,
    ShopAddress,
    ShopOrder,
    ShopProduct,
    ShopUser,
)
from closeloop.models.base import Money
from closeloop.models.records import (
    Address,
    CustomerRecord,
    OrderLine,
    OrderRecord,
    PaymentMethodRecord,
    ProductRecord,
    VariantRecord,
)


def customer_record(user: ShopUser, *, currency: str = DEFAULT_CURRENCY) -> CustomerRecord:
    """Return a customer; a shop has one currency, and gift cards are in it."""
    return CustomerRecord(
        customer_id=user.user_id,
        first_name=user.name.first_name,
        last_name=user.name.last_name,
        email=user.email,
        address=_address(user.address),
        order_ids=user.orders,
        contact_changed_at=user.contact_changed_at,
        payment_methods=tuple(
            PaymentMethodRecord(
                method_id=method.id,
                source=method.source,
                balance=None
                if method.balance is None
                else Money(amount_minor=method.balance, currency=currency),
            )
            for method in user.payment_methods.values()
        ),
    )


def product_record(product: ShopProduct, *, currency: str = DEFAULT_CURRENCY) -> ProductRecord:
    """Return a product with its variants, in the file's order."""
    return ProductRecord(
        product_id=product.product_id,
        name=product.name,
        variants=tuple(
            VariantRecord(
                item_id=variant.item_id,
                options=variant.options,
                available=variant.available,
                price=Money(amount_minor=variant.price, currency=currency),
            )
            for variant in product.variants.values()
        ),
    )


def order_record(order: ShopOrder) -> OrderRecord:
    """Return an order."""
    currency = order.currency_code()

    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=currency)

    return OrderRecord(
        order_id=order.order_id,
        customer_id=order.user_id,
        status=order.status,
        lines=tuple(
            OrderLine(
                item_id=item.item_id,
                product_id=item.product_id,
                name=item.name,
                price=money(item.price),
                options=item.options,
            )
            for item in order.items
        ),
        shipping=None if order.shipping is None else money(order.shipping),
        fees={name: money(minor) for name, minor in (order.fees or {}).items()},
        currency=currency,
        placed_at=order.placed_at,
        delivered_at=order.delivered_at,
        address=_address(order.address),
        tracking_ids=tuple(t for sent in order.fulfillments for t in sent.tracking_id),
        return_items=order.return_items or (),
        return_method_id=order.return_payment_method_id,
        exchange_items=order.exchange_items or (),
        exchange_new_items=order.exchange_new_items or (),
        exchange_method_id=order.exchange_payment_method_id,
    )


def _address(address: ShopAddress | None) -> Address | None:
    """Return the plain model: its subclass would not compare equal to what callers build."""
    return None if address is None else Address.model_validate(address.model_dump())
