"""What a reply may say: every claim of it has evidence, or it is named with the reason."""

from datetime import UTC, datetime, timedelta

import pytest

from closeloop.models.base import Money
from closeloop.models.grounding import Evidence, Grounding, ReplyToCheck
from closeloop.models.knowledge import Passage, SourceKind
from closeloop.models.proposal import CommitmentDraft
from closeloop.models.records import OrderLine, OrderRecord
from closeloop.policy.grounding import Sources, ground

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
