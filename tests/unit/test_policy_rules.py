"""The rule file: what is shipped, and what is refused with the file, the rule and the key."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from closeloop.actions.catalogue import CATALOGUE, WORKFLOW_ONLY
from closeloop.errors import ConfigurationError
from closeloop.policy.checks import CHECKS
from closeloop.policy.rules import load_rules, parse_rules
from closeloop.policy.tomlfile import content_hash, parse_amount, parse_duration
from tests.unit.policy_support import POLICIES, RULES, refund_facts, spoke, verdict

SHIPPED = tomllib.loads((POLICIES / "rules.toml").read_text(encoding="utf-8"))


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = copy.deepcopy(SHIPPED)
    change(document)
    return document


def rule(document: dict[str, Any], rule_id: str) -> dict[str, Any]:
    return next(r for r in document["rule"] if r["id"] == rule_id)


def test_shipped_rules_use_every_check_and_allow_what_can_be_proposed() -> None:
    retail = load_rules(POLICIES / "retail" / "rules.toml")
    used = {
        rule.check.name
        for rules in (RULES, retail)
        for rule in (*rules.for_actions, *rules.for_ticket)
    }
    assert used == set(CHECKS)
    assert RULES.allowed == CATALOGUE.keys() - WORKFLOW_ONLY


def test_every_shipped_reason_reads_as_the_start_of_a_sentence() -> None:
    for one in (*RULES.for_actions, *RULES.for_ticket):
        assert one.reason[0].isupper()
        assert not one.reason.endswith(".")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(colour="red"), "colour: there is no such key"),
        (lambda d: d.pop("actions"), "actions: is missing"),
        (
            lambda d: d["actions"].update(allowed=["refund"]),
            "actions.allowed: there is no action kind 'refund'",
        ),
        (
            lambda d: d["actions"].update(allowed=["send_reply"]),
            "no action kind 'send_reply' to allow",
        ),
        (
            lambda d: d["rule"].append({"check": "effect_free"}),
            f"rule 'number {len(SHIPPED['rule']) + 1}': id: is missing",
        ),
        (
            lambda d: rule(d, "refund.window").update(id="Refund Window"),
            "rule 'Refund Window': id:",
        ),
        (
            lambda d: rule(d, "refund.window").update(id="refund.left"),
            "rule 'refund.left': id: stands in the file twice",
        ),
        (
            lambda d: rule(d, "refund.window").update(id="mode.assisted"),
            "id: is one of the judge's own",
        ),
        (
            lambda d: rule(d, "refund.window").update(check="delivered"),
            "rule 'refund.window': check: there is no 'delivered'",
        ),
        (lambda d: rule(d, "refund.window").pop("days"), "rule 'refund.window': days: is missing"),
        (lambda d: rule(d, "refund.window").update(days=0), "rule 'refund.window': days: "),
        (lambda d: rule(d, "refund.window").update(days="30"), "rule 'refund.window': days: "),
        (
            lambda d: rule(d, "refund.window").update(weeks=4),
            "rule 'refund.window': weeks: there is no such key",
        ),
        (
            lambda d: rule(d, "refund.window").pop("reason"),
            "rule 'refund.window': reason: is missing",
        ),
        (lambda d: rule(d, "refund.window").update(reason=""), "rule 'refund.window': reason: "),
        (lambda d: rule(d, "refund.window").pop("otherwise"), "otherwise: is missing"),
        (
            lambda d: rule(d, "refund.window").update(otherwise="allow"),
            "rule 'refund.window': otherwise: ",
        ),
        (
            lambda d: rule(d, "refund.window").update(unknown="allow"),
            "rule 'refund.window': unknown: ",
        ),
        (
            lambda d: rule(d, "refund.window").update(otherwise="escalate"),
            "otherwise: delivered_within can only come to needs_approval or refuse",
        ),
        (
            lambda d: rule(d, "order.own").update(otherwise="needs_approval"),
            "otherwise: own_order can only come to refuse",
        ),
        (
            lambda d: rule(d, "topic.press").update(otherwise="refuse"),
            "rule 'topic.press': otherwise: not_about can only come to",
        ),
        (
            lambda d: rule(d, "sentiment.again").update(floor="very_negative"),
            "rule 'sentiment.again': floor: ",
        ),
        (lambda d: rule(d, "sentiment.again").pop("floor"), "floor: is missing"),
        (
            lambda d: rule(d, "sentiment.again").update(otherwise="refuse"),
            "rule 'sentiment.again': otherwise: sentiment_at_least can only come to",
        ),
        (lambda d: rule(d, "topic.press").update(topics=[]), "rule 'topic.press': topics: "),
        (lambda d: rule(d, "topic.press").update(topics=[""]), "topics: a topic has no name"),
        (
            lambda d: rule(d, "topic.press").update(applies_to=["refund_payment"]),
            "applies_to: not_about is about the whole ticket",
        ),
        (
            lambda d: rule(d, "refund.window").update(applies_to=["refnud"]),
            "applies_to: 'refnud' is not in actions.allowed",
        ),
        (
            lambda d: rule(d, "refund.window").update(applies_to=[]),
            "rule 'refund.window': applies_to: ",
        ),
        (
            lambda d: rule(d, "money.ceiling").update(applies_to=["add_crm_note"]),
            "applies_to: amount_at_most is not about actions like 'add_crm_note'",
        ),
        (
            lambda d: rule(d, "refund.autonomous").update(at_most=50),
            "rule 'refund.autonomous': at_most: 50 is not an amount",
        ),
        (
            lambda d: rule(d, "refund.autonomous").update(at_most="-5.00"),
            "at_most: '-5.00' is not an amount",
        ),
        (
            lambda d: rule(d, "refund.autonomous").update(currency="dollars"),
            "rule 'refund.autonomous': currency: ",
        ),
        (lambda d: d["rule"].remove(rule(d, "order.own")), "add one with check = 'own_order'"),
        (
            lambda d: d["rule"].remove(rule(d, "consent.remedy")),
            "add one with check = 'customer_names_remedy'",
        ),
        (
            lambda d: rule(d, "effect.free").update(applies_to=["refund_payment"]),
            "check = 'effect_free' and without applies_to",
        ),
        (
            lambda d: rule(d, "money.ceiling").update(at_most="50.00"),
            "rule 'refund.autonomous': contradicts rule 'money.ceiling'",
        ),
        (
            lambda d: rule(d, "refund.cancelled").update(statuses=["delivered", "cancelled"]),
            "rule 'refund.cancelled': contradicts rule 'refund.status'",
        ),
        (
            lambda d: d["rule"].append(
                rule(d, "cancel.status") | {"id": "cancel.odd", "statuses": ["pendng"]}
            ),
            "rule 'cancel.odd': statuses: none of them passes rule 'cancel.status'",
        ),
    ],
)
def test_a_wrong_rule_file_is_refused_by_name(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        parse_rules(changed(change), "somewhere/rules.toml")
    assert str(caught.value).startswith("somewhere/rules.toml: ")
    assert "\n" not in str(caught.value)


def test_a_narrower_refusal_beside_a_wider_question_is_no_contradiction() -> None:
    def add(document: dict[str, Any]) -> None:
        document["rule"].append(
            {
                "id": "cancel.never",
                "check": "customer_names_remedy",
                "applies_to": ["cancel_order"],
                "otherwise": "refuse",
                "reason": "Nothing is cancelled unasked",
            }
        )

    stricter = parse_rules(changed(add), "rules.toml")
    assert spoke(verdict(refund_facts(names_remedy=False), rules=stricter)) == {
        "consent.remedy": "needs_approval"
    }


def test_a_kind_that_is_taken_off_the_list_is_refused() -> None:
    def drop(document: dict[str, Any]) -> None:
        document["actions"]["allowed"].remove("modify_order_address")
        document["rule"].remove(rule(document, "address.status"))

    rules = parse_rules(changed(drop), "rules.toml")
    taken = refund_facts(kind="modify_order_address")
    assert spoke(verdict(taken, rules=rules)) == {"action.allowed": "refuse"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file; CLOSELOOP_POLICIES_DIR"),
        (b"[[rule]\n", r"is not valid TOML: .*line 1"),
        (b'id = "\xff"', "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        load_rules(path)
    assert str(path) in str(caught.value)


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_rules(tmp_path / "rules.toml")


@pytest.mark.parametrize(("text", "minor"), [("50", 5_000), ("50.00", 5_000), ("0.05", 5)])
def test_amounts(text: str, minor: int) -> None:
    assert parse_amount(text) == minor


@pytest.mark.parametrize(
    "value",
    [50, 50.0, True, None, "", "50.0", "50,00", "$50", "1e3", "\N{ARABIC-INDIC DIGIT FIVE}"],
)
def test_amounts_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match="is not an amount"):
        parse_amount(value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1_800), ("4h", 14_400), ("7d", 604_800), ("0.5h", 1_800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("value", [4, 4.0, None, "", "4", "h", "-4h", "0h", "4 h", "4w", "1h30m"])
def test_durations_that_are_none(value: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(value)


def test_content_hash_follows_meaning_not_layout() -> None:
    one = {"a.toml": tomllib.loads("x = 1\ny = 2 # why\n"), "b.toml": {}}
    other = {"b.toml": {}, "a.toml": tomllib.loads("y = 2\nx = 1")}
    assert content_hash(one) == content_hash(other)
    assert content_hash(one) != content_hash({"a.toml": {"x": 1, "y": 3}, "b.toml": {}})
