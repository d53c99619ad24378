"""No address but the one that is plainly the new one; no more of an order than was asked for."""

import pytest

from closeloop.actions.catalogue import parse
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress
from closeloop.actions.refunds import RefundPayment
from closeloop.models.base import Money
from closeloop.models.proposal import ActionRecord
from closeloop.models.records import Address, OrderLine, OrderRecord
from closeloop.offline import wording
from closeloop.policy.consent import names_target, own_words
from closeloop.policy.extent import says_numbers
from tests.unit.offline_support import Desk, Us, kind_of, plan, reason_of, text_of, the_action

# --- which address -------------------------------------------------------------------------------

HILL = "12 Hill Road, Austin, TX 78701"
ELM = "5 Elm Street, Boston, MA 02110"
ASKED = Us("\n\n".join(wording.ADDRESS_NEEDED).format(order="#W1016"))


@pytest.mark.parametrize(
    "said",
    [
        (f"Change address of #W1016 from {ELM} to {HILL}, thanks. Invoice still goes to {ELM}",),
        ("Change the address of #W1016", ASKED, f"To {HILL}. My old address {ELM} is wrong now."),
        (f"I moved from {HILL}, please update order #W1016. New address follows.",),
        (f"I've moved out of {HILL}. Please change #W1016 to the one on my account",),
        (f"Can #W1016 be delivered to {HILL} or to {ELM}, what is faster?",),
        (f"Send #W1016 to {HILL}. No wait, better to my old address as it was.",),
        (f"Send #W1016 to {HILL}.", "No wait, better to my old address as it was."),
        (f"Send #W1016 to {HILL}. Not {ELM}.",),
        (f"Please don't send #W1016 to {HILL}",),
        (f"Order #W1016 is going to {HILL}, please change the address",),
        (f"Please ship #W1016 to {HILL}. The bill goes to my office at 3 Office Park, Denver",),
        (f"Send #W1016 to {HILL} or 5 Elm Street",),
        (f"The wrong address is {HILL}, change #W1016 please",),
        (f"{HILL} is no longer valid, change the address of #W1016",),
        (f"Send #W1016 to {HILL}. Same address as before. Actually leave it.",),
    ],
)
def test_an_address_in_doubt_is_asked_about(desk: Desk, said: tuple[str | Us, ...]) -> None:
    proposal = plan(desk, "change_address", *said, who="dana_kowalski")
    assert proposal.actions == ()
    assert kind_of(proposal) == "question"
    assert "not certain which address" in text_of(proposal)


@pytest.mark.parametrize(
    "said",
    [
        (
            f"What would it cost to ship #W1016 to {HILL}? Do you deliver there?",
            f"From {HILL} then",
        ),
        (f"Would it be faster if #W1016 was shipped to {HILL}?",),
    ],
)
def test_a_question_about_an_address_is_no_wish(desk: Desk, said: tuple[str, ...]) -> None:
    proposal = plan(desk, "change_address", *said, who="dana_kowalski")
    assert (proposal.actions, kind_of(proposal)) == ((), "question")


@pytest.mark.parametrize(
    "said",
    [
        (f"Please send #W1016 to {HILL}",),
        (f"Hi! I gave the wrong address. Please send #W1016 to {HILL} instead, thanks!",),
        (f"I have moved. Could you ship #W1016 to {HILL}? It has not been shipped yet.",),
        (f"I moved to {HILL}, please update #W1016.",),
        (f"Please change the address of #W1016 from {ELM} to {HILL}.",),
        (f"#W1016 should not go to {ELM}, thanks", Us("?"), HILL),
        (f"My new address for #W1016:\n{HILL}\nMany thanks\nDana",),
        (f"New address for #W1016 is as follows: {HILL}",),
        (f"Not {ELM} but {HILL} please, order #W1016",),
        (f"Change #W1016 to {ELM} or {HILL}", Us("?"), f"{HILL}"),
        (f"I won't be at home. Please deliver #W1016 to my sister's flat, {HILL}",),
    ],
)
def test_a_plain_new_address_is_taken(desk: Desk, said: tuple[str | Us, ...]) -> None:
    params = the_action(plan(desk, "change_address", *said, who="dana_kowalski"))
    assert isinstance(params, ModifyOrderAddress)
    assert params.address.in_a_line().startswith("12 Hill Road, Austin")


# --- how much of an order ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("I want to cancel the candle of #W1032, keep the cable.", "question"),
        ("Please cancel the candle of #W1032", "question"),
        ("Please cancel #W1032 but keep the cable", "question"),
        ("Please cancel everything in #W1032 except the cable", "question"),
        ("Please cancel the gift wrap for #W1032", "something_else_cancelled"),
        ("Please cancel the return pick-up for order #W1032", "something_else_cancelled"),
        ("Please cancel the express delivery on #W1032", "something_else_cancelled"),
    ],
)
def test_less_than_the_order_is_not_cancelled(desk: Desk, words: str, what: str) -> None:
    proposal = plan(desk, "cancel_order", words, who="tomas_vega")
    assert proposal.actions == ()
    assert what in (kind_of(proposal), reason_of(proposal) if proposal.escalation else "")


@pytest.mark.parametrize(
    "said",
    [
        ("Cancel #W1032",),
        ("Please cancel my order #W1032 right away, I ordered by mistake.",),
        ("Can you please cancel the whole order #W1032? Thanks",),
        ("I'd like to cancel the candle and the cable, order #W1032",),
        ("Cancel it please. It is #W1032",),
        ("I would like the cancellation of my pending order #W1032",),
        ("Cancel the candle of #W1032", Us("?"), "cancel the whole order #W1032"),
        ("please cancel this order, #W1032",),
        ("cancel for me the order W1032 as soon as you can",),
    ],
)
def test_a_plain_cancellation_is_planned_and_names_its_target(
    desk: Desk, said: tuple[str | Us, ...]
) -> None:
    params = the_action(plan(desk, "cancel_order", *said, who="tomas_vega"))
    assert isinstance(params, CancelOrder)
    theirs = [text for text in said if isinstance(text, str) and not isinstance(text, Us)]
    assert names_target(theirs, basket("#W1032", "Soy Candle", "Braided Cable"), (), ())


@pytest.mark.parametrize(
    "words",
    [
        "Refund order #W1030, the mug is fine though, only the candle smells awful",
        "The candle of #W1030 smells awful. The mug is lovely. Money back please.",
        "Refund the candle of #W1030 please, I love the mug.",
        "Refund order #W1030 but I keep the mug. The candle smells.",
    ],
)
def test_what_is_praised_is_not_refunded(desk: Desk, words: str) -> None:
    proposal = plan(desk, "refund_request", words, who="wei_lindgren")
    mug = basket("#W1030", "Soy Candle", "Stoneware Mug")
    everything = tuple(part.component_id for part in mug.components())
    assert not names_target([words], mug, everything, ())
    for action in proposal.actions:
        params = parse(action)
        assert isinstance(params, RefundPayment)
        assert len(params.components) == 1
    assert proposal.actions or kind_of(proposal) == "question"


def basket(order_id: str, *names: str) -> OrderRecord:
    return OrderRecord(
        order_id=order_id,
        customer_id="c",
        status="pending",
        lines=tuple(
            OrderLine(item_id=name, product_id=name, name=name, price=Money(amount_minor=900))
            for name in names
        ),
    )


@pytest.mark.parametrize(
    ("words", "components", "named"),
    [
        ("cancel the candle of #W1", (), False),
        ("cancel #W1, keep the mug", (), False),
        ("cancel the gift wrap for #W1", (), False),
        ("cancel the return pick-up of order #W1", (), False),
        ("cancel order #W1 please", (), True),
        ("cancel the candle and the mug of #W1", (), True),
        ("refund #W1. The mug is fine, the candle is broken", ("item:Soy Candle:1",), True),
        ("refund #W1. The mug is fine, the candle is broken", ("item:Stoneware Mug:1",), False),
        ("The mug of #W1 is not good, refund it", ("item:Stoneware Mug:1",), True),
        ("I'd like the mug of #W1 refunded", ("item:Stoneware Mug:1",), True),
        ("refund everything of #W1 except the mug", ("item:Stoneware Mug:1",), False),
    ],
)
def test_what_the_words_name(words: str, components: tuple[str, ...], named: bool) -> None:
    order = basket("#W1", "Soy Candle", "Stoneware Mug")
    assert names_target([words], order, components, ()) is named


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (f"Send it to {HILL}", True),
        ("Send it to 12 Hill Road, Austin", False),
        ("Send it to the address on my account", False),
        (f"> {HILL}\nthere please", False),
    ],
)
def test_an_address_is_only_asked_for_in_the_customers_own_numbers(words: str, said: bool) -> None:
    address = Address(
        address1="12 Hill Road", city="Austin", state="TX", zip="78701-1234", country="USA"
    )
    params = ModifyOrderAddress(order_id="#W1016", address=address)
    assert says_numbers([own_words(words)], params.own_numbers) is said


def test_the_message_with_the_address_is_one_that_asked(desk: Desk) -> None:
    said = ("Please change the address of #W1016", HILL)
    (action,) = plan(desk, "change_address", *said, who="dana_kowalski").actions
    assert action.requested_by == ("m1", "m2")


def test_a_change_that_is_taken_back_is_for_a_person(desk: Desk) -> None:
    said = f"Please send #W1016 to {HILL}"
    first = desk.request("change_address", said, who="dana_kowalski", assurance="confirmed")
    (action,) = desk.propose(first).actions
    told = Us("We have changed the delivery address of order #W1016.")
    words = "Hm, please undo that, back to how it was"
    request = desk.request(
        "change_address",
        *(said, told, words),
        who="dana_kowalski",
        assurance="confirmed",
        done=[ActionRecord(action=action)],
    )
    assert reason_of(desk.propose(request)) == "address_again"


# --- what no article resolves --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "words", "reason"),
    [
        ("invoice_copy", "Please send me the invoice for #W1016", "invoice_wanted"),
        ("stop_subscription", "Unsubscribe me from the coffee subscription", "subscription"),
        (
            "change_address",
            "What address do you have on file for me? And which orders do I have?",
            "on_file_question",
        ),
    ],
)
def test_what_an_article_would_not_resolve_is_for_a_person(
    desk: Desk, intent: str, words: str, reason: str
) -> None:
    assert reason_of(plan(desk, intent, words, who="dana_kowalski")) == reason


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        ("invoice_copy", "How do I get the invoice for #W1016?"),
        ("invoice_copy", "I need an invoice"),
        ("stop_subscription", "Unsubscribe me from the newsletter"),
        ("stop_subscription", "Please end my e-mail subscription"),
    ],
)
def test_what_an_article_resolves_is_answered(desk: Desk, intent: str, words: str) -> None:
    assert kind_of(plan(desk, intent, words, who="dana_kowalski")) == "answer"
