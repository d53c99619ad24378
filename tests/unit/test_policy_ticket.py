"""The judge on the ticket as a whole: topics, moods, the mode, and what no rule is about."""

from __future__ import annotations

from typing import get_args

import pytest

from closeloop.models.policy import Ruling
from closeloop.models.ticket import Mode
from closeloop.models.triage import Sentiment
from closeloop.policy.check import Result
from closeloop.policy.ticket_checks import SentimentAtLeast
from tests.unit.policy_support import (
    facts_of,
    judged,
    note_facts,
    refund_facts,
    spoke,
    verdict,
)

# --- the ticket as a whole -----------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["legal_threat", "safety", "press", "chargeback", "distress"])
def test_high_stakes_topics_go_to_a_person(topic: str) -> None:
    result = judged(refund_facts(), note_facts(), topics=(topic,))
    assert result.escalate == f"topic.{topic}"
    assert result.mode is Mode.ADVISORY
    assert [v.ruling for v in result.verdicts] == [Ruling.NEEDS_APPROVAL, Ruling.ALLOW]
    assert result.mode_reasons[0].endswith(f"[topic.{topic}]")


@pytest.mark.parametrize("topic", ["bereavement", "illness"])
def test_nothing_is_sent_to_the_vulnerable_that_no_person_has_read(topic: str) -> None:
    for actions in ((refund_facts(),), (note_facts(),), ()):
        result = judged(*actions, topics=(topic,), confidence=0.1)
        assert result.escalate is None
        assert result.mode is Mode.ASSISTED
        assert result.mode_reasons[0].endswith(f"[topic.{topic}]"), "the first that is read"
        assert f"topic.{topic}" in result.rules


@pytest.mark.parametrize(
    ("sentiment", "answered", "asks"),
    [
        ("very_negative", True, True),
        ("very_negative", False, False),
        ("negative", True, False),
        ("neutral", True, False),
        ("positive", True, False),
    ],
)
def test_who_is_as_angry_after_an_answer_hears_from_a_person(
    sentiment: str, answered: bool, asks: bool
) -> None:
    result = judged(refund_facts(), sentiment=sentiment, answered=answered)
    assert (result.mode is Mode.ASSISTED) is asks
    assert ("sentiment.again" in result.rules) is asks
    if asks:
        assert result.mode_reasons[0].endswith("(very negative). [sentiment.again]")


def test_a_mood_floor_lets_no_worse_mood_through() -> None:
    strict = SentimentAtLeast(floor="neutral")
    looks = [
        strict.look(facts_of(sentiment=mood, answered=True)).result for mood in get_args(Sentiment)
    ]
    assert looks == [Result.FAIL, Result.FAIL, Result.PASS, Result.PASS]


def test_other_topics_do_not() -> None:
    assert judged(refund_facts(), topics=("gift",)).escalate is None


def test_injection_lowers_the_mode_of_a_mere_reply_too() -> None:
    result = judged(injection_suspected=True)
    assert result.verdicts == ()
    assert result.mode is Mode.ASSISTED
    assert result.escalate is None


@pytest.mark.parametrize(
    ("cap", "escalate"),
    [(Mode.ASSISTED, None), (Mode.ADVISORY, "mode.advisory"), (Mode.SHADOW, "mode.shadow")],
)
def test_a_cap_holds_for_writes_and_replies(cap: Mode, escalate: str | None) -> None:
    result = judged(refund_facts(), note_facts(), mode_cap=cap)
    assert result.mode is cap
    assert result.escalate == escalate
    assert spoke(result.verdicts[0]) == {f"mode.{cap.value}": "needs_approval"}
    assert result.verdicts[1].ruling is Ruling.ALLOW
    assert result.mode_reasons[0].endswith(f"[mode.{cap.value}]")
    reply_only = judged(mode_cap=cap)
    assert (reply_only.mode, reply_only.escalate) == (cap, escalate)


def test_a_read_needs_the_owner_and_nothing_else() -> None:
    read = refund_facts(
        kind="add_crm_note", writes=False, moves_money=False, amount=None, names_target=False
    )
    assert verdict(read, confidence=0.1, injection_suspected=True).ruling is Ruling.ALLOW
    assert spoke(verdict(read, customer_id="eve")) == {"order.own": "refuse"}


def test_bookkeeping_that_moves_money_is_no_bookkeeping() -> None:
    wolf = refund_facts(kind="add_crm_note", internal=True, names_target=False)
    assert spoke(verdict(wolf)) == {"consent.target": "needs_approval"}
