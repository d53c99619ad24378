"""Which order the offline resolver thinks is meant, and what of it was refunded."""

from datetime import UTC, datetime

import pytest

from closeloop.models.base import Money
from closeloop.models.proposal import Action, ActionRecord, ActionState
from closeloop.models.records import OrderLine, OrderRecord, PaymentRecord, RefundRecord
from closeloop.offline import wording
from closeloop.offline.playbooks.matching import Choice, choose
from closeloop.offline.playbooks.money import account_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
NO_OPTIONS: dict[str, str] = {}
NO_PARTS: set[str] = set()
NO_REFUNDS: list[RefundRecord] = []

# --- which order ---------------------------------------------------------------------------------


def order(
    number: int, *lines: tuple[str, str, dict[str, str]], status: str = "delivered"
) -> OrderRecord:
    return OrderRecord(
        order_id=f"#W{number}",
        customer_id="c",
        status=status,
        lines=tuple(
            OrderLine(
                item_id=f"{name}-{variant}",
                product_id=name,
                name=name,
                price=Money(amount_minor=1000),
                options=options,
            )
            for name, variant, options in lines
        ),
    )


BLUE = order(1001, ("Water Bottle", "blue", {"color": "blue", "capacity": "500ml"}))
RED = order(1002, ("Water Bottle", "red", {"color": "red", "capacity": "750 ml"}))
DESK = order(
    1003, ("Desk Lamp", "led", {"brightness": "high"}), ("Pet Bed", "m", {"size": "medium"})
)
OWN = (DESK, RED, BLUE)


def chosen(*said: str, ours: str = "Which?", given: tuple[str, ...] = ()) -> Choice:
    messages: list[tuple[str, bool]] = []
    for text in said:
        messages += [(text, True), (ours, False)]
    return choose(OWN, given=given, messages=messages, fits=lambda o: o.status == "delivered")


@pytest.mark.parametrize(
    ("said", "order_id", "items"),
    [
        (("#W1002",), "#W1002", ()),
        (("the blue water bottle leaks",), "#W1001", ("Water Bottle-blue",)),
        (("the 750ml bottle",), "#W1002", ("Water Bottle-red",)),
        (("lamp and pet bed",), "#W1003", ("Desk Lamp-led", "Pet Bed-m")),
        (("my bottle leaks", "the red one"), "#W1002", ("Water Bottle-red",)),
        (("refund", "blue"), "#W1001", ("Water Bottle-blue",)),
        (("#W1001", "no, #W1003"), "#W1003", ()),
        (("#W1003", "the lamp"), "#W1003", ("Desk Lamp-led",)),
        (("the lamp broke", "it is #W1003"), "#W1003", ("Desk Lamp-led",)),
        (("my latest order",), "#W1003", ()),
    ],
)
def test_one_order_is_meant(said: tuple[str, ...], order_id: str, items: tuple[str, ...]) -> None:
    choice = chosen(*said)
    assert choice.sure
    assert choice.orders[0].order_id == order_id
    assert choice.items == items


@pytest.mark.parametrize(
    ("said", "ids"),
    [
        (("my bottle leaks",), {"#W1001", "#W1002"}),
        (("hello",), {"#W1001", "#W1002", "#W1003"}),
        (("the water thing",), {"#W1001", "#W1002"}),
        (("#W1003, the blue bottle",), {"#W1001", "#W1003"}),
    ],
)
def test_several_orders_could_be_meant(said: tuple[str, ...], ids: set[str]) -> None:
    choice = chosen(*said)
    assert not choice.sure
    assert {o.order_id for o in choice.orders} == ids


def test_a_number_that_is_not_theirs_is_foreign_until_they_name_another() -> None:
    assert chosen("#W5555").foreign
    assert chosen(given=("#W5555",)).foreign
    assert not chosen("#W5555", "sorry, the lamp").foreign
    assert chosen("#W5555", "hm?").foreign


def test_the_fuller_name_wins() -> None:
    action = order(1, ("Action Camera", "a", NO_OPTIONS))
    digital = order(2, ("Digital Camera", "d", NO_OPTIONS))
    for words, orders in (("my digital camera", (digital,)), ("my camera", (action, digital))):
        choice = choose((action, digital), given=(), messages=[(words, True)], fits=lambda o: True)
        assert choice.orders == orders


def test_a_yes_takes_the_one_order_that_was_asked_about() -> None:
    choice = chosen("bottle", "yes", ours="Is it #W1002?")
    assert (choice.sure, choice.orders) == (True, (RED,))
    assert not chosen("bottle", "yes", ours="Is it #W1001 or #W1002?").sure


def test_words_too_faint_confirm_but_do_not_choose() -> None:
    only = choose((BLUE,), given=(), messages=[("the water thing", True)], fits=lambda o: True)
    assert only.sure
    one = choose((BLUE, DESK), given=(), messages=[("the water thing", True)], fits=lambda o: True)
    assert (one.sure, one.orders) == (False, (BLUE,))


# --- money ---------------------------------------------------------------------------------------

TWO = order(1, ("Mug", "a", {}), ("Mug", "a", {}), ("Bowl", "b", {}))


def given_back(minor: int, key: str, status: str = "succeeded") -> RefundRecord:
    return RefundRecord.model_validate(
        {
            "refund_id": "re_1",
            "key": key,
            "order_id": "#W1",
            "amount": {"amount_minor": minor},
            "status": status,
            "created_at": AT,
        }
    )


@pytest.mark.parametrize(
    ("refunds", "parts", "left"),
    [
        (NO_REFUNDS, NO_PARTS, 3000),
        ([given_back(1000, "t:refund:#W1:item:Mug-a:2")], {"item:Mug-a:2"}, 2000),
        (
            [given_back(3000, "t:refund:#W1:all")],
            {"item:Mug-a:1", "item:Mug-a:2", "item:Bowl-b:1"},
            0,
        ),
        ([given_back(1000, "elsewhere")], {"item:Mug-a:1"}, 2000),
        ([given_back(1000, "other:refund:#W1:all")], {"item:Mug-a:1"}, 2000),
        ([given_back(555, "elsewhere")], NO_PARTS, 2445),
        ([given_back(1000, "elsewhere", "failed")], NO_PARTS, 3000),
        (
            [given_back(2000, "t:refund:#W1:item:Bowl-b:1+item:Mug-a:1")],
            {"item:Bowl-b:1", "item:Mug-a:1"},
            1000,
        ),
    ],
)
def test_an_account_knows_what_was_given_back(
    refunds: list[RefundRecord], parts: set[str], left: int
) -> None:
    paid = PaymentRecord(
        payment_id="p", order_id="#W1", method_id="card", amount=Money(amount_minor=3000)
    )
    account = account_of("t", TWO, [paid], refunds, [])
    assert (account.parts, account.left) == (parts, left)


def test_this_tickets_verified_refund_counts_and_an_unverified_one_does_not() -> None:
    action = Action(
        action_id="a",
        kind="refund_payment",
        params={"order_id": "#W1", "components": ["item:Mug-a:1"]},
    )
    for state, parts in (
        (ActionState.VERIFIED, {"item:Mug-a:1"}),
        (ActionState.FAILED, set[str]()),
    ):
        account = account_of("t", TWO, [], [], [ActionRecord(action=action, state=state)])
        assert account.parts == parts


# --- as customers read it ------------------------------------------------------------------------


def test_items_in_a_row() -> None:
    assert wording.items_label(TWO.lines) == "2 x Mug, Bowl"
    assert wording.in_a_row(["Mug", "gift wrap", "shipping"]) == "the Mug, gift wrap and shipping"
    many = order(2, *((f"Thing{n}", "x", NO_OPTIONS) for n in range(9)))
    assert wording.items_label(many.lines).endswith("and 3 more")


def test_an_unknown_status_is_said_as_it_is() -> None:
    assert wording.order_state(order(1, status="return requested")) == (
        'has the status "return requested"'
    )
    assert (
        wording.order_state(order(1, status="pending (item modified)")) == "has not been sent yet"
    )
