"""What the offline resolver writes to customers: every sentence of it, in one place.

Plain English, for somebody who is tired or cross: what happened, what is needed, what comes next.
Nothing here promises anything, and nothing is claimed but by a placeholder that a receipt fills.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from closeloop.models.base import clip
from closeloop.models.records import Address, OrderLine, OrderRecord, RefundRecord

SIGN_OFF: Final = "The support team"
MAX_NAME_CHARS: Final = 40
MAX_LABEL_CHARS: Final = 100
MAX_LISTED: Final = 6

THANKS: Final = "Thank you for writing to us."

# --- who is writing ------------------------------------------------------------------------------

NOT_IDENTIFIED: Final = (
    "Thank you for writing. To protect every account, we talk about orders and payments only with"
    " the person they belong to, and this message alone does not show us who that is.",
    "Please write to us from the e-mail address on the account, and name the order number from the"
    " confirmation e-mail.",
)
NOT_SURE_ENOUGH: Final = (
    "To protect your account, we can make this change only once it is"
    " confirmed that it is you who asks for it.",
)
NOT_ON_ACCOUNT: Final = (
    "We could not find that order on your account.",
    "Please check the number in your confirmation e-mail and send it to us. If the order was placed"
    " with another e-mail address, please write to us from that address.",
)

# --- what do you mean ----------------------------------------------------------------------------

WHICH_ORDER: Final = "We want to be sure that we look at the right order. Which of these is it?"
WHICH_ORDER_ANSWER: Final = "Please answer with the order number or the name of the item."
THIS_ORDER: Final = "We want to be sure that we look at the right order. Is it this one?"
THIS_ORDER_ANSWER: Final = "Please answer with yes, or with another order number."
WHICH_ITEM: Final = "We want to be sure that we have the right item of order {order}. Which is it?"
WHICH_ITEM_ANSWER: Final = "Please answer with the name of the item, or with: the whole order."
WHICH_REMEDY: Final = (
    "We are sorry about {item}.",
    "What would you like us to do? If you want your money back, please answer with: refund. If you"
    " would rather have a new one, please answer with: replacement.",
)
CONFIRM: Final = (
    "We want to be sure that we understand you. It is about this order:",
    "If you want us to go on, please answer with: {words}.",
)
TELL_US_MORE: Final = (
    "To go on we need to know a little more.",
    "Please tell us which item it is about, what is wrong with it and since when. If a photo can"
    " show it, please send one.",
)

# --- money ---------------------------------------------------------------------------------------

REFUNDED: Final = (
    "We have refunded {{{{1.amount}}}} for {what}."
    " The number of the refund is {{{{1.receipt_id}}}}."
)
SORRY_DAMAGED: Final = "We are sorry that it did not arrive as it should."
ALREADY_REFUNDED: Final = "We looked into order {order}. This has been refunded already:"
ALREADY_REFUNDED_LINE: Final = "- {amount}{day}, number {receipt}"
ALREADY_REFUNDED_PENDING: Final = "- {amount}{day}, number {receipt}; it is still on its way"
PART_OF_PRICE: Final = "part of the {full} for {what}"
NO_SECOND_REFUND: Final = "An item is refunded once, so we have not made another refund."
MORE_UNITS: Final = (
    "If you mean another one of the same item, please answer with: the other one, refund."
)
STILL_OPEN: Final = (
    "Your message asked for more than that, and it is not clear to us which order or item the rest"
    " is about. We have not done anything about it yet: please write to us what you want, with the"
    " order number and the name of the item."
)
NOT_SENT_YET: Final = (
    "Order {order} has not been sent yet, so there is nothing to return: we can cancel it instead.",
    "If you would like that, please answer with: cancel {order}.",
)
IN_HAND: Final = (
    "This is being dealt with already, under another message about the same thing. So that nothing"
    " happens twice, we have not started it a second time."
)

# --- payments ------------------------------------------------------------------------------------

EXTRA_REFUNDED: Final = (
    "You are right: more was taken for order {order} than it cost. We have refunded"
    " {{{{1.amount}}}}. The number of the refund is {{{{1.receipt_id}}}}."
)
ONE_PAYMENT: Final = (
    "We looked at our records for order {order}. They show {payments} of {paid} in all, which is"
    " what the order cost."
)
ONE_PAYMENT_ANSWER: Final = (
    "If your statement shows more than that, please send us the date and the amount of each charge,"
    " and whether it is still marked as pending. Never send a full card number."
)
TWIN_ORDERS: Final = "We found two orders with the same items:"
TWIN_PENDING: Final = (
    "Order {order} has not been sent yet."
    " If you do not want it, please answer with: cancel {order}."
)

# --- orders --------------------------------------------------------------------------------------

CANCELLED: Final = (
    "We have cancelled order {order}. {{{{1.amount}}}} goes back to how you paid."
    " The reference is {{{{1.receipt_id}}}}."
)
ALREADY_CANCELLED: Final = "Order {order} is cancelled already; there is nothing left to do."
WENT_BACK: Final = "This money went back:"
TOO_LATE_TO_CANCEL: Final = (
    "We are sorry: order {order} {state}, so it cannot be cancelled any more."
)
RETURN_INSTEAD: Final = (
    "If you would like to send it back instead, please answer with: return {order}."
)
RETURN_LATER: Final = (
    "If you would like to send it back once it has arrived, please answer then with:"
    " return {order}."
)
WHOLE_ORDER_ONLY: Final = (
    "We can cancel order {order} as a whole, but not a part of it. It holds:",
    "If you want the whole order cancelled, please answer with: cancel the whole order {order}.",
)
CAN_STILL_CANCEL: Final = (
    "Order {order} has not been sent yet, so it can still be cancelled as a whole.",
    "If you want that, please answer with: cancel {order}.",
)
ADDRESS_CHANGED: Final = (
    "We have changed the delivery address of order {order}. It now goes to:",
    "The reference is {{{{1.receipt_id}}}}.",
)
ADDRESS_SAME: Final = "Order {order} already goes to this address, so nothing had to be changed:"
ADDRESS_NEEDED: Final = (
    "We would like to change the delivery address of order {order}. Please send us the complete new"
    " address in this form:",
    "street and number, apartment, city, state ZIP (for example: 12 Oak Street, Apt 4, Boston,"
    " MA 02110)",
)
TOO_LATE_TO_REDIRECT: Final = (
    "We are sorry: order {order} {state}, so its delivery address cannot be changed any more."
)
STATUS: Final = "Order {order} {state}. It holds: {items}."
TRACKING: Final = "The tracking number is {numbers}."
PLACED: Final = "You placed it on {day}."

_STATES: Final = {
    "pending": "has not been sent yet",
    "processed": "has left our warehouse and is on its way",
    "delivered": "was delivered",
    "cancelled": "was cancelled",
}

# --- returns, exchanges, changes ----------------------------------------------------------------

AS_ASKED: Final = (
    "This is what you asked for, the {what}: {{{{1.summary}}}}. The reference is"
    " {{{{1.receipt_id}}}}."
)
WHICH_VARIANT: Final = (
    "Which variant would you like instead of the {item} of order {order}? Please answer with:"
    " exchange it for, and the color, size, finish or capacity."
)
VARIANT_NOT_IN_STOCK: Final = "We are sorry: the variant that you named is not in stock."
TOO_LATE_TO_CHANGE: Final = (
    "We are sorry: order {order} {state}, so what is in it and how it is paid stay as they are."
)
WHICH_METHOD: Final = (
    "How would you like to pay for order {order} instead? These are on file for you: {methods}.",
    "Please answer with: pay by, and the one that you choose.",
)
HOW_MUCH_BACK: Final = (
    "If you want part of the price of {what} back, please answer with: refund, and the amount."
)
ACCOUNT_ADDRESS: Final = (
    "As you asked: {{1.summary}}. It reads:",
    "The reference is {{1.receipt_id}}.",
)
ACCOUNT_ADDRESS_NEEDED: Final = (
    "We would like to change the address on your account. Please send us the complete new address"
    " in this form:",
    ADDRESS_NEEDED[1],
)
ACCOUNT_ADDRESS_SAME: Final = "Your account already has this address, so nothing had to be changed:"

# --- everything else -----------------------------------------------------------------------------

QUOTE: Final = 'This is what "{title}" says: "{text}"'
NO_REFUND: Final = (
    "We looked into order {order}, and we are sorry: it cannot be refunded the way you asked."
)
NO_CHANGE: Final = (
    "We looked into order {order}, and we are sorry: it cannot be changed the way you asked."
)
RULE: Final = "The rule is: {rule}"
SEE_IT_DIFFERENTLY: Final = (
    "If we got something wrong, or there is more to it, just answer this message and tell us."
)
CALL_BOOKED: Final = (
    "This is what you asked for: {{1.summary}}. One of our colleagues will call you then."
)
CALL_WHEN: Final = (
    "Please answer with one day and one time at which we may call you, such as Tuesday at 3 pm."
)
CALL_OTHER_TIME: Final = "If another time is better, please answer this message and say when."
CALL_OFF: Final = "As you asked: {{1.summary}}."
ANSWER_FOUND: Final = "Thank you for your question."
SORRY_LET_DOWN: Final = (
    "Thank you for telling us so openly. We are sorry that you had this experience with us."
)
COMPLAINT: Final = "Your words are on record with our team under {{1.receipt_id}}."


def letter(name: str | None, paragraphs: Sequence[str]) -> str:
    """Return a letter with greeting and sign-off; without a name the greeting is a plain hello."""
    first = neutral(name or "", MAX_NAME_CHARS)
    greeting = f"Hello {first}," if first else "Hello,"
    body = [part for part in paragraphs if part]
    return "\n\n".join([greeting, *body, SIGN_OFF])


def body(text: str) -> tuple[str, ...]:
    """Return the paragraphs of a letter without greeting and sign-off."""
    return tuple(text.split("\n\n")[1:-1])


def neutral(text: str, limit: int = MAX_LABEL_CHARS) -> str:
    """Return foreign text on one line, bounded, without anything that a placeholder is made of."""
    return clip(" ".join(text.replace("{", "(").replace("}", ")").split()), limit)


def item_label(line: OrderLine) -> str:
    """Return an item as customers know it: ``Stoneware Mug (oat, 350 ml)``."""
    options = ", ".join(line.options.values())
    return neutral(f"{line.name} ({options})" if options else line.name)


def address_lines(address: Address) -> str:
    """Return an address as it stands on a parcel."""
    lines = (address.address1, address.address2, f"{address.city}, {address.state} {address.zip}")
    return "\n".join(neutral(line) for line in lines if line)


def in_a_row(names: Sequence[str]) -> str:
    """Return names in a sentence: ``the Linen Throw, gift wrap and shipping``."""
    *first, last = names
    row = " and ".join([", ".join(first), last]) if first else last
    return row if row[:1].isdigit() else f"the {row}"


def items_label(lines: Sequence[OrderLine]) -> str:
    """Return items in a row, equal ones counted: ``2 x Stoneware Mug (slate), Soy Candle``."""
    counts: dict[str, int] = {}
    for line in lines:
        label = item_label(line)
        counts[label] = counts.get(label, 0) + 1
    shown = [f"{n} x {label}" if n > 1 else label for label, n in counts.items()]
    more = len(shown) - MAX_LISTED
    return ", ".join(shown[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def order_line(order: OrderRecord) -> str:
    """Return an order as one line of a list: number, items, day."""
    placed = f", placed on {day(order.placed_at)}" if order.placed_at else ""
    return f"- {neutral(order.order_id)}: {items_label(order.lines)}{placed}"


def order_state(order: OrderRecord) -> str:
    """Return what an order's status means, as the end of a sentence."""
    status = order.status.split(" ", 1)[0]
    if status == "delivered" and order.delivered_at is not None:
        return f"was delivered on {day(order.delivered_at)}"
    return _STATES.get(status, f'has the status "{neutral(order.status)}"')


def refunded_on(refund: RefundRecord) -> str:
    """Return " on" and the day of a refund, or nothing where the records do not say."""
    return f" on {day(refund.created_at)}" if refund.date_known else ""


def day(time: datetime) -> str:
    """Return a day as people write it: ``3 March 2026``."""
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}"


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
