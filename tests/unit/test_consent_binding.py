"""A yes counts for the effect that it was given to, and for no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from closeloop.actions.base import ActionKind
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.actions.refunds import RefundPayment
from closeloop.models.base import Money
from closeloop.models.policy import Ruling
from closeloop.models.records import Address, OrderLine, OrderRecord
from closeloop.models.ticket import Assurance
from closeloop.policy.binding import effect_digest
from tests.unit.policy_support import judged, refund_facts

MONEY = st.integers(1, 5_000)


def order(order_id: str, prices: tuple[int, ...]) -> OrderRecord:
    return OrderRecord(
        order_id=order_id,
        customer_id="ann",
        status="delivered",
        lines=tuple(
            OrderLine(
                item_id=str(n), product_id="p", name=f"Thing {n}", price=Money(amount_minor=price)
            )
            for n, price in enumerate(prices)
        ),
    )


ORDERS = st.builds(
    order, st.sampled_from(["#W1", "#W2"]), st.lists(MONEY, min_size=1, max_size=3).map(tuple)
)
PLACES = st.builds(
    Address,
    address1=st.sampled_from(["1 Oak St", "2 Oak St"]),
    city=st.just("Leeds"),
    zip=st.just("LS1"),
    country=st.just("UK"),
)


@st.composite
def effects(draw: st.DrawFn) -> tuple[ActionKind, OrderRecord]:
    record = draw(ORDERS)
    parts = [part.component_id for part in record.components()]
    kind = draw(st.sampled_from(["refund", "part", "cancel", "address"]))
    match kind:
        case "refund":
            return RefundPayment(order_id=record.order_id), record
        case "part":
            minor = draw(st.integers(1, record.components()[0].price.amount_minor))
            names = (parts[0],)
            return (
                RefundPayment(order_id=record.order_id, components=names, amount_minor=minor),
                record,
            )
        case "cancel":
            return CancelOrder(order_id=record.order_id), record
        case _:
            return ModifyOrderAddress(order_id=record.order_id, address=draw(PLACES)), record


@given(one=effects(), other=effects())
def test_a_yes_is_to_one_effect_at_one_price(
    one: tuple[ActionKind, OrderRecord], other: tuple[ActionKind, OrderRecord]
) -> None:
    (mine, mine_on), (theirs, theirs_on) = one, other
    mine_effect, theirs_effect = mine.effect("T", mine_on), theirs.effect("T", theirs_on)
    same = type(mine) is type(theirs) and mine == theirs
    same = same and mine_effect.amount == theirs_effect.amount
    same = same and mine_effect.effect_id == theirs_effect.effect_id
    digests = (effect_digest(mine, mine_effect), effect_digest(theirs, theirs_effect))
    assert (digests[0] == digests[1]) is same


@given(what=effects())
def test_what_a_customer_is_asked_about_names_order_and_amount(
    what: tuple[ActionKind, OrderRecord],
) -> None:
    action, record = what
    amount = action.effect("T", record).amount
    if isinstance(action, CancelOrder):
        amount = record.total()
    words = action.in_words(record, amount)
    assert record.order_id in words
    assert amount is None or str(amount) in words
    assert action.in_words(None, amount) == ""


@given(target=st.booleans(), remedy=st.booleans(), said=st.booleans())
def test_a_yes_is_as_good_as_words_that_name_it(target: bool, remedy: bool, said: bool) -> None:
    action = refund_facts(names_target=target, names_remedy=remedy, consent="m-1" if said else None)
    found = judged(action)
    named = said or (target and remedy)
    assert (found.ruling is Ruling.ALLOW) is named
    assert found.lacks_consent == (() if named else (action.action_id,))


def test_nobody_is_asked_for_a_yes_to_what_is_refused_or_for_people() -> None:
    unnamed = refund_facts(names_remedy=False)
    assert judged(unnamed, confidence=0.2).lacks_consent == ()
    assert judged(unnamed, injection_suspected=True).lacks_consent == ()
    assert judged(unnamed, assurance=Assurance.NONE).lacks_consent == ()


def test_only_what_we_are_not_sure_enough_for_needs_us_surer() -> None:
    stranger = judged(refund_facts(), assurance=Assurance.NONE)
    assert stranger.needs_assurance is Assurance.CHANNEL_VERIFIED
    assert judged(refund_facts()).needs_assurance is None
