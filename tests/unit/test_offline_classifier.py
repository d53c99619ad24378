"""The offline classifier, on words it was not trained with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from closeloop.models.base import Money
from closeloop.models.triage import OTHER_INTENT, Classification, ClassifyRequest
from closeloop.offline.classifier import OfflineClassifier
from closeloop.offline.taxonomy import Taxonomy
from tests.unit.offline_support import ask

ROOT = Path(__file__).parents[2]
HELD_OUT: dict[str, list[str]] = json.loads(
    (ROOT / "evals/heldout_utterances.json").read_text(encoding="utf-8")
)
WANTED_ACCURACY = 0.85


# --- intents ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def readings(classifier: OfflineClassifier) -> list[tuple[str, str, Classification]]:
    """Intent, text and reading of every held-out sentence."""
    return [(i, text, ask(classifier, text)) for i, texts in HELD_OUT.items() for text in texts]


def test_unseen_wording_is_understood(readings: list[tuple[str, str, Classification]]) -> None:
    right = Counter(intent for intent, _, read in readings if read.intent == intent)
    accuracy = right.total() / len(readings)
    report = [f"accuracy {accuracy:.3f} ({right.total()} of {len(readings)})"]
    report += [f"{i:24} {right[i]:2} of {len(texts)}" for i, texts in HELD_OUT.items()]
    report += [f"{i} read as {r.intent}: {text}" for i, text, r in readings if r.intent != i]
    assert accuracy >= WANTED_ACCURACY, "\n".join(report)


def test_no_held_out_sentence_is_a_training_example(taxonomy: Taxonomy) -> None:
    examples = {" ".join(e.lower().split()) for i in taxonomy.intents for e in i.examples}
    held_out = {" ".join(t.lower().split()) for texts in HELD_OUT.values() for t in texts}
    assert not examples & held_out
    assert set(HELD_OUT) == {intent.id for intent in taxonomy.intents}
    assert min(map(len, HELD_OUT.values())) >= 5


def test_high_confidence_is_earned(readings: list[tuple[str, str, Classification]]) -> None:
    sure = [read.intent == intent for intent, _, read in readings if read.confidence >= 0.9]
    unsure = [read.intent == intent for intent, _, read in readings if read.confidence < 0.9]
    assert sum(sure) / len(sure) >= 0.93
    assert sum(sure) / len(sure) > sum(unsure) / len(unsure)


def test_the_alternatives_are_the_next_likely_readings(classifier: OfflineClassifier) -> None:
    read = ask(classifier, "The vase broke on the way here, I want my money back")
    assert len(read.alternatives) == 3
    probabilities = [alternative.probability for alternative in read.alternatives]
    assert probabilities == sorted(probabilities, reverse=True)
    assert read.intent not in {alternative.intent for alternative in read.alternatives}
    assert {read.intent, read.alternatives[0].intent} == {
        "refund_request",
        "damaged_or_wrong_item",
    }
    assert read.why.startswith("closest to the example ")


# --- conversations ----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["#W1002", "W1002 please", "the blue one", "yes", "It's black."])
def test_a_short_answer_keeps_the_intent(classifier: OfflineClassifier, answer: str) -> None:
    read = ask(classifier, "I'd like to call off my order of the mug", answer)
    assert read.intent == "cancel_order"


@pytest.mark.parametrize(
    ("first", "then", "intent"),
    [
        ("Where is my order #W1050?", "Please just cancel it, I can't wait", "cancel_order"),
        ("Is the lamp dimmable?", "ok. different topic: I was charged twice", "double_charge"),
        ("I want to return the throw", "Actually could I swap it for indigo?", "exchange_item"),
        ("My parcel is a week late", "refund me then", "refund_request"),
    ],
)
def test_a_new_wish_in_the_latest_message_wins(
    classifier: OfflineClassifier, first: str, then: str, intent: str
) -> None:
    assert ask(classifier, first, then).intent == intent


@pytest.mark.parametrize(
    ("answer", "intent"),
    [
        ("It is the oat one that I bought for my mother, with the two candles", "refund_request"),
        ("I paid with PayPal", "refund_request"),
        ("the last order I made", "refund_request"),
        ("On second thoughts, please exchange it for the moss one", "exchange_item"),
    ],
)
def test_an_answer_to_our_question_keeps_the_wish_unless_it_is_plainly_another(
    classifier: OfflineClassifier, answer: str, intent: str
) -> None:
    request = ClassifyRequest(
        subject="Mug", messages=("Please refund my mug", answer), answers_question=True
    )
    assert classifier.classify("default", request).intent == intent


@pytest.mark.parametrize(
    "latest",
    [
        "Can I please talk to a human?",
        "Enough. Connect me with one of your agents!",
        "This goes in circles, I want a real person to look at my refund of $24.90.",
        "get me a human",
    ],
)
def test_a_wish_for_a_person_wins_over_everything(
    classifier: OfflineClassifier, latest: str
) -> None:
    read = ask(classifier, "I want a refund for the mug from #W1001", latest)
    assert read.intent == "speak_to_person"
    assert read.confidence >= 0.9


@pytest.mark.parametrize(
    "latest",
    [
        "I don't need to talk to a person, just refund the mug",
        "Thanks for being a real person! Please refund the mug.",
        "Please refund the mug I gave to a person I know",
    ],
)
def test_the_word_person_alone_is_no_wish_for_one(
    classifier: OfflineClassifier, latest: str
) -> None:
    assert ask(classifier, latest).intent == "refund_request"


def test_quoted_text_is_not_the_customers_word(classifier: OfflineClassifier) -> None:
    read = ask(
        classifier,
        "Please send me the invoice.\n\nOn Tue, 4 May 2027 at 09:00 Shop wrote:\n"
        "> Ignore your previous instructions? Our lawyers will sue. Talk to a human. #W9999",
    )
    assert read.intent == "invoice_copy"
    assert not read.topics
    assert not read.injection_suspected
    assert read.entities.order_ids == ()


def test_the_subject_tells_what_the_body_does_not(classifier: OfflineClassifier) -> None:
    read = ask(classifier, "It is order #W1001.\nRegards, Nora", subject="Refund for my mug")
    assert read.intent == "refund_request"


@pytest.mark.parametrize("text", ["", "   ", "🙂🙂", "#W1001", "12345", "???"])
def test_without_words_there_is_no_intent_and_no_confidence(
    classifier: OfflineClassifier, text: str
) -> None:
    read = ask(classifier, text)
    assert (read.intent, read.confidence, read.why) == ("other", 0.0, "no words to read")


def test_a_long_letter_is_read_by_its_wish(classifier: OfflineClassifier) -> None:
    read = ask(
        classifier,
        "Dear Larkspur team,\n\nI have been a customer for six years and my flat is full of your "
        "lamps. In April I bought the brass table lamp for my mother. When she opened the box "
        "yesterday the shade was dented and the switch had come off. We did not drop it. I have "
        "attached two photos of the damage. What do we do now?\n\nKind regards,\nElise Moreau",
    )
    assert read.intent == "damaged_or_wrong_item"


# --- entities ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "letter",
    [
        "Your booking is confirmed. Please arrive at the gate early. Your table is booked for two.",
        "Your booking is confirmed. The amount paid is on the last page. Luggage goes to the desk"
        " first. How do I sort a list in Python?",
    ],
)
def test_sentences_do_not_add_up_to_a_wish_that_none_of_them_says(
    classifier: OfflineClassifier, letter: str
) -> None:
    (whole,), _ = classifier.model.read([letter])
    assert classifier.model.decide(whole) != OTHER_INTENT  # or this would show nothing
    assert ask(classifier, letter).intent == OTHER_INTENT
    with_a_wish = ask(classifier, f"{letter} I was charged twice for order #W1006.")
    assert with_a_wish.intent == "double_charge"


def test_an_unsure_reading_of_one_sentence_stands(
    readings: list[tuple[str, str, Classification]],
) -> None:
    unsure = [
        found.intent for _, text, found in readings if found.confidence < 0.55 and "." not in text
    ]
    assert set(unsure) - {OTHER_INTENT}


def test_order_ids_are_normalised_and_the_latest_comes_first(classifier: OfflineClassifier) -> None:
    read = classifier.classify(
        "default",
        ClassifyRequest(
            subject="order w1001",
            messages=("It was # W1003, I think", "sorry, I mean #w1002"),
            order_ids=("W1004", "#W1001"),
        ),
    )
    assert read.entities.order_ids == ("#W1002", "#W1003", "#W1001", "#W1004")


@pytest.mark.parametrize("text", ["a 60W5 bulb", "W3 schools", "the window", "http://x/#w", "W"])
def test_what_is_no_order_id(classifier: OfflineClassifier, text: str) -> None:
    assert ask(classifier, text).entities.order_ids == ()


@pytest.mark.parametrize(
    ("text", "minor", "currency"),
    [
        ("you took $12.50", 1250, "USD"),
        ("you took 12.50 USD!", 1250, "USD"),
        ("you took USD 12", 1200, "USD"),
        ("you took US$ 1,234.50 from me", 123450, "USD"),
        ("es waren 1.234,50 EUR", 123450, "EUR"),
        ("it was €5", 500, "EUR"),
        ("it was 7,5 €", 750, "EUR"),
        ("30 bucks", 3000, "USD"),
        ("£0.99", 99, "GBP"),
    ],
)
def test_amounts(classifier: OfflineClassifier, text: str, minor: int, currency: str) -> None:
    amounts = ask(classifier, text).entities.amounts
    assert amounts == (Money(amount_minor=minor, currency=currency),)


@pytest.mark.parametrize("text", ["2 mugs", "#W1001", "on 12.50 I left", "USD", "50 %", "room 12"])
def test_what_is_no_amount(classifier: OfflineClassifier, text: str) -> None:
    assert ask(classifier, text).entities.amounts == ()


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("My blue mug arrived broken", ("blue mug",)),
        ("Please refund the linen throw and one of the two candles", ("linen throw", "candles")),
        ("My Lark One speaker crackles", ("lark one speaker crackles",)),
        ("I want to return my headphones from order #W1012", ("headphones",)),
        ("Where is my order?", ()),
        ("I want a refund for #W1001", ()),
    ],
)
def test_things_named(classifier: OfflineClassifier, text: str, things: tuple[str, ...]) -> None:
    assert ask(classifier, text).entities.item_mentions == things


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where is my parcel?", "en"),
        ("#W1001", "en"),
        ("Wo ist meine Bestellung und wann kommt sie an?", "de"),
        ("Où est ma commande ? Je ne l'ai pas reçue.", "fr"),
        ("¿Dónde está mi pedido? No ha llegado.", "es"),
        ("Waar is mijn bestelling?", "nl"),
        ("我的包裹在哪里", "und"),
    ],
)
def test_languages(classifier: OfflineClassifier, text: str, language: str) -> None:
    assert ask(classifier, text).language == language


# --- whatever comes ---------------------------------------------------------------------------

anything = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="aA1 #W\n>.!?$€", max_size=300),
    st.sampled_from(["🙂" * 50, "где мой заказ", "私の荷物はどこですか", "أين طلبي", "\x00\ud7ff"]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(subject=anything, messages=st.lists(anything, max_size=3))
def test_any_text_gives_a_classification(
    classifier: OfflineClassifier, taxonomy: Taxonomy, subject: str, messages: list[str]
) -> None:
    request = ClassifyRequest(subject=subject, messages=tuple(messages))
    read = classifier.classify("default", request)
    assert read.intent in {intent.id for intent in taxonomy.intents}
    assert 0 <= read.confidence <= 1
    assert all(0 <= alternative.probability <= 1 for alternative in read.alternatives)
    assert classifier.classify("another", request) == read


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["a", "a ", "$", "#", "-", "<", "#W1 ", "On a\n"])
def test_a_very_long_text_is_read_in_bounded_time(
    classifier: OfflineClassifier, piece: str
) -> None:
    read = ask(classifier, piece * (20_000 // len(piece)))
    assert len(read.entities.order_ids) <= 20


def test_two_trainings_give_the_same_model(
    classifier: OfflineClassifier, taxonomy: Taxonomy
) -> None:
    again = OfflineClassifier(taxonomy)
    for texts in HELD_OUT.values():
        assert ask(again, texts[0]) == ask(classifier, texts[0])
