"""A desk without Temporal, driven by hostile proposals, and what must hold whatever they were.

The real activities do the work: propose, judge, ask, check the approver, perform, read back. What
lies between them, the workflow does; here ``Desk`` does it, with the workflow's own pure functions.
What must hold is looked up in the backends, and counted with numbers of its own.
"""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.testing import ActivityEnvironment

from closeloop.actions.catalogue import CATALOGUE, UnknownKind, parse
from closeloop.bootstrap import Services, build_activities
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendRefused, BackendUnavailable, EffectUnknown
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.approval import ActionEdit, Edit
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
from closeloop.models.ticket import Assurance, Customer, Mode, Ticket
from closeloop.models.triage import CustomerContext
from closeloop.models.view import snapshot_view
from closeloop.policy.book import FilePolicyBook
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords
from tests.activities.hostile_moves import Act, Break, Decide, End, Move, Outside, Propose
from tests.activities.hostile_shop import ORDERS, OWNERS, write_shop
from tests.support.desk import edited_policies
from tests.support.scripted import ScriptedClassifier
from workflows import approval

TENANT: Final = "default"
ATTEMPTS: Final = 3
# The numbers of the rules, written down once more: nothing here is read from them.
ALONE_REFUND, ALONE_CANCEL, ALONE_DAY = 5_000, 20_000, 15_000
ALONE_CARD, ALONE_ADDRESS = 30_000, 50_000
HARD_CUSTOMER, HARD_TENANT, CEILING = 60_000, 80_000, 500_000
APPROVER_LIMITS: Final = {"alice": 20_000, "bob": 100_000, "carol": 500_000}
WORDS: Final = (
    f"Please refund me everything of {', '.join(ORDERS)}, all items and the shipping fee. Or cancel"
    " them. Or ship them to my new address. I want a credit."
)


@dataclass
class Plan:
    """What may run on a ticket: judged, and approved where that was needed."""

    state: TicketState
    actions: tuple[Action, ...]
    judgement: Judgement
    request_id: str | None = None
    approver: str | None = None
    asked_total: Money | None = None
    credited: dict[str, int] = field(default_factory=dict[str, int])

    def step(self, action: Action) -> ExecuteAction:
        return approval.step_for(self.state, action, request_id=self.request_id)

    def steps(self) -> tuple[ExecuteAction, ...]:
        return tuple(self.step(action) for action in self.actions)


@dataclass(frozen=True)
class Moved:
    """An effect that was begun and not refused: it has happened, or may have."""

    step: ExecuteAction
    order: str | None
    minor: int
    approver: str | None


class _Hostile:
    """The resolver: it says what it was told to say."""

    proposal: Proposal

    def propose(self, request: ProposeRequest) -> Proposal:
        return self.proposal


def make_template(folder: Path) -> Path:
    """Make the databases and policies that every run starts from."""
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
    SqliteKnowledge(start / "knowledge.db")
    return folder


class Desk:
    """One run: a fresh shop, six tickets, and whatever moves come."""

    def __init__(self, template: Path, folder: Path) -> None:
        shutil.copytree(template / "start", folder)
        self._stack = ExitStack()
        self.backends = self._stack.enter_context(EmbeddedBackends(folder / "backends.db"))
        book = FilePolicyBook(template / "policies")
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
            knowledge=SqliteKnowledge(folder / "knowledge.db"),
            classifier=ScriptedClassifier(),
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
        self.moved: dict[str, Moved] = {}
        self.seen: Counter[str] = Counter()
        self._disputes: list[str] = []
        self._requests = 0
        self._outside: set[str] = set()

    def close(self) -> None:
        self._stack.close()

    def run(self, name: str, given: object) -> Any:
        return ActivityEnvironment().run(self._activities[name], given)

    # ------------------------------------------------------------------------------ the moves

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
        self._resolver.proposal = move.proposal
        state = _state(move.ticket)
        proposal: Proposal = self.run("propose_resolution", _propose_request(state))
        if any(_unknown(action) for action in proposal.actions):
            self.seen["unknown kind"] += 1
            return  # the workflow hands it to a person
        judgement = self._judge(state, proposal.actions)
        if judgement.ruling is Ruling.REFUSE or judgement.escalate:
            self.seen["refused"] += 1
            return
        state = state.model_copy(update={"judgement": judgement, "proposal": proposal})
        plan = Plan(state=state, actions=proposal.actions, judgement=judgement)
        plan.credited = {order: self._credited(order) for order in ORDERS}
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
        edit = _lowered(plan, lower_to)
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
        actions = approval.edited_actions(plan.actions, edit) if edit else plan.actions
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
            credited={order: self._credited(order) for order in ORDERS},
        )

    def _act(self, ticket: str) -> None:
        plan = self.plans.pop(ticket)
        for action in plan.actions:
            if not self._perform(plan.step(action), plan):
                return  # the workflow proposes anew

    def _perform(self, step: ExecuteAction, plan: Plan | None) -> bool:
        """Do what Temporal does: repeat what may be repeated, and read at the end."""
        order = _order_of(step)
        left = self._left(order, plan)
        before = self._given_back()
        known = step.effect_id in self.moved
        outcome = self._attempt(step)
        if outcome == "refused":
            if not known:
                self.moved.pop(step.effect_id, None)
            self.seen["refused by ledger or backend"] += 1
            assert self._given_back() == before, "what is refused moves nothing"
            return False
        self.performed.append(step)
        self.seen[f"{step.action.kind} {outcome}"] += 1
        if step.amount is not None and not known:
            self._note(step, plan, order)
        gone = self._given_back() - before
        if gone:
            assert not known or gone <= (step.amount or Money(amount_minor=0)).amount_minor
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

    # ------------------------------------------------------------------------ what must hold

    def _left(self, order: str | None, plan: Plan | None) -> int:
        """What is left of an order's payments: by the books, and credit as it was judged."""
        if order is None:
            return 0
        payments = self.backends.payments
        paid = sum(p.amount.amount_minor for p in payments.list_payments(TENANT, order))
        back = sum(r.amount.amount_minor for r in payments.list_refunds(TENANT, order))
        called = sum(
            d.amount.amount_minor
            for d in payments.list_disputes(TENANT, order)
            if d.status != "won"
        )
        credited = plan.credited.get(order, 0) if plan else self._credited(order)
        return paid - back - called - credited

    def _credited(self, order: str) -> int:
        credit = self.backends.payments.list_credits(TENANT, order)
        return sum(c.amount.amount_minor for c in credit)

    def _given_back(self) -> int:
        payments = self.backends.payments
        refunds = [r for order in ORDERS for r in payments.list_refunds(TENANT, order)]
        return sum(refund.amount.amount_minor for refund in refunds)

    def _note(self, step: ExecuteAction, plan: Plan | None, order: str | None) -> None:
        """Count an effect, and ask whether somebody should have been asked, and was."""
        assert step.amount is not None
        minor, customer = step.amount.amount_minor, step.customer_id
        assert customer is not None, "money for nobody known"
        assert order is None or OWNERS[order] == customer, "somebody else's order"
        needed = CATALOGUE[step.action.kind].assurance.rank
        assert _state(step.ticket_id).ticket.assurance.rank >= needed, "not sure enough who writes"
        assert minor <= CEILING
        approver = plan.approver if plan else None
        if approver is None:
            self._require_small(step, minor, customer, order)
        else:
            total = plan.asked_total if plan else None
            assert total is None or total.amount_minor <= APPROVER_LIMITS[approver]
            assert total is not None, "money was approved that nobody was shown"
            assert minor <= total.amount_minor
        self.moved[step.effect_id] = Moved(step, order, minor, approver)

    def _require_small(
        self, step: ExecuteAction, minor: int, customer: str, order: str | None
    ) -> None:
        alone = ALONE_CANCEL if step.action.kind == "cancel_order" else ALONE_REFUND
        others = list(self.moved.values())
        assert minor <= alone, f"{minor} went without the approval that its size needs"
        day = sum(m.minor for m in others if m.step.customer_id == customer)
        assert day + minor <= ALONE_DAY, f"{day} + {minor} in a day without a person"
        parts = sum(m.minor for m in others if m.order == order)
        assert not parts or parts + minor <= alone, f"{parts} + {minor} of {order} in parts"
        for scope, most in (("instrument:", ALONE_CARD), ("address:", ALONE_ADDRESS)):
            for mine in (s for s in step.scopes if s.startswith(scope)):
                before = sum(m.minor for m in others if mine in m.step.scopes)
                assert not before or before + minor <= most, f"{before} + {minor} over {mine}"

    def check(self) -> None:
        """Look at the books when all is over."""
        self.backends.faults.clear()
        by_customer: Counter[str] = Counter()
        claimed: defaultdict[str, set[str]] = defaultdict(set)
        for order in ORDERS:
            payments = self.backends.payments
            paid = sum(p.amount.amount_minor for p in payments.list_payments(TENANT, order))
            refunds = payments.list_refunds(TENANT, order)
            back = sum(r.amount.amount_minor for r in refunds)
            assert back <= paid, f"{order}: {back} of {paid} was given back"
            for refund in refunds:
                if not refund.key.startswith(f"{TENANT}:"):
                    continue
                effect_id = refund.key.removeprefix(f"{TENANT}:")
                moved = self.moved[effect_id]
                assert moved.order == order
                assert refund.amount.amount_minor <= moved.minor
                by_customer[OWNERS[order]] += refund.amount.amount_minor
                for component in moved.step.components:
                    claimed[component].add(effect_id)
        assert all(minor <= HARD_CUSTOMER for minor in by_customer.values())
        assert by_customer.total() <= HARD_TENANT
        twice = {component: names for component, names in claimed.items() if len(names) > 1}
        assert not twice, f"given back twice: {twice}"


def _one_of(plans: dict[str, Plan], which: int) -> str:
    return sorted(plans)[which % len(plans)]


def _unknown(action: Action) -> bool:
    try:
        parse(action)
    except UnknownKind:
        return True
    except ValueError:
        return False
    return False


def _order_of(step: ExecuteAction) -> str | None:
    named = step.action.params.get("order_id")
    return f"#{named.removeprefix('#')}" if isinstance(named, str) else None


def _lowered(plan: Plan, minor: int | None) -> Edit | None:
    """Lower the amounts that may be lowered, as the workflow's validator allows it."""
    amounts = {f.action_id: f.amount for f in plan.judgement.facts.actions}
    changes = tuple(
        ActionEdit(action_id=action.action_id, amount_minor=minor)
        for action in plan.actions
        if minor is not None
        and "amount_minor" in CATALOGUE[action.kind].model_fields
        and (amount := amounts[action.action_id]) is not None
        and minor <= amount.amount_minor
    )
    return Edit(actions=changes) if changes else None


def _state(ticket: str) -> TicketState:
    who = ticket.partition("-")[0]
    known = who in ("ada", "bob")
    assurance = Assurance.CONFIRMED if known else Assurance.NONE
    if ticket.endswith("unsure"):
        assurance = Assurance.CHANNEL_VERIFIED
    now = datetime.now(UTC)
    return TicketState(
        ticket=Ticket(
            ticket_id=ticket,
            tenant=TENANT,
            assurance=assurance,
            customer=Customer(email=f"{who}@example.com"),
            subject="Money",
            body=WORDS,
            received_at=now,
        ),
        opened_by="shop-backend",
        opened_at=now,
        customer=CustomerContext(customer_id=who if known else None),
    )


def _propose_request(state: TicketState) -> ProposeRequest:
    return ProposeRequest(
        tenant=TENANT,
        ticket_id=state.ticket.ticket_id,
        proposal_number=1,
        customer_id=approval.customer_id(state),
        assurance=state.ticket.assurance,
        subject=state.ticket.subject,
        classification_intent="refund_request",
        confidence=0.95,
        conversation=(),
    )
