"""What a person of the desk may write: whose data, which way of payment, which promises."""

from datetime import UTC, datetime, timedelta

import pytest

from closeloop.models.base import Money
from closeloop.models.grounding import ReplyToCheck
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import CommitmentDraft
from closeloop.models.records import CustomerRecord, OrderLine, OrderRecord
from closeloop.policy.grounding import ground
from closeloop.policy.sources import Sources
from closeloop.policy.written import name_pairs

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
SAMUEL = CustomerRecord(
    customer_id="samuel_okoro",
    first_name="Samuel",
    last_name="Okoro",
    email="samuel@example.com",
)
ORDER = OrderRecord(
    order_id="#W1005",
    customer_id="samuel_okoro",
    status="delivered",
    lines=(
        OrderLine(item_id="7105", product_id="71", name="Speaker", price=Money(amount_minor=13900)),
    ),
    placed_at=NOW - timedelta(days=12),
)
ARTICLE = Passage(
    passage_id="refunds#1",
    title="Refunds",
    text="A refund is on your card within 5 days. Write to help@shop.example.",
    kind="policy",
    score=1.0,
    article_id="refunds",
    version="1",
)


def said(
    text: str,
    *,
    edited: bool = True,
    promises: tuple[CommitmentDraft, ...] = (),
    pending: frozenset[str] = frozenset({"refund_payment"}),
    records: str = f"{SAMUEL.model_dump_json()} {ORDER.model_dump_json()} credit_card",
) -> list[str]:
    reply = ReplyToCheck(text=text, by_person=True, edited=edited, commitments=promises)
    sources = Sources(
        passages=(ARTICLE,),
        orders=(ORDER,),
        records=records,
        customer="The speaker is dead, says my friend Rosa Lind. My other order is #W1040.",
        own="h28 samuel@work.example",
        desk="bob@desk.example",
        strangers=frozenset({"theo marchetti", "rosa lind"}),
        pending=pending,
        now=NOW,
    )
    return [problem.kind for problem in ground(reply, sources).problems]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("It is like order #W111002.", ["order"]),
        ("We looked at W1002 as well.", ["order"]),
        ("We looked at order number 1002 as well.", ["order"]),
        ("See ticket h29 for the rest.", ["reference"]),
        ("See request number 4711 for the rest.", ["reference"]),
        ("Please ask theo.m@example.com about it.", ["contact"]),
        ("The same happened to Theo Marchetti.", ["person"]),
        ("The same happened to Theo Marchetti's lamp.", ["person"]),
        ("You are like our customer Wilma.", ["person"]),
        ("Hello Theo,\n\nall is well.", ["person"]),
        ("Dear Theo, all is well.", ["person"]),
        ("You were refunded by bank transfer.", ["effect"]),
        ("The money goes to your bank account.", ["effect"]),
        ("We have refunded {{1.amount}} to your PayPal.", ["effect"]),
        ("It goes back as a gift card: the refund is done.", ["effect"]),
    ],
)
def test_what_is_not_this_customers_is_refused(text: str, kinds: list[str]) -> None:
    assert said(text) == kinds
    assert said(text, edited=False) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "Hello Samuel,\n\nwe have refunded {{1.amount}} for order #W1005.\n\nBob Hartmann",
        "Hi Sam, ticket h28 is done: {{1.amount}} are on their way.",
        "Hi there, we looked at W1005, and at #W1040, which is not on your account.",
        "Dear Mr Okoro, sorry for that! We wrote to samuel@work.example.",
        "Please write to help@shop.example, or to bob@desk.example.",
        "Your friend Rosa Lind was right. Kind Regards, Carol",
        "Your parcel JD014600 is on record with the courier.",
        "We have refunded {{1.amount}} to your credit card.",
        "We cannot refund in cash. Would you like the money by bank transfer?",
        "Customer Service is glad to help. Our warranty covers two years.",
    ],
)
def test_what_is_theirs_or_the_desks_may_be_said(text: str) -> None:
    assert said(text) == []


def test_of_who_is_not_known_no_greeting_is_wrong() -> None:
    assert said("Hello Theo,\n\nall is well.", records="") == []


@pytest.mark.parametrize(
    "text",
    [
        "Carol will ring you at five today.",
        "I will call you.",
        "A colleague calls you this afternoon.",
        "Expect our call at five.",
        "I'm going to phone you on Monday.",
        "We'll get back to you shortly.",
        "The courier collects it tomorrow.",
        "It will arrive on Friday.",
        "You will hear from us by noon.",
        "You will have it back in two hours.",
        "Bob will see to it at half past three.",
        "We will send it on 8 March.",
        "The refund will be on your card within 3 days.",
    ],
)
def test_a_promise_of_a_time_or_a_call_is_not_typed_by_hand(text: str) -> None:
    assert said(text) == ["promise"]
    assert said(text, edited=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "I will look into it.",
        "We called you yesterday and could not reach you.",
        "We have refunded {{1.amount}}; call me if anything is odd.",
        "Please call us if anything is odd.",
        "Shall we call you tomorrow?",
        "If you want us to call you, just say so.",
        "Once you have sent it back, we will refund it within 3 days.",
        "As agreed in our call, you keep both. Thank you for the call today.",
        "Please send the photo by Friday.",
        "Have a nice day tomorrow.",
        "Sorry, we will not call you.",
        "I looked at it today.",
        "{{1.amount}} will be on your card within 5 days.",
    ],
)
def test_no_such_promise_is_read_into_other_words(text: str) -> None:
    assert said(text) == []


def test_a_promise_that_the_draft_typed_may_stay() -> None:
    reply = CommitmentDraft(text="answer about the speaker", due_in_hours=5)
    text = "We will answer about the speaker by tomorrow."
    assert said(text) == ["promise"]
    assert said(text, promises=(reply,)) == []
    late = reply.model_copy(update={"due_in_hours": 100})
    assert said(text, promises=(late,)) == ["promise"]
    assert said("I will call you at five.", pending=frozenset({"schedule_callback"})) == []


def test_names_are_neighbouring_words_with_capitals() -> None:
    text = "Our Theo Marchetti's lamp, Bob and Émile de Zola-Rey"
    assert name_pairs(text) == (("Our", "Theo"), ("Theo", "Marchetti"))
    assert (
        len(name_pairs(" ".join(f"Aa Bb{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(90))))
        == 60
    )
