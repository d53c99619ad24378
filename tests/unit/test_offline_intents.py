"""The trained part of the offline classifier: what it learns from beside its examples."""

from closeloop.offline.intents import IntentModel

EXAMPLES = {
    "card_arrival": ["when does it come in the mail", "it is still not in my letter box"],
    "exchange_rate": ["how many euros do I get", "what is a dollar worth today"],
    "other": ["nice weather", "who won the match"],
}


def test_an_intent_is_known_by_its_name() -> None:
    model = IntentModel(EXAMPLES, outside="other")
    (reading,), (nearest,) = model.read(["exchange rate"])
    assert (model.decide(reading), nearest) == ("exchange_rate", "exchange rate")


def test_names_are_no_examples_and_the_outside_has_none() -> None:
    model = IntentModel(EXAMPLES, outside="other")
    assert [true for true, _ in model.unseen_decisions()] == [
        intent for intent, own in EXAMPLES.items() for _ in own
    ]
    _, nearest = model.read(["other", "card arrival"])
    assert nearest[0] != "other"
    assert nearest[1] == "card arrival"
