"""What the resolver makes of policy's refusals, approvers' rejections and backends' failures."""

import tomllib
from pathlib import Path

import pytest

from closeloop.actions.refunds import RefundPayment
from closeloop.models.proposal import Observation, Proposal
from closeloop.models.ticket import Assurance
from tests.unit.offline_support import (
    Desk,
    Us,
    kind_of,
    reason_of,
    refused,
    rejected,
    text_of,
    the_action,
)

RULES = tomllib.loads(
    (Path(__file__).parents[2] / "policies" / "rules.toml").read_text(encoding="utf-8")
)["rule"]
LAMP = "The brass lamp of #W1028 arrived broken, I want a refund"


def lamp(desk: Desk, *observations: Observation, said: tuple[str, ...] = (LAMP,)) -> Proposal:
    return desk.propose(
        desk.request("damaged_or_wrong_item", *said, who="elise_moreau", observations=observations)
    )


# --- refused by policy ---------------------------------------------------------------------------


def test_a_refund_out_of_the_window_is_answered_with_the_policy(desk: Desk) -> None:
    words = "I want my money back for lamp #W1009"
    window = refused("refund.window", "A refund is possible until 30 days after delivery.")
    proposal = desk.propose(
        desk.request("refund_request", words, who="june_albright", observations=[window])
    )
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert proposal.reply is not None
    assert any(passage.startswith("refund-policy") for passage in proposal.reply.cites)
    assert "30 days" in proposal.reply.text
    assert "sorry" in proposal.reply.text


def test_the_rule_speaks_where_no_passage_found_says_it(desk: Desk) -> None:
    request = desk.request(
        "refund_request",
        "money back for #W1009",
        who="june_albright",
        observations=[refused("refund.window", "Until 30 days after delivery.")],
    )
    request = request.model_copy(update={"passage_ids": ("refund-policy#who-decides",)})
    proposal = desk.propose(request)
    assert "The rule is: Until 30 days after delivery." in text_of(proposal)
    assert proposal.reply is not None
    assert proposal.reply.cites == ("refund-policy#who-decides",)


def test_without_any_policy_passage_a_person_answers(desk: Desk) -> None:
    request = desk.request(
        "refund_request",
        "money back for #W1009",
        who="june_albright",
        observations=[refused("refund.window")],
    )
    proposal = desk.propose(request.model_copy(update={"passage_ids": ()}))
    assert reason_of(proposal) == "knowledge_gap"


@pytest.mark.parametrize(("number", "kind"), [("#W1019", "answer"), ("#W1027", "escalation")])
def test_a_refund_of_what_is_on_its_way_is_explained_and_the_overdue_looked_for(
    desk: Desk, number: str, kind: str
) -> None:
    who = {"#W1019": "omar_haddad", "#W1027": "elise_moreau"}[number]
    status = refused("refund.status", "Only a delivered order is refunded (it is processed).")
    proposal = desk.propose(
        desk.request("refund_request", f"refund {number}", who=who, observations=[status])
    )
    assert kind_of(proposal) == kind


@pytest.mark.parametrize(
    ("code", "kind", "phrase"),
    [
        ("customer.assurance", "question", "confirm"),
        ("order.own", "question", "could not find that order"),
        ("effect.free", "answer", "being dealt with already"),
        ("effect.asked_elsewhere", "answer", "being dealt with already"),
        ("consent.remedy", "question", "refund #W1028"),
        ("consent.target", "question", "refund #W1028"),
        ("refund.cancelled", "answer", "cannot be refunded the way"),
    ],
)
def test_a_refusal_is_told_by_what_its_rule_is_about(
    desk: Desk, code: str, kind: str, phrase: str
) -> None:
    proposal = lamp(desk, refused(code))
    assert kind_of(proposal) == kind
    assert proposal.actions == ()
    assert phrase in text_of(proposal)


@pytest.mark.parametrize(
    "code", ["money.ceiling", "refund.left", "action.valid", "action.allowed", "tenants.own_idea"]
)
def test_a_refusal_that_words_cannot_mend_goes_to_a_person(desk: Desk, code: str) -> None:
    proposal = lamp(desk, refused(code, "Not more than is left."))
    assert reason_of(proposal) == "no_safe_plan"
    assert proposal.escalation is not None
    assert "Not more than is left." in proposal.escalation.summary


@pytest.mark.parametrize("rule", [rule["id"] for rule in RULES])
def test_no_rule_of_the_example_policy_makes_it_propose_the_same_again(
    desk: Desk, rule: str
) -> None:
    assert lamp(desk, refused(rule)).actions == ()
    assert lamp(desk, refused(rule), refused(rule)).escalation is not None


def test_the_customers_own_word_starts_afresh_and_a_second_refusal_ends_it(desk: Desk) -> None:
    question = lamp(desk, refused("consent.remedy"))
    said = (LAMP, Us(text_of(question)), "refund #W1028, the brass one")
    assert isinstance(the_action(lamp(desk, said=said)), RefundPayment)
    again = lamp(desk, refused("consent.remedy"), said=said)
    assert reason_of(again) == "repeated_question"


def test_a_refusal_that_the_records_made_true_is_told_as_it_is(desk: Desk) -> None:
    left = refused("refund.left", "$27.90 is asked, $0.00 is left")
    request = desk.request(
        "refund_request", "refund #W1024", who="grace_ellery", observations=[left]
    )
    proposal = desk.propose(request)
    assert kind_of(proposal) == "answer"
    assert "refunded already" in text_of(proposal)


# --- rejected by an approver ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "minor"),
    [
        ("Only $30, it is a scratch", 3000),
        ("30.00 at most", 3000),
        ("half of it: 44.50 dollars", 4450),
        ("make it 30", 3000),
        ("$30 instead of $89", 3000),
    ],
)
def test_a_wrong_amount_is_lowered_to_the_approvers(desk: Desk, words: str, minor: int) -> None:
    action = the_action(lamp(desk, rejected("wrong_amount", words)))
    assert action == RefundPayment(
        order_id="#W1028", components=("item:710401:1",), amount_minor=minor
    )


def test_each_wrong_amount_lowers_it_further(desk: Desk) -> None:
    proposal = lamp(desk, rejected("wrong_amount", "$60"), rejected("wrong_amount", "no: $20"))
    action = the_action(proposal)
    assert isinstance(action, RefundPayment)
    assert action.amount_minor == 2000


@pytest.mark.parametrize("words", ["too much", "$500", "order 12 of 13", ""])
def test_a_wrong_amount_without_a_lower_one_goes_to_a_person(desk: Desk, words: str) -> None:
    proposal = lamp(desk, rejected("wrong_amount", words))
    assert reason_of(proposal) == "approver_rejected"


def test_a_wrong_tone_makes_the_same_plan_plainer(desk: Desk) -> None:
    first, second = lamp(desk), lamp(desk, rejected("tone", "less sugar"))
    assert the_action(second) == the_action(first)
    assert len(text_of(second)) < len(text_of(first))
    assert "{{1.amount}}" in text_of(second)


def test_tone_and_amount_can_both_be_mended(desk: Desk) -> None:
    proposal = lamp(desk, rejected("tone", "dry, please"), rejected("wrong_amount", "$30"))
    action = the_action(proposal)
    assert isinstance(action, RefundPayment)
    assert action.amount_minor == 3000
    assert "did not arrive as it should" not in text_of(proposal)


def test_not_eligible_is_answered_with_the_policy_and_not_with_the_approvers_words(
    desk: Desk,
) -> None:
    proposal = lamp(desk, rejected("not_eligible", "third lamp this month, smells of abuse"))
    assert kind_of(proposal) == "answer"
    assert proposal.actions == ()
    assert proposal.reply is not None
    assert proposal.reply.cites
    assert "abuse" not in proposal.reply.text


def test_missing_information_is_asked_for_once_and_then_it_goes_on(desk: Desk) -> None:
    missing = rejected("needs_information", "no photo")
    question = lamp(desk, missing)
    assert kind_of(question) == "question"
    said = (LAMP, Us(text_of(question)), "The shade is torn, see the photo")
    assert isinstance(the_action(lamp(desk, said=said)), RefundPayment)
    assert reason_of(lamp(desk, missing, said=said)) == "repeated_question"


@pytest.mark.parametrize("code", ["wrong_action", "wrong_facts", "other", "a_new_code"])
def test_other_rejections_go_to_a_person_with_the_words(desk: Desk, code: str) -> None:
    proposal = lamp(desk, rejected(code, "Ask our supplier first"))
    assert reason_of(proposal) == "approver_rejected"
    assert proposal.escalation is not None
    assert "Ask our supplier first" in proposal.escalation.recommendation


# --- what happened on the way --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        ("failed", "over_refund", "backend_refused"),
        ("failed", "limit_reached", "limit_reached"),
        ("not_verified", "not_verified", "not_verified"),
        ("invalid", "params", "no_safe_plan"),
        ("invalid", "no_receipt", "no_safe_plan"),
    ],
)
def test_what_failed_goes_to_a_person_with_what_happened(
    desk: Desk, kind: str, code: str, reason: str
) -> None:
    seen = Observation.model_validate(
        {
            "kind": kind,
            "action_kind": "refund_payment",
            "code": code,
            "message": "The gateway said no.",
        }
    )
    proposal = lamp(desk, seen)
    assert reason_of(proposal) == reason
    assert proposal.escalation is not None
    assert "The gateway said no." in proposal.escalation.summary


def test_a_failure_that_the_records_explain_is_told_as_it_is(desk: Desk) -> None:
    failed = Observation(
        kind="failed", action_kind="refund_payment", code="over_refund", message="nothing left"
    )
    request = desk.request(
        "refund_request", "refund #W1024", who="grace_ellery", observations=[failed]
    )
    assert "refunded already" in text_of(desk.propose(request))


def test_an_effect_that_another_ticket_holds_is_left_to_it(desk: Desk) -> None:
    failed = Observation(
        kind="failed", action_kind="refund_payment", code="effect_overlap", message="busy"
    )
    assert "being dealt with already" in text_of(lamp(desk, failed))


def test_drift_means_the_plan_is_made_anew_and_twice_means_a_person(desk: Desk) -> None:
    drift = Observation(kind="drift", code="drift", message="the facts have changed")
    assert the_action(lamp(desk, drift)) == the_action(lamp(desk))
    assert lamp(desk, drift, drift).escalation is not None


def test_a_cancellation_and_an_address_are_revised_too(desk: Desk) -> None:
    said_no = refused("cancel.status", "Only a pending order.", kind="cancel_order")
    request = desk.request(
        "cancel_order", "cancel #W1032", who="tomas_vega", observations=[said_no]
    )
    proposal = desk.propose(request)
    assert kind_of(proposal) == "answer"
    assert proposal.reply is not None
    assert proposal.reply.cites[0].startswith("cancellation-policy")

    said_no = refused("address.status", "Only a pending order.", kind="modify_order_address")
    request = desk.request(
        "change_address",
        "send #W1016 to 88 Birch Avenue, Albany, NY 12207",
        who="dana_kowalski",
        assurance=Assurance.CONFIRMED,
        observations=[said_no],
    )
    proposal = desk.propose(request)
    assert kind_of(proposal) == "answer"
    assert "cannot be changed" in text_of(proposal)
