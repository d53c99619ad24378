"""What a reply may say: every claim of it has evidence, or it is named with the reason."""

from datetime import UTC, datetime, timedelta

import pytest

from closeloop.models.base import Money
from closeloop.models.grounding import Evidence, Grounding, ReplyToCheck
from closeloop.models.knowledge import Passage, SourceKind
from closeloop.models.proposal import CommitmentDraft
from closeloop.models.records import OrderLine, OrderRecord
from closeloop.policy.grounding import ground
from closeloop.policy.sources import Sources

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
ORDER = OrderRecord(
    order_id="#W1001",
    customer_id="nora",
    status="delivered",
    lines=(
        OrderLine(
            item_id="i1",
            product_id="p1",
            name="Stoneware Mug",
            price=Money(amount_minor=2490),
            options={"colour": "oat"},
        ),
    ),
    placed_at=datetime(2026, 3, 3, tzinfo=UTC),
    delivered_at=datetime(2026, 3, 8, tzinfo=UTC),
)


def passage(kind: SourceKind, text: str, passage_id: str = "a#1") -> Passage:
    return Passage(
        passage_id=passage_id,
        article_id="a",
        title="Refund policy",
        kind=kind,
        version="1",
        score=1,
        text=text,
    )


POLICY = passage(
    "policy",
    "You can ask for a refund until 30 days after delivery. Express delivery costs $12.00."
    " We always refund to the original payment method. Write to help@larkspur.example.",
)
PAST = passage(
    "past_ticket", "We gave $50.00 back after 90 days, as you are a loyal customer.", "t#1"
)


def check(
    text: str,
    *,
    passages: tuple[Passage, ...] = (POLICY, PAST),
    cites: tuple[str, ...] = (),
    promises: tuple[CommitmentDraft, ...] = (),
    asks: bool = False,
    by_person: bool = False,
    refunded: bool = False,
    pending: frozenset[str] = frozenset(),
    done: frozenset[str] = frozenset(),
) -> Grounding:
    reply = ReplyToCheck(
        text=text, cites=cites, commitments=promises, asks_customer=asks, by_person=by_person
    )
    sources = Sources(
        passages=passages,
        orders=(ORDER,),
        named=(ORDER,) if "#W1001" in text else (),
        amounts=frozenset([Money(amount_minor=2490)]),
        times=(NOW - timedelta(days=12), datetime(2026, 3, 3, tzinfo=UTC)),
        records=ORDER.model_dump_json(),
        customer="Please refund my mug, order #W9999, 87 cents",
        refunded=refunded,
        now=NOW,
        pending=pending,
        done=done,
    )
    return ground(reply, sources)


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("Order #W1001 was delivered on 8 March 2026.", Evidence.RECORD),
        ("You paid $24.90 for the Stoneware Mug of order #W1001.", Evidence.RECORD),
        ("Express delivery costs $12.00.", Evidence.POLICY),
        ("A refund is possible until 30 days after delivery.", Evidence.POLICY),
        ("We always refund to the original payment method.", Evidence.POLICY),
        ('The policy says: "We always refund to the original payment method."', Evidence.POLICY),
        ("It was delivered 12 days ago.", Evidence.RECORD),
        ("Please write to help@larkspur.example about your order.", Evidence.DOCUMENTED),
    ],
)
def test_what_has_evidence_is_grounded(text: str, evidence: Evidence) -> None:
    found = check(text)
    assert found.problems == ()
    assert evidence in found.evidence


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("You get $30.00 for it.", "amount"),
        ("You get a refund of $50.00.", "amount"),
        ("It was delivered on 9 March 2026.", "date"),
        ("You can ask for a refund until 90 days after delivery.", "period"),
        ("We take off 20 % for you.", "period"),
        ("Order #W1002 is here.", "order"),
        ("Order #W9999 was delivered.", "order"),
        ("Order #W1001 has not been sent yet.", "order"),
        ("We have refunded your order.", "effect"),
        ("Your order has been cancelled.", "effect"),
        ("Your refund is on its way.", "effect"),
        ("I've waived the shipping charge.", "effect"),
        ("A replacement was sent to you.", "effect"),
        ("We will call you tomorrow.", "promise"),
        ("Our team will look into your order.", "promise"),
        ("The number is 4711-88.", "reference"),
        ("Please send it to money@elsewhere.example.", "contact"),
        ("See https://elsewhere.example/refund for your order.", "contact"),
        ("Please send us your card number.", "secret"),
        ("The capital of France is Paris.", "off_topic"),
        ("How do you say it in Japanese?", "off_topic"),
    ],
)
def test_what_has_no_evidence_is_named(text: str, kind: str) -> None:
    assert kind in {problem.kind for problem in check(text).problems}


OWN_PROMISE = (
    CommitmentDraft(text="refund the mug, the money, a replacement, a voucher", due_in_hours=48),
)


@pytest.mark.parametrize(
    "text",
    [
        "We will refund your mug in full within 48 hours.",
        "You will receive a free replacement mug and a voucher within 48 hours.",
        "We will send you a replacement mug.",
        "Consider the mug from order #W1001 refunded.",
        "We are refunding the full price of order #W1001 to your card now.",
        "We hereby refund order #W1001 in full.",
        "We refund your mug from order #W1001 today.",
        "You owe us nothing for order #W1001 and the money goes back to your card.",
        "The money should arrive in your account shortly.",
        "The full price of order #W1001 will be returned to you.",
        "It will show up on your card within 48 hours.",
        "You are eligible for a full refund of order #W1001.",
        "You are eligible for a refund of order #W1001 until 30 days after delivery.",
        "You get half the price of the mug back.",
        "You can keep the mug without paying.",
        "We waive what is open.",
        "This one is on us.",
        "No worries, we are refunding it.",
        "We do not only refund the mug.",
        "After the review by our team we will refund your mug.",
        "Did you know? We are refunding it now.",
        "You get fifty dollars back.",
        "You do not have to pay for the mug.",
        "The mug is free to keep.",
        "We cover what it was.",
        "We will cancel order #W1001.",
        "Your order #W1001 will be cancelled within the hour.",
        "We\u2019ll exchange the mug.",
        "We\u2019re re\u200bfunding it.",
        "Your refund request is confirmed.",
        "Your refund request is taken care of.",
    ],
)
def test_no_words_give_money_or_goods_without_an_action_or_a_receipt(text: str) -> None:
    assert check(text, promises=OWN_PROMISE).problems != ()
    assert check(text, promises=OWN_PROMISE, cites=("a#1",)).problems != ()


@pytest.mark.parametrize(
    "text",
    [
        "We are cancelling order #W1001 now.",
        "Order #W1001 stands cancelled.",
        "Please regard order #W1001 as cancelled.",
        "We are updating the address of order #W1001.",
        "Your order #W1001 is being cancelled.",
    ],
)
def test_what_is_being_done_is_an_effect_as_well(text: str) -> None:
    assert "effect" in {problem.kind for problem in check(text).problems}


@pytest.mark.parametrize(
    "text",
    [
        "Would you like a refund or a replacement?",
        "If you want your money back, please answer with: refund.",
        "We cannot refund order #W1001.",
        "There is no refund for order #W1001 on record.",
        "You asked for a refund of order #W1001.",
        "A colleague decides about your refund.",
        "This is about your refund request.",
        "Feel free to answer here.",
        "Refunds end 30 days after delivery.",
    ],
)
def test_words_about_money_that_give_none_are_no_claim(text: str) -> None:
    assert check(text).problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "We have refunded {{1.amount}} for the mug.",
        "{{1.amount}} goes back to your card.",
        "We are refunding {{1.amount}} now.",
        "You will get the money back on your card.",
    ],
)
def test_what_an_action_brings_may_be_said(text: str) -> None:
    pending = frozenset({"refund_payment"})
    assert check(text, pending=pending, promises=OWN_PROMISE).problems == ()
    assert check(f"{text} You get a voucher as well.", pending=pending).problems != ()


@pytest.mark.parametrize("amount", ["50USD", "USD50", "50 USD", "50$", "$50", "50€"])
def test_an_amount_is_read_however_it_is_written(amount: str) -> None:
    found = {problem.kind for problem in check(f"Express delivery costs {amount}.").problems}
    assert found == {"amount"}


def test_our_own_promise_and_the_name_of_an_order_prove_nothing() -> None:
    look = CommitmentDraft(text="we will look into order", due_in_hours=48)
    said = check("We will look into order #W1001 within 48 hours.", promises=(look,))
    assert said.problems == ()
    assert said.on_nothing
    assert check("We will look into order #W1001 by 22 March.", promises=(look,)).on_nothing
    assert check("Order #W1001 is one of yours.").on_nothing


def test_one_word_in_common_is_not_what_policy_says() -> None:
    final = passage("policy", "Mugs are final sale. No refund is possible for a mug.")
    label = passage("policy", "Return parcels need the order number on the label.")
    allowed = passage("policy", "You may return an item within 30 days.")
    for rule in (final, label):
        assert check("You are eligible for a refund of a mug.", passages=(rule,)).problems != ()
    returning = "You may still return the Stoneware Mug of order #W1001."
    assert check(returning, passages=(label,)).problems != ()
    assert check(returning, passages=(allowed,)).problems == ()
    refused = "You are not eligible for a refund of a mug."
    assert Evidence.POLICY in check(refused, passages=(final,)).evidence


def test_a_past_ticket_lends_words_and_supports_nothing() -> None:
    past = passage("past_ticket", "Soak the stoneware kettle in undiluted bleach overnight.", "t#1")
    said = check(past.text, passages=(past,), cites=("t#1",))
    assert said.strongest is Evidence.NONE
    assert [problem.kind for problem in said.problems] == ["off_topic"]


def test_only_policy_says_what_a_customer_may_have() -> None:
    text = "You are eligible for a refund."
    assert check(text).problems == ()
    problems = check(text, passages=(PAST,)).problems
    assert [problem.kind for problem in problems] == ["eligibility"]


def test_a_passage_that_was_not_given_cannot_be_cited() -> None:
    text = "A refund goes to the original payment method."
    assert check(text, cites=("a#1",)).strongest is Evidence.POLICY
    assert [p.kind for p in check(text, cites=("b#1",)).problems] == ["citation"]


@pytest.mark.parametrize(
    ("text", "hours", "stands"),
    [
        ("We will call you tomorrow.", 24, True),
        ("We will call you tomorrow.", 72, False),
        ("We will call you at 3 pm.", 72, False),
        ("We will call you right away.", 72, False),
        ("We will call you.", 72, True),
    ],
)
def test_a_time_that_is_promised_needs_a_commitment_due_by_then(
    text: str, hours: float, stands: bool
) -> None:
    call = CommitmentDraft(text="call the customer", due_in_hours=hours)
    found = [p.kind for p in check(text, promises=(call,)).problems]
    assert ("promise" not in found) is stands


def test_a_promise_stands_with_a_commitment_that_says_it() -> None:
    call = CommitmentDraft(text="call the customer", due_in_hours=48)
    assert check("We will call you within 2 days.", promises=(call,)).problems == ()
    other = CommitmentDraft(text="send the label", due_in_hours=48)
    assert check("We will call you.", promises=(other,)).problems != ()
    assert check("If you answer with yes, we will cancel your order.").problems == ()


def test_an_effect_stands_with_an_action_and_its_amount_with_the_receipt() -> None:
    pending = frozenset({"refund_payment"})
    assert check("We have refunded {{1.amount}}.", pending=pending).problems == ()
    assert check("We have refunded $24.90.", pending=pending).problems != ()
    assert check("We have cancelled your order.", pending=pending).problems != ()
    assert check("We have refunded your order.", refunded=True).problems == ()


def test_a_placeholder_is_never_off_topic() -> None:
    pending = frozenset({"modify_order_items"})
    assert check("Done: {{1.summary}}.", pending=pending).problems == ()


def test_a_person_answers_for_their_words_but_for_effects_that_nobody_read_back() -> None:
    assert check("I will call you, and $99.00 is on the house.", by_person=True).problems == ()
    assert check("I have sent you a new one by hand.", by_person=True).problems == ()
    told = check("I have refunded your order.", by_person=True).problems
    assert [problem.kind for problem in told] == ["effect"]
    done = frozenset({"refund_payment"})
    assert check("I have refunded your order.", by_person=True, done=done).problems == ()


def test_an_answer_on_nothing_has_no_evidence_and_a_question_needs_none() -> None:
    assert check("Thank you for your patience.").on_nothing
    assert not check("Which order do you mean?", asks=True).on_nothing
    assert check("Thank you for your patience.", asks=True).on_nothing
    assert check("Which order?", asks=True, pending=frozenset({"add_crm_note"})).on_nothing
