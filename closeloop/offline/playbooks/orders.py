"""Orders: cancelling, redirecting, and where they are."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from closeloop.actions.customers import UpdateCustomerAddress
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.models.proposal import Proposal
from closeloop.models.records import Address, OrderRecord
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.addresses import NewAddress, new_address
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.matching import Choice
from closeloop.offline.playbooks.reading import means_whole_order, only_asks, plain
from closeloop.policy.extent import cancelled_items, since_everything, spared

LATE_AFTER: Final = timedelta(days=11)
"""Since an order was placed: two business days to pack it and seven on its way."""
SCANNED_EARLY: Final = timedelta(hours=48)
"""So long a parcel may still turn up that was scanned as delivered."""
DEFAULT_COUNTRY: Final = "USA"

_ADDRESS_KINDS: Final = (ModifyOrderAddress.kind, UpdateCustomerAddress.kind)

_PART_ONLY: Final = re.compile(
    r"\b(?:remove|drop|take out|only|just|except|keep)\b"
    r"|\b(?:from|off|out of) (?:my|the|this) order\b"
)
_MISTAKE: Final = re.compile(r"\b(?:mistake|accident|twice|wrong|double|duplicate)\w*\b")


def is_pending(order: OrderRecord) -> bool:
    """Return whether an order has not been packed yet."""
    return order.status.startswith("pending")


# --- cancel --------------------------------------------------------------------------------------


def cancel(case: Case) -> Proposal:
    """Cancel an order that was not sent yet; say why where it was."""
    choice = case.choose(is_pending)
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    if is_pending(order):
        if cancelled_items(_since_whole(case), order) is None:
            return drafting.escalate(
                case,
                "something_else_cancelled",
                f"The customer wants something about order {order.order_id} cancelled, and by their"
                " words it is not the order.",
                "Nothing was cancelled.",
            )
        if _only_part(case, choice):
            return _whole_order_only(case, order)
    return cancel_this(case, order)


def cancel_this(case: Case, order: OrderRecord) -> Proposal:
    """Cancel this order, or say why it cannot be."""
    number = wording.neutral(order.order_id)
    money_back = case.quote(drafting.MONEY_BACK, must="back paid")
    if order.status == "cancelled":
        return _already_cancelled(case, order)
    if not is_pending(order):
        return _too_late(case, order)
    if only_asks(case.latest, CancelOrder.remedy_words):
        return drafting.question(
            case,
            tuple(line.format(order=number) for line in wording.CAN_STILL_CANCEL),
            goal="learn whether the order shall be cancelled",
            why="the customer asks about cancelling, and cannot have it undone",
            quotes=(money_back,),
        )
    by_mistake = _MISTAKE.search(plain(case.words)) is not None
    params = CancelOrder(
        order_id=order.order_id,
        reason="ordered by mistake" if by_mistake else "no longer needed",
    )
    return drafting.answer(
        case,
        (wording.CANCELLED.format(order=number),),
        goal=f"cancel order {order.order_id}",
        why=f"the customer wants it cancelled, and it is {order.status}",
        quotes=(money_back,),
        actions=(drafting.act(case, params, order, "the customer wants the order cancelled"),),
        courtesy=wording.THANKS,
    )


def _only_part(case: Case, choice: Choice) -> bool:
    """Return whether the customer wants only some of the order's items cancelled."""
    order = choice.orders[0]
    words = _since_whole(case)
    every = frozenset(line.item_id for line in order.lines)
    if spared(words, order.lines) or cancelled_items(words, order) != every:
        return True
    some = bool(choice.items) and len(every) > len(choice.items)
    whole = means_whole_order(case.latest)
    return some and not whole and _PART_ONLY.search(words) is not None


def _since_whole(case: Case) -> str:
    """Return the customer's words since they last said that all of the order is meant."""
    return plain(since_everything([message.text for message in case.messages]))


def _whole_order_only(case: Case, order: OrderRecord) -> Proposal:
    offer, ask = wording.WHOLE_ORDER_ONLY
    number = wording.neutral(order.order_id)
    return drafting.question(
        case,
        (offer.format(order=number), wording.items_label(order.lines), ask.format(order=number)),
        goal="learn whether the whole order shall be cancelled",
        why="only whole orders can be cancelled",
        quotes=(case.quote("cancel whole orders only drop one item", needs=3),),
    )


def _already_cancelled(case: Case, order: OrderRecord) -> Proposal:
    account = case.account(order)
    lines = [
        wording.ALREADY_REFUNDED_LINE.format(
            amount=refund.amount,
            day=wording.refunded_on(refund),
            receipt=wording.neutral(refund.refund_id),
        )
        for refund in account.refunds
    ]
    return drafting.answer(
        case,
        (
            wording.ALREADY_CANCELLED.format(order=wording.neutral(order.order_id)),
            "\n".join([wording.WENT_BACK, *lines]) if lines else "",
        ),
        goal="tell that the order is cancelled already",
        why=f"order {order.order_id} is cancelled",
        courtesy=wording.THANKS,
    )


def _too_late(case: Case, order: OrderRecord) -> Proposal:
    rule = case.quote("cancel pending processed left longer stopped can be cancelled", needs=3)
    if rule is None:
        return drafting.knowledge_gap(case, f"cancelling order {order.order_id}, {order.status}")
    number = wording.neutral(order.order_id)
    delivered = order.status == "delivered"
    return drafting.answer(
        case,
        (
            wording.TOO_LATE_TO_CANCEL.format(order=number, state=wording.order_state(order)),
            wording.RETURN_INSTEAD.format(order=number)
            if delivered
            else wording.RETURN_LATER.format(order=number),
        ),
        goal="explain why the order cannot be cancelled",
        why=f"order {order.order_id} is {order.status}",
        quotes=(rule,),
        courtesy=wording.THANKS,
    )


# --- address -------------------------------------------------------------------------------------


def change_address(case: Case) -> Proposal:
    """Send an order that was not packed yet to another address."""
    choice = case.choose(is_pending)
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    number = wording.neutral(order.order_id)
    if not is_pending(order):
        return _too_late_to_redirect(case, order)
    country = order.address.country if order.address else DEFAULT_COUNTRY
    read = address_named(case, country)
    if read.unsure:
        return address_unclear(case)
    address = read.address
    if address is None:
        ask, form = wording.ADDRESS_NEEDED
        return drafting.question(
            case,
            (ask.format(order=number), form),
            goal="learn the complete new address",
            why="the customer's words hold no complete address",
        )
    if order.address is not None and same_place(order.address, address):
        return drafting.answer(
            case,
            (wording.ADDRESS_SAME.format(order=number), wording.address_lines(address)),
            goal="tell that the order goes there already",
            why=f"order {order.order_id} has this address",
            courtesy=wording.THANKS,
        )
    params = ModifyOrderAddress(order_id=order.order_id, address=address)
    done, reference = wording.ADDRESS_CHANGED
    return drafting.answer(
        case,
        (
            done.format(order=number),
            wording.address_lines(address),
            reference.format(),
        ),
        goal=f"send order {order.order_id} to another address",
        why=f"the customer wants it, and the order is {order.status}",
        actions=(drafting.act(case, params, order, "the customer gave a new address"),),
        courtesy=wording.THANKS,
    )


def address_named(case: Case, country: str) -> NewAddress:
    """Return the new address that the customer's messages plainly give."""
    return new_address([message.text for message in case.messages], country=country)


def address_unclear(case: Case) -> Proposal:
    """Ask for the one address that is meant; after a change was made a person sees to it."""
    if any(record.action.kind in _ADDRESS_KINDS for record in case.request.done):
        return drafting.escalate(
            case,
            "address_again",
            "An address was changed for this ticket, and the customer has more to say about it.",
            "Ask which address it shall be; the change can be taken back while the order waits.",
        )
    return drafting.question(
        case,
        wording.ADDRESS_UNCLEAR,
        goal="learn which address is meant",
        why="the customer's words name more than one address, or leave open which is meant",
    )


def same_place(one: Address, other: Address) -> bool:
    """Return whether two addresses differ by no more than how they are written."""

    def flat(address: Address) -> str:
        lines = (address.address1, address.address2, address.city, address.state, address.zip)
        return re.sub(r"[^a-z0-9]", "", " ".join(lines).casefold())

    return flat(one) == flat(other)


def _too_late_to_redirect(case: Case, order: OrderRecord) -> Proposal:
    rule = case.quote("cannot change address redirect parcel processed shipped", needs=4)
    if rule is None:
        return drafting.knowledge_gap(case, f"redirecting order {order.order_id}, {order.status}")
    return drafting.answer(
        case,
        (
            wording.TOO_LATE_TO_REDIRECT.format(
                order=wording.neutral(order.order_id), state=wording.order_state(order)
            ),
        ),
        goal="explain why the address cannot be changed",
        why=f"order {order.order_id} is {order.status}",
        quotes=(rule,),
        courtesy=wording.THANKS,
    )


# --- where it is ---------------------------------------------------------------------------------

_STATUS_TOPICS: Final = {
    "pending": "when order leaves pack ship business days tracking link",
    "processed": "where order track link shipping e-mail carrier first scan",
}
_LATE: Final = "parcel late arrived business days left search carrier"
_MISSING: Final = "delivered nothing mailbox porch neighbors turned up hours"


def order_status(case: Case) -> Proposal:
    """Tell where an order is; one that is overdue goes to a person."""
    choice = case.choose(_under_way)
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    if is_overdue(case, order):
        return lost(case, order)
    return _tell_status(case, order, _STATUS_TOPICS.get(order.status.split(" ")[0], ""))


def parcel(case: Case) -> Proposal:
    """Tell where a parcel is; one that is overdue or missing goes to a person."""
    choice = case.choose(_parcel_fits(case))
    if not choice.sure:
        return drafting.which_order(case, choice)
    order = choice.orders[0]
    undated = order.status == "processed" and order.placed_at is None
    if undated or is_overdue(case, order):
        return lost(case, order)
    if order.status != "delivered":
        return _tell_status(case, order, _LATE if order.status == "processed" else "")
    if order.delivered_at is None or case.now - order.delivered_at > SCANNED_EARLY:
        return drafting.escalate(
            case,
            "parcel_missing",
            f"Order {order.order_id} {wording.order_state(order)}, and the customer has nothing.",
            "Ask the carrier where the parcel was left.",
        )
    return _tell_status(case, order, _MISSING)


def is_overdue(case: Case, order: OrderRecord) -> bool:
    """Return whether an order that has left should have arrived; not where no date is known."""
    if order.status != "processed" or order.placed_at is None:
        return False
    return case.now - order.placed_at > LATE_AFTER


def _under_way(order: OrderRecord) -> bool:
    return order.status not in ("delivered", "cancelled")


def _parcel_fits(case: Case) -> Callable[[OrderRecord], bool]:
    """Return which orders a missing parcel could be of: those on their way, else the delivered."""
    some_left = any(order.status == "processed" for order in case.orders)
    wanted = "processed" if some_left else "delivered"
    return lambda order: order.status == wanted


def lost(case: Case, order: OrderRecord) -> Proposal:
    """Hand a parcel that should have arrived to a person."""
    placed = wording.day(order.placed_at) if order.placed_at else "a day that is not known"
    numbers = ", ".join(order.tracking_ids) or "none"
    return drafting.escalate(
        case,
        "parcel_lost",
        f"Order {order.order_id}, placed on {placed}, has left and has not arrived"
        f" (tracking: {numbers}).",
        "Ask the carrier to search for it; then send it again or refund it.",
    )


def _tell_status(case: Case, order: OrderRecord, topic: str) -> Proposal:
    said = wording.STATUS.format(
        order=wording.neutral(order.order_id),
        state=wording.order_state(order),
        items=wording.items_label(order.lines),
    )
    numbers = ", ".join(map(wording.neutral, order.tracking_ids))
    facts = (
        said,
        wording.PLACED.format(day=wording.day(order.placed_at)) if order.placed_at else "",
        wording.TRACKING.format(numbers=numbers) if numbers else "",
    )
    return drafting.answer(
        case,
        (" ".join(filter(None, facts)),),
        goal=f"tell where order {order.order_id} is",
        why="the order's record answers the question",
        quotes=(case.quote(topic, kinds=ARTICLES),),
        courtesy=wording.THANKS,
    )
