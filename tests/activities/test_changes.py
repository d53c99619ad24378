"""The activities that change orders and customers: facts first, each effect once, read back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.changes import ChangeActivities
from activities.effects import MADE_BY_A_PERSON, Effects
from activities.policy import PolicyActivities
from closeloop.actions.catalogue import parse
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendRefused, EffectUnknown
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.base import Money
from closeloop.models.policy import ActionFacts, Judgement, JudgeRequest, Ruling
from closeloop.models.proposal import Action
from closeloop.models.steps import ExecuteAction, VerifyAction
from closeloop.models.ticket import Assurance
from closeloop.names import idempotency_key
from closeloop.policy.book import FilePolicyBook
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from tests.support.desk import ROOT
from tests.support.embedding import WordVectors
from tests.support.scripted import NoDetector

T = "default"
NEW_HOME = {
    "address1": "9 Quay",
    "city": "Portland",
    "state": "OR",
    "zip": "97201",
    "country": "USA",
}
ITEMS = {
    "order_id": "#W1032",
    "item_ids": ["710202", "711101"],
    "new_item_ids": ["710201", "711102"],
    "payment_method_id": "credit_card_5001",
}
PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "modify_order_items": ("tomas_vega", ITEMS),
    "modify_order_payment": (
        "dana_kowalski",
        {"order_id": "#W1016", "payment_method_id": "paypal_4102"},
    ),
    "return_items": (
        "nora_whitfield",
        {
            "order_id": "#W1001",
            "item_ids": ["710101"],
            "payment_method_id": "credit_card_3101",
        },
    ),
    "exchange_items": (
        "nora_whitfield",
        {
            "order_id": "#W1001",
            "item_ids": ["710101"],
            "new_item_ids": ["710104"],
            "payment_method_id": "credit_card_3101",
        },
    ),
    "update_customer_address": (
        "nora_whitfield",
        {"customer_id": "nora_whitfield", "address": NEW_HOME},
    ),
    "issue_store_credit": ("nora_whitfield", {"order_id": "#W1001", "amount_minor": 500}),
}


class Office:
    """Policy, ledger and the activities over the example shop."""

    def __init__(self, folder: Path) -> None:
        self.backends = EmbeddedBackends(folder / "backends.db")
        self.engine = open_database(f"sqlite:///{folder / 'operations.db'}")
        book = FilePolicyBook(ROOT / "policies")
        self.ledger = SqlLedger(self.engine, book.limits)
        shop, payments = self.backends.shop, self.backends.payments
        self.policy = PolicyActivities(
            book,
            shop,
            payments,
            self.ledger,
            SqliteKnowledge(folder / "knowledge.db", WordVectors()),
            NoDetector(),
            self.backends.calendar,
        )
        self.changes = ChangeActivities(shop, payments, Effects(self.ledger))

    def judge(self, kind: str, customer: str, params: dict[str, Any]) -> Judgement:
        """Judge one action of a customer's ticket."""
        request = JudgeRequest(
            tenant=T,
            ticket_id="T1",
            customer_id=customer,
            assurance=Assurance.CONFIRMED,
            intent="order_change",
            confidence=1.0,
            actions=(Action(action_id="p1-a1", kind=kind, params=params),),
        )
        return ActivityEnvironment().run(self.policy.evaluate_policy, request)

    def step(self, kind: str) -> ExecuteAction:
        """The step that the workflow would make of the kind's plain action."""
        customer, params = PLAIN[kind]
        facts = self.judge(kind, customer, params).facts.actions[0]
        assert facts.effect is not None
        return ExecuteAction(
            tenant=T,
            ticket_id="T1",
            action=Action(action_id="p1-a1", kind=kind, params=params),
            customer_id=customer,
            effect_id=facts.effect.effect_id,
            components=facts.effect.components,
            amount=facts.amount,
        )

    def perform(self, step: ExecuteAction) -> str:
        """Run the step's activity; return the receipt's id."""
        outcome = ActivityEnvironment().run(getattr(self.changes, step.action.kind), step)
        return outcome.receipt.receipt_id

    def shown(self, step: ExecuteAction, key: str | None = None) -> bool:
        """Whether the effect is read back."""
        check = VerifyAction(tenant=T, ticket_id="T1", action=step.action, effect_id=step.effect_id)
        key = key or idempotency_key(T, step.effect_id)
        return self.changes.readers[step.action.kind](check, key) is not None


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    yield found
    found.backends.close()
    found.engine.dispose()


def facts(judgement: Judgement) -> ActionFacts:
    return judgement.facts.actions[0]


@pytest.mark.parametrize("kind", PLAIN)
def test_a_change_is_judged_done_once_and_read_back(office: Office, kind: str) -> None:
    customer, params = PLAIN[kind]
    judgement = office.judge(kind, customer, params)
    assert judgement.ruling is Ruling.NEEDS_APPROVAL, judgement.verdicts
    step = office.step(kind)
    assert not office.shown(step)
    receipt = office.perform(step)
    assert office.shown(step)
    state = office.backends.export()
    assert office.perform(step) == receipt
    assert office.backends.export() == state


@pytest.mark.parametrize("kind", PLAIN)
def test_a_timeout_after_the_work_was_done_is_found_by_reading(office: Office, kind: str) -> None:
    step = office.step(kind)
    office.backends.faults.add(f"shop.{kind}=timeout_after:x1")
    with pytest.raises(EffectUnknown):
        office.perform(step)
    state = office.backends.export()
    office.perform(step)
    assert office.backends.export() == state


@pytest.mark.parametrize("kind", ["return_items", "exchange_items", "update_customer_address"])
def test_what_a_person_did_is_read_back_without_a_key(office: Office, kind: str) -> None:
    step = office.step(kind)
    assert not office.shown(step, MADE_BY_A_PERSON)
    office.perform(step)
    assert office.shown(step, MADE_BY_A_PERSON)


def test_prices_and_methods_are_facts(office: Office) -> None:
    found = facts(office.judge("modify_order_items", "tomas_vega", ITEMS))
    assert found.charge is not None
    assert found.charge.amount_minor == 300  # 18.50 for 18.50, 15.90 for 12.90
    assert found.amount == found.charge
    assert [(i.of_product, i.available) for i in found.items] == [(True, True), (True, True)]
    assert found.method is not None
    assert (found.method.on_file, found.method.original) == (True, True)


def test_a_strangers_order_leaves_no_fact(office: Office) -> None:
    found = facts(office.judge("modify_order_items", "nora_whitfield", ITEMS))
    assert (found.items, found.method, found.charge, found.effect) == ((), None, None, None)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"new_item_ids": ["710203", "711102"]}, "items.available"),
        ({"new_item_ids": ["711101", "711102"]}, "items.product"),
        ({"new_item_ids": ["710202", "711102"]}, "items.other"),
        ({"payment_method_id": "credit_card_3101"}, "method.on_file"),
        ({"item_ids": ["710202", "710202"]}, "action.valid"),
        ({"new_item_ids": ["710201"]}, "action.valid"),
        ({"order_id": "#W1001"}, "order.own"),
        ({"order_id": "#W9999"}, "order.own"),
    ],
)
def test_policy_refuses_before_the_shop_would(
    office: Office, changes: dict[str, Any], rule: str
) -> None:
    judgement = office.judge("modify_order_items", "tomas_vega", {**ITEMS, **changes})
    assert judgement.ruling is Ruling.REFUSE
    refusing = [r.rule_id for r in judgement.verdicts[0].reasons if r.ruling is Ruling.REFUSE]
    assert refusing == [rule]


def test_units_that_come_back_are_refunded_by_nothing_else(office: Office) -> None:
    office.perform(office.step("return_items"))
    judgement = office.judge("refund_payment", "nora_whitfield", {"order_id": "#W1001"})
    assert "effect.free" in [r.rule_id for r in judgement.verdicts[0].reasons]


def test_a_second_credit_for_an_order_is_the_first(office: Office) -> None:
    receipt = office.perform(office.step("issue_store_credit"))
    state = office.backends.export()
    again = office.step("issue_store_credit").model_copy(update={"ticket_id": "T2"})
    assert office.perform(again.model_copy(update={"amount": Money(amount_minor=400)})) == receipt
    assert office.backends.export() == state
    step = office.step("issue_store_credit").model_copy(update={"effect_id": "credit:other"})
    with pytest.raises(BackendRefused, match="overlaps"):
        office.perform(step)


@pytest.mark.parametrize("kind", PLAIN)
def test_every_kind_says_what_would_happen(kind: str) -> None:
    action = parse(Action(action_id="a", kind=kind, params=PLAIN[kind][1]))
    assert len(action.describe()) > 10
    assert len(action.effect("T1", None).effect_id) < 130
