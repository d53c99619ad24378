"""What a ticket's leaving of autonomous mode is counted by."""

import pytest

from closeloop.policy.judge import code_of
from tests.unit.policy_support import judged, refund_facts
from workflows import standin


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("Above $50.00 (it is $89.00). [refund.autonomous]", "refund.autonomous"),
        ("customer_asked: The customer asks for a person.", "customer_asked"),
        ("topic.safety: Somebody may get hurt. [topic.safety]", "topic.safety"),
        ("No code: 12 [not one]", "No code: 12 [not one]"),
    ],
)
def test_particulars_do_not_count(reason: str, code: str) -> None:
    assert code_of(reason) == code


def test_sums_of_one_rule_have_one_code() -> None:
    found = {code_of(judged(refund_facts(minor=sum_)).mode_reasons[0]) for sum_ in (6_000, 9_900)}
    assert found == {"refund.autonomous"}


def test_every_reason_of_a_stand_in_is_a_sentence_of_its_own() -> None:
    assert all(code_of(words) == words for words in standin.WHY.values())
