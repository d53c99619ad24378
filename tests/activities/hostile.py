"""A desk without Temporal, driven by hostile proposals, and what must hold whatever they were.

The real activities do the work: propose, judge, ask, check the approver, perform, read back. What
lies between them, the workflow does; here ``Desk`` does it, with the workflow's own pure functions.
What must hold is for ``hostile_books`` to say.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.testing import ActivityEnvironment

from closeloop.bootstrap import Services, build_activities
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendRefused, BackendUnavailable, EffectUnknown
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.base import Money
from closeloop.models.policy import Judgement, JudgeRequest, Ruling
from closeloop.models.proposal import Action, Proposal, ProposeRequest
from closeloop.models.state import TicketState
from closeloop.models.steps import (
    CheckApprover,
    ExecuteAction,
    RequestApproval,
    SettleApproval,
    Snapshot,
    VerifyAction,
)
from closeloop.models.ticket import Mode
from closeloop.models.view import snapshot_view
from closeloop.names import idempotency_key
from closeloop.policy.book import FilePolicyBook
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from tests.activities.hostile_books import Books
from tests.activities.hostile_moves import Act, Break, Decide, End, Move, Outside, Propose
from tests.activities.hostile_shop import ORDERS, write_shop
from tests.activities.hostile_tickets import (
    TENANT,
    WORDS,
    Plan,
    is_unknown,
    lowered,
    order_of,
    propose_request,
    state_of,
)
from tests.support.desk import edited_policies
from tests.support.embedding import WordVectors
from tests.support.scripted import NoDetector, ScriptedClassifier
from workflows import approval, edits

ATTEMPTS: Final = 3


class _Hostile:
    """The resolver: it says what it was told to say."""

    proposal: Proposal

    def propose(self, request: ProposeRequest) -> Proposal:
        return self.proposal


@dataclass(frozen=True)
class Template:
    """What every run starts from: databases to copy, and what no run changes."""

    start: Path
    book: FilePolicyBook
    knowledge: SqliteKnowledge


def make_template(folder: Path) -> Template:
    """Make the databases, and read the policies."""
    policies = edited_policies(
        folder,
        "desk.toml",
        ('customer = "5000.00"', 'customer = "600.00"'),
        ('tenant = "10000.00"', 'tenant = "800.00"'),
    )
    start = folder / "start"
    start.mkdir()
    book = FilePolicyBook(policies)
    EmbeddedBackends(
        start / "backends.db", shop_file=write_shop(folder), tenants=book.tenants
    ).close()
    open_database(f"sqlite:///{start / 'ops.db'}").dispose()
    knowledge = SqliteKnowledge(folder / "knowledge.db", WordVectors())
    return Template(start=start, book=book, knowledge=knowledge)


class Desk:
    """One run: a fresh shop, six tickets, and whatever moves come."""

    def __init__(self, template: Template, folder: Path) -> None:
        shutil.copytree(template.start, folder)
        self._stack = ExitStack()
        self.backends = self._stack.enter_context(EmbeddedBackends(folder / "backends.db"))
        book = template.book
        engine = open_database(f"sqlite:///{folder / 'ops.db'}?timeout=60")
        self._stack.callback(engine.dispose)
        self.ledger = SqlLedger(engine, book.limits)
        self._resolver = _Hostile()
        services = Services(
            book=book,
            backends=self.backends,
            engine=engine,
            ledger=self.ledger,
            records=SqlRecords(engine),
            knowledge=template.knowledge,
            classifier=ScriptedClassifier(),
            detector=NoDetector(),
            resolver=self._resolver,
        )
        listed = build_activities(services)
        self._activities: dict[str, Callable[..., Any]] = {
            activity.__name__: activity for activity in (*listed.tickets, *listed.backends)
        }
        self._roster = book.approvers(TENANT)
        self.plans: dict[str, Plan] = {}
        self.asked: dict[str, Plan] = {}
        self.performed: list[ExecuteAction] = []
        self.books = Books(self.backends.payments)
        self.seen: Counter[str] = Counter()
        self._disputes: list[str] = []
        self._requests = 0
        self._outside: set[str] = set()

    def close(self) -> None:
        self._stack.close()

    def run(self, name: str, given: object) -> Any:
        return ActivityEnvironment().run(self._activities[name], given)

    def check(self) -> None:
        """Look at the books when all is over."""
        self.backends.faults.clear()
        for step in self.performed:
            if step.action.kind == "issue_store_credit":
                self._require_counted(step)
        self.books.check()

    def _require_counted(self, step: ExecuteAction) -> None:
        """Credit that was issued stands on its order, where refunds are held against it."""
        key = idempotency_key(TENANT, step.effect_id)
        credit = self.backends.shop.find_store_credit(TENANT, key)
        if credit is not None:
            listed = self.backends.payments.list_credits(TENANT, credit.order_id)
            assert credit.credit_id in [c.credit_id for c in listed], f"{key} counts nowhere"

    def make(self, move: Move) -> None:
        match move:
            case Propose(ticket):
                self._propose(move)
                if move.at_once and ticket in self.asked:
                    self._decide(ticket, "carol", None)
                if move.at_once and ticket in self.plans:
                    self._act(ticket)
            case Decide(which, approver, lower_to) if self.asked:
                self._decide(_one_of(self.asked, which), approver, lower_to)
            case Act(which, again=True) if self.performed:
                self.seen["delivered again"] += 1
                self._perform(self.performed[which % len(self.performed)], None)
            case Act(which) if self.plans:
                self._act(_one_of(self.plans, which))
            case Decide() | Act():
                pass
            case Break(entry):
                self.backends.faults.add(entry)
            case Outside():
                self._happen_outside(move)
            case End(ticket):
                self.plans.pop(ticket, None)
                self.asked.pop(ticket, None)
                self.ledger.release_ticket(TENANT, ticket)

    def _propose(self, move: Propose) -> None:
        self._withdraw(move.ticket)
        self.seen["proposed"] += 1
        self._resolver.proposal = move.proposal
        state = state_of(move.ticket)
        proposal: Proposal = self.run("propose_resolution", propose_request(state))
        if any(is_unknown(action) for action in proposal.actions):
            self.seen["unknown kind"] += 1
            return  # the workflow hands it to a person
        judgement = self._judge(state, proposal.actions)
        if judgement.ruling is Ruling.REFUSE or judgement.escalate:
            self.seen["refused"] += 1
            return
        state = state.model_copy(update={"judgement": judgement, "proposal": proposal})
        plan = Plan(state=state, actions=proposal.actions, judgement=judgement)
        plan.left = self._left()
        if judgement.mode is Mode.AUTONOMOUS:
            self.seen["allowed"] += 1
            self.plans[move.ticket] = plan
        else:
            self._ask(move.ticket, plan)

    def _judge(self, state: TicketState, actions: tuple[Action, ...]) -> Judgement:
        return self.run(
            "evaluate_policy",
            JudgeRequest(
                tenant=TENANT,
                ticket_id=state.ticket.ticket_id,
                customer_id=approval.customer_id(state),
                assurance=state.ticket.assurance,
                intent="refund_request",
                confidence=0.95,
                customer_messages={"m1": WORDS, "m2": "Hello, are you there?"},
                actions=actions,
            ),
        )

    def _left(self) -> dict[str, int]:
        return {order: self.books.left(order) for order in ORDERS}

    def _ask(self, ticket: str, plan: Plan) -> None:
        self._requests += 1
        plan.request_id = f"{ticket}-r{self._requests}"
        plan.asked_total = approval.total_of(plan.judgement.facts.actions)
        request = RequestApproval(
            tenant=TENANT,
            ticket_id=ticket,
            request_id=plan.request_id,
            customer_id=approval.customer_id(plan.state),
            action_kinds=tuple(action.kind for action in plan.actions),
            effects=plan.steps(),
            total=plan.asked_total,
            deadline=datetime.now(UTC) + timedelta(hours=1),
            snapshot=Snapshot(view=snapshot_view(plan.state)),
        )
        try:
            self.run("request_approval", request)
        except BackendRefused:
            self.seen["not asked"] += 1
            return
        self.seen["asked"] += 1
        self.asked[ticket] = plan

    def _withdraw(self, ticket: str) -> None:
        self.plans.pop(ticket, None)
        plan = self.asked.pop(ticket, None)
        if plan is not None:
            self._settle(plan, "withdrawn", ())

    def _settle(self, plan: Plan, outcome: str, dropped: tuple[str, ...]) -> None:
        step = SettleApproval.model_validate(
            {
                "tenant": TENANT,
                "ticket_id": plan.state.ticket.ticket_id,
                "request_id": plan.request_id,
                "outcome": outcome,
                "effect_ids": tuple(step.effect_id for step in plan.steps()),
                "dropped": dropped,
                "snapshot": Snapshot(view=snapshot_view(plan.state)),
            }
        )
        self.run("settle_approval", step)

    def _decide(self, ticket: str, approver: str, lower_to: int | None) -> None:
        """Approve whatever is asked, if the roster lets this person: nobody reads it."""
        plan = self.asked[ticket]
        edit = lowered(plan, lower_to)
        total = approval.total_of(plan.judgement.facts.actions, edit)
        check = CheckApprover(
            tenant=TENANT,
            ticket_id=ticket,
            approver=approver,
            requesters=approval.requesters(plan.state),
            customer_id=approval.customer_id(plan.state),
            total=total,
        )
        try:
            self.run("check_approver", check)
        except BackendRefused:
            self.seen["approver refused"] += 1
            return
        actions = edits.edited_actions(plan.actions, edit) if edit else plan.actions
        now = self._judge(plan.state, plan.actions)
        covered = approval.unchanged(plan.judgement, now)
        if covered and edit is not None:
            now = self._judge(plan.state, actions)
            covered = approval.permits(now)
        del self.asked[ticket]
        if not covered:
            self.seen["drift"] += 1
            self._settle(plan, "withdrawn", ())
            return
        self._settle(plan, "approved", ())
        self.seen["approved"] += 1
        state = plan.state.model_copy(update={"judgement": now, "approved_by": approver})
        self.plans[ticket] = Plan(
            state=state,
            actions=actions,
            judgement=now,
            request_id=plan.request_id,
            approver=approver,
            asked_total=total,
            left=self._left(),
        )

    def _act(self, ticket: str) -> None:
        plan = self.plans.pop(ticket)
        for action in plan.actions:
            if not self._perform(plan.step(action), plan):
                return  # the workflow proposes anew

    def _perform(self, step: ExecuteAction, plan: Plan | None) -> bool:
        """Do what Temporal does: repeat what may be repeated, and read at the end."""
        order = order_of(step)
        left = self.books.left(order)
        before = self.books.given_back()
        known = step.effect_id in self.books.moved
        outcome = self._attempt(step)
        if outcome == "refused":
            if not known:
                self.books.moved.pop(step.effect_id, None)
            self.seen["refused by ledger or backend"] += 1
            assert self.books.given_back() == before, "what is refused moves nothing"
            return False
        self.performed.append(step)
        self.seen[f"{step.action.kind} {outcome}"] += 1
        if step.amount is not None and not known:
            self.books.note(step, order, plan)
        gone = self.books.given_back() - before
        if plan is not None and outcome == "done" and not known:
            self.books.require_worth(step, order, plan.left)
        if gone:
            judged = step.amount.amount_minor if step.amount else 0
            assert gone <= judged, f"{step.effect_id}: {gone} given back, {judged} was judged"
            assert gone <= left, f"{step.effect_id}: {gone} given back, {left} was left"
        return outcome == "done"

    def _attempt(self, step: ExecuteAction) -> str:
        for _ in range(ATTEMPTS):
            try:
                self.run(step.action.kind, step)
            except BackendRefused:
                return "refused"
            except (BackendUnavailable, EffectUnknown):
                continue
            return "done"
        check = VerifyAction(
            tenant=TENANT,
            ticket_id=step.ticket_id,
            action=step.action,
            effect_id=step.effect_id,
            amount=step.amount,
        )
        try:
            found = self.run("reconcile_action", check)
        except (BackendRefused, BackendUnavailable):
            return "unknown"
        return "done" if found.holds else "unknown"

    def _happen_outside(self, move: Outside) -> None:
        money, payments = Money(amount_minor=move.minor), self.backends.payments
        self.backends.faults.clear()  # nobody's fault but theirs
        try:
            match move.what:
                case "refund":
                    key = f"back-office-{len(self._outside)}"
                    payments.refund(TENANT, key, move.order, money)
                    self._outside.add(key)
                case "credit":
                    payments.give_credit(TENANT, move.order, money)
                case "dispute":
                    made = payments.open_dispute(TENANT, move.order, money)
                    self._disputes.append(made.dispute_id)
                case _ if self._disputes:
                    payments.end_dispute(TENANT, self._disputes.pop(), won=move.what == "won")
                case _:
                    pass
        except BackendRefused:
            pass


def _one_of(plans: dict[str, Plan], which: int) -> str:
    return sorted(plans)[which % len(plans)]
