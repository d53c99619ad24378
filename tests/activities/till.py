"""A shop with one order of the test's own, policy over it, and the activities that move money."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from temporalio.testing import ActivityEnvironment

from closeloop.bootstrap import Services, build_activities
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.base import Money
from closeloop.models.policy import Judgement, JudgeRequest, Ruling
from closeloop.models.proposal import Action, Receipt
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import Assurance
from closeloop.policy.book import FilePolicyBook
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from tests.support.desk import ROOT
from tests.support.embedding import WordVectors
from tests.support.scripted import NoDetector, ScriptedClassifier, ScriptedResolver

T: Final = "default"
EXAMPLE: Final = ROOT / "policies"
RETAIL: Final = EXAMPLE / "retail"
PRICES: Final = {"A": 100.0, "B": 40.0, "C": 130.0}
ADDRESS: Final = {
    "address1": "1 Mill Lane",
    "city": "Bristol",
    "country": "USA",
    "state": "RI",
    "zip": "02809",
}
Row = tuple[str, float, str]
WHOLE: Final[Row] = ("payment", 100.0, "card")
WORDS: Final = (
    "Please refund, cancel, return, exchange and change #W1, pay by card, and give me credit:"
    " A, B, C."
)


def usd(minor: int) -> Money:
    """Return an amount in dollars."""
    return Money(amount_minor=minor)


def swap(new: str, method: str = "gift") -> dict[str, Any]:
    """Return the parameters that put another variant in the place of A."""
    return {"item_ids": ["A"], "new_item_ids": [new], "payment_method_id": method}


def shop_file(folder: Path, status: str, rows: Sequence[Row], balance: float) -> Path:
    """Write a shop with one order of one item A."""
    order = {
        "order_id": "#W1",
        "user_id": "ada",
        "address": ADDRESS,
        "items": [
            {"name": "Thing", "product_id": "7", "item_id": "A", "price": 100.0, "options": {}}
        ],
        "status": status,
        "fulfillments": [],
        "payment_history": [
            {"transaction_type": kind, "amount": amount, "payment_method_id": method}
            for kind, amount, method in rows
        ],
        "placed_at": "-P10D",
    }
    if status == "delivered":
        order["delivered_at"] = "-P5D"
    variants = {
        name: {"item_id": name, "options": {}, "available": True, "price": price}
        for name, price in PRICES.items()
    }
    ada = {
        "user_id": "ada",
        "name": {"first_name": "Ada", "last_name": "Stone"},
        "address": ADDRESS,
        "email": "ada@example.com",
        "payment_methods": {
            "card": {"source": "credit_card", "id": "card"},
            "paypal": {"source": "paypal", "id": "paypal"},
            "gift": {"source": "gift_card", "id": "gift", "balance": balance},
        },
        "orders": ["#W1"],
    }
    shop = {
        "products": {"7": {"name": "Thing", "product_id": "7", "variants": variants}},
        "users": {"ada": ada},
        "orders": {"#W1": order},
    }
    path = folder / "shop.json"
    path.write_text(json.dumps(shop), encoding="utf-8")
    return path


class Till:
    """Order #W1 of one item A for $100.00, as it was paid, under a rule set; a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        status: str = "pending",
        rows: Sequence[Row] = (WHOLE,),
        policies: Path = EXAMPLE,
        balance: float = 500.0,
    ) -> None:
        folder.mkdir(exist_ok=True)
        book = FilePolicyBook(policies)
        self._stack = ExitStack()
        self.backends = self._stack.enter_context(
            EmbeddedBackends(
                folder / "backends.db",
                shop_file=shop_file(folder, status, rows, balance),
                tenants=book.tenants,
            )
        )
        engine = open_database(f"sqlite:///{folder / 'ops.db'}")
        self._stack.callback(engine.dispose)
        self.ledger = SqlLedger(engine, book.limits)
        listed = build_activities(
            Services(
                book=book,
                backends=self.backends,
                engine=engine,
                ledger=self.ledger,
                records=SqlRecords(engine),
                knowledge=SqliteKnowledge(folder / "knowledge.db", WordVectors()),
                classifier=ScriptedClassifier(),
                detector=NoDetector(),
                resolver=ScriptedResolver(),
            )
        )
        self._activities = {a.__name__: a for a in (*listed.tickets, *listed.backends)}

    def __enter__(self) -> Till:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, name: str, given: object) -> Any:
        """Run an activity by its name."""
        return ActivityEnvironment().run(self._activities[name], given)

    def action(self, kind: str, **params: Any) -> Action:
        """Return an action on the order."""
        given = {"order_id": "#W1", **params}
        return Action(action_id=f"a-{kind}", kind=kind, params=given, requested_by=("m1",))

    def judge(self, *actions: Action, ticket: str = "T1", later: str = "") -> Judgement:
        """Judge actions of Ada's ticket, who has asked for all of it, and wrote ``later`` since."""
        request = JudgeRequest(
            tenant=T,
            ticket_id=ticket,
            customer_id="ada",
            assurance=Assurance.CONFIRMED,
            intent="refund_request",
            confidence=0.95,
            customer_messages={"m1": WORDS, **({"m2": later} if later else {})},
            ticket_order_ids=("#W1",),
            actions=actions,
        )
        return self.run("evaluate_policy", request)

    def refusing(self, *actions: Action, ticket: str = "T1") -> set[str]:
        """Return the ids of the rules that refuse one of the actions."""
        verdicts = self.judge(*actions, ticket=ticket).verdicts
        reasons = [reason for verdict in verdicts for reason in verdict.reasons]
        return {reason.rule_id for reason in reasons if reason.ruling is Ruling.REFUSE}

    def step(self, action: Action, ticket: str = "T1") -> ExecuteAction:
        """Return the step that the workflow would make of an action that somebody approved."""
        (facts,) = self.judge(action, ticket=ticket).facts.actions
        assert facts.effect is not None
        return ExecuteAction(
            tenant=T,
            ticket_id=ticket,
            action=action,
            customer_id="ada",
            effect_id=facts.effect.effect_id,
            components=facts.effect.components,
            scopes=tuple(facts.recent_minor),
            amount=facts.amount,
            approved_by="carol",
        )

    def perform(self, step: ExecuteAction) -> Receipt:
        """Run a step; return its receipt."""
        receipt: Receipt = self.run(step.action.kind, step).receipt
        return receipt

    def back(self) -> int:
        """Return the minor units given back on the order."""
        return sum(r.amount.amount_minor for r in self.backends.payments.list_refunds(T, "#W1"))
