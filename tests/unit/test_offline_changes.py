"""Returns, exchanges, changed orders, the account: what the resolver makes of them."""

import pytest

from closeloop.actions.customers import UpdateCustomerAddress
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReturnItems
from closeloop.actions.orders import ModifyOrderAddress
from closeloop.models.ticket import Assurance
from tests.unit.offline_support import (
    Desk,
    Us,
    kind_of,
    plan,
    reason_of,
    refused,
    text_of,
    the_action,
)

# --- returns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "words", "order_id", "items", "method"),
    [
        (
            "nora_whitfield",
            "I want to return the mug of order #W1001",
            "#W1001",
            ("710101",),
            "credit_card_3101",
        ),
        (
            "yuki_tanabe",
            "Please return both mugs of #W1020",
            "#W1020",
            ("710103", "710103"),
            "credit_card_4301",
        ),
        (
            "yuki_tanabe",
            "I'd like to return the throw from #W1021",
            "#W1021",
            ("710301",),
            "credit_card_4301",
        ),
    ],
)
def test_a_return_of_what_is_named_is_taken_in(
    desk: Desk, who: str, words: str, order_id: str, items: tuple[str, ...], method: str
) -> None:
    proposal = plan(desk, "return_item", words, who=who)
    assert the_action(proposal) == ReturnItems(
        order_id=order_id, item_ids=items, payment_method_id=method
    )
    assert "{{1.summary}}" in text_of(proposal)


@pytest.mark.parametrize(
    ("who", "words", "phrase"),
    [
        ("nora_whitfield", "I want to return it", "#W1001"),
        ("leo_brandt", "I want to return my mug", "#W1015"),
        ("yuki_tanabe", "I want to return something of #W1021", "Linen Throw"),
        ("bea_norwood", "I want to return the mug of #W1001", "could not find"),
        ("yuki_tanabe", "I want to return all of #W1021 except the throw", "Which is it?"),
        ("yuki_tanabe", "I want to return the candles that came with the throw", "Which is it?"),
    ],
)
def test_a_return_is_asked_about_where_order_or_item_is_open(
    desk: Desk, who: str, words: str, phrase: str
) -> None:
    proposal = plan(desk, "return_item", words, who=who)
    assert kind_of(proposal) == "question"
    assert phrase in text_of(proposal)


def test_more_than_one_return_in_a_message_is_for_a_person(desk: Desk) -> None:
    words = "I want to return the mug of #W1030. I also want to return the speaker."
    assert reason_of(plan(desk, "return_item", words, who="wei_lindgren")) == "several_wishes"


def test_an_exception_is_not_what_is_refunded(desk: Desk) -> None:
    words = "Refund everything in #W1021 except the throw"
    proposal = plan(desk, "refund_request", words, who="yuki_tanabe")
    assert kind_of(proposal) == "question"


def test_a_yes_to_the_order_asked_about_is_enough(desk: Desk) -> None:
    asked = plan(desk, "return_item", "I want to return it", who="nora_whitfield")
    said = ("I want to return it", Us(text_of(asked)), "yes")
    assert isinstance(
        the_action(plan(desk, "return_item", *said, who="nora_whitfield")), ReturnItems
    )


@pytest.mark.parametrize(
    "words",
    [
        "How do I return the mug of #W1001?",
        "Do I have to pay postage for a return of #W1001?",
        "Where do I get the return label for #W1001?",
    ],
)
def test_a_question_about_returns_is_no_wish_for_one(desk: Desk, words: str) -> None:
    proposal = plan(desk, "return_item", words, who="nora_whitfield")
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        ("return_item", "I want to return the mug of #W1001"),
        ("exchange_item", "Please swap the mug of #W1001 for the moss one"),
        ("change_order_items", "Change #W1001 to moss"),
        ("change_payment_method", "Pay #W1001 by PayPal"),
        ("store_credit", "$5 store credit for #W1001"),
    ],
)
def test_what_changes_an_order_needs_more_certainty_about_who_writes(
    desk: Desk, intent: str, words: str
) -> None:
    proposal = desk.propose(desk.request(intent, words, who="nora_whitfield"))
    assert proposal.asks_identity
    assert "W1001" not in text_of(proposal)


def test_two_ways_of_paying_are_for_a_person(desk: Desk) -> None:
    proposal = plan(desk, "return_item", "I want to return the mug of #W1030", who="wei_lindgren")
    assert reason_of(proposal) == "split_payment"


def test_a_refused_return_is_explained_by_policy(desk: Desk) -> None:
    request = desk.request(
        "return_item",
        "I want to return the mug of #W1010",
        who="hugo_ferreira",
        assurance=Assurance.CONFIRMED,
        observations=[refused("return.window", "30 days are over.", "return_items")],
    )
    proposal = desk.propose(request)
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert "30 days" in text_of(proposal)


# --- other variants ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intent", "who", "words", "kind", "old", "new"),
    [
        (
            "exchange_item",
            "nora_whitfield",
            "Please swap the mug of #W1001 for the moss one",
            ExchangeItems,
            "710101",
            "710102",
        ),
        (
            "exchange_item",
            "nora_whitfield",
            "I want to exchange the oat mug for the 500 ml one",
            ExchangeItems,
            "710101",
            "710104",
        ),
        (
            "exchange_item",
            "dana_kowalski",
            "Please exchange the lamp of #W1016 for matte black with the linen shade",
            ModifyOrderItems,
            "710401",
            "710402",
        ),
        (
            "change_order_items",
            "dana_kowalski",
            "Please change #W1017 to the flax throw",
            ModifyOrderItems,
            "710302",
            "710301",
        ),
        (
            "change_order_items",
            "priya_raman",
            "Change the kettle of my order to matte black please",
            ModifyOrderItems,
            "710702",
            "710701",
        ),
        (
            "change_order_items",
            "nora_whitfield",
            "Change the mug of #W1001 to moss",
            ExchangeItems,
            "710101",
            "710102",
        ),
    ],
)
def test_another_variant_is_proposed_by_the_state_of_the_order(
    desk: Desk, intent: str, who: str, words: str, kind: type, old: str, new: str
) -> None:
    action = the_action(plan(desk, intent, words, who=who))
    assert isinstance(action, ExchangeItems | ModifyOrderItems)
    assert type(action) is kind
    assert (action.item_ids, action.new_item_ids) == ((old,), (new,))


@pytest.mark.parametrize(
    ("words", "phrase"),
    [
        ("Please exchange the mug of #W1001", "Which variant"),
        ("Please exchange the mug of #W1001 for a purple one", "Which variant"),
        ("Please exchange the mug of #W1001 for slate, 500 ml", "not in stock"),
        (
            "Please exchange the mug of #W1001 for a bigger one, moss",
            "Which variant",
        ),
        ("Please exchange the mug of #W1001 for moss or slate", "Which variant"),
    ],
)
def test_a_variant_that_is_not_plain_or_not_there_is_asked_for(
    desk: Desk, words: str, phrase: str
) -> None:
    proposal = plan(desk, "exchange_item", words, who="nora_whitfield")
    assert kind_of(proposal) == "question"
    assert phrase in text_of(proposal)


def test_an_order_that_left_cannot_be_changed_any_more(desk: Desk) -> None:
    for intent, words in (
        ("change_order_items", "Change #W1019 to charcoal"),
        ("change_payment_method", "Pay #W1019 by gift card"),
    ):
        proposal = plan(desk, intent, words, who="omar_haddad", about="changing an order shipped")
        assert kind_of(proposal) == "answer"
        assert proposal.actions == ()
        assert proposal.reply is not None
        assert proposal.reply.cites[0].startswith("order-changes")


# --- the account ---------------------------------------------------------------------------------


def test_the_address_of_the_account_is_not_that_of_an_order(desk: Desk) -> None:
    words = "Please change the address on my account to 88 Birch Avenue, Albany, NY 12207"
    account = the_action(plan(desk, "change_address", words, who="dana_kowalski"))
    assert isinstance(account, UpdateCustomerAddress)
    assert account.customer_id == "dana_kowalski"
    order = the_action(plan(desk, "change_address", f"{words}, and #W1016", who="dana_kowalski"))
    assert isinstance(order, ModifyOrderAddress)


@pytest.mark.parametrize(
    ("intent", "words", "reason"),
    [
        ("change_contact", "Please change my e-mail to nora@new.example", "contact_change"),
        ("account_access", "Somebody has hacked my account", "account_access"),
        ("account_access", "The code never arrives", "account_access"),
        ("account_data", "Please delete my account", "personal_data"),
        ("stop_subscription", "Stop my candle subscription", "subscription"),
    ],
)
@pytest.mark.parametrize("assurance", list(Assurance))
def test_what_no_action_does_goes_to_a_person_with_how_sure_it_is_who_writes(
    desk: Desk, intent: str, words: str, reason: str, assurance: Assurance
) -> None:
    request = desk.request(intent, words, who="nora_whitfield", assurance=assurance)
    proposal = desk.propose(request)
    assert reason_of(proposal) == reason
    assert proposal.escalation is not None
    assert f"who writes: {assurance.value}" in proposal.escalation.summary


@pytest.mark.parametrize(
    ("intent", "words", "article", "phrase"),
    [
        ("account_access", "I forgot my password", "privacy-and-account", "Forgot password"),
        ("change_contact", "How do I change my e-mail?", "privacy-and-account", "yourself"),
        ("account_data", "How do I delete my account?", "privacy-and-account", "delete"),
        ("stop_subscription", "Unsubscribe me from the newsletter", "privacy", "unsubscribe link"),
        ("discount_or_gift_card", "Do gift cards expire?", "gift-cards", "never expire"),
        ("discount_or_gift_card", "Can I use two discount codes?", "payment-methods", "One code"),
        ("change_order_items", "How do I change an order?", "order-changes", "pending"),
    ],
)
def test_questions_about_the_account_are_answered_from_articles(
    desk: Desk, intent: str, words: str, article: str, phrase: str
) -> None:
    proposal = plan(desk, intent, words, who="bea_norwood")
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert proposal.reply is not None
    assert proposal.reply.cites[0].startswith(article)
    assert phrase in text_of(proposal)


def test_a_code_that_no_article_speaks_of_is_for_a_person(desk: Desk) -> None:
    words = "Is there a discount for students?"
    proposal = plan(desk, "discount_or_gift_card", words, who="bea_norwood")
    assert reason_of(proposal) == "knowledge_gap"
