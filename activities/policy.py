"""Policy's activities: gather the facts by reading, then judge; and the live roster."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import dropwhile

from temporalio import activity

from activities.facts import ChangeFacts, read_money
from activities.grounding import ReplyFacts
from closeloop.actions.base import Access, ActionKind, Effect
from closeloop.actions.callbacks import TimedCallback
from closeloop.actions.catalogue import parse
from closeloop.errors import BackendRefused
from closeloop.models.base import NO_CURRENCY, Money, clip
from closeloop.models.policy import ActionFacts, EffectFacts, Facts, Judgement, JudgeRequest
from closeloop.models.proposal import Action
from closeloop.models.records import OrderRecord
from closeloop.models.steps import CheckApprover, Recorded
from closeloop.names import idempotency_key
from closeloop.policy.binding import effect_digest
from closeloop.policy.consent import names_target, own_words
from closeloop.policy.extent import says_numbers
from closeloop.policy.roster import may_decide
from closeloop.policy.velocity import scopes_of
from closeloop.policy.wished import names_remedy
from closeloop.policy.zones import zone_of
from closeloop.ports import (
    Calendar,
    InjectionDetector,
    Knowledge,
    Ledger,
    Payments,
    PolicyBook,
    Shop,
)


class PolicyActivities:
    """Activities that decide what is allowed; they read, and never write."""

    def __init__(
        self,
        book: PolicyBook,
        shop: Shop,
        payments: Payments,
        ledger: Ledger,
        knowledge: Knowledge,
        detector: InjectionDetector,
        calendar: Calendar,
    ) -> None:
        """Keep the rules, the detector, and the systems that facts come from."""
        self._book = book
        self._shop = shop
        self._payments = payments
        self._ledger = ledger
        self._calendar = calendar
        self._changes = ChangeFacts(shop)
        self._replies = ReplyFacts(book, shop, payments, knowledge, detector)

    @activity.defn
    def evaluate_policy(self, request: JudgeRequest) -> Judgement:
        """Return the verdicts with the facts they rest on."""
        now = datetime.now(UTC)
        gathered = tuple(self._gather(request, action) for action in request.actions)
        own = [facts.effect.effect_id for facts in gathered if facts.effect is not None]
        customer_spent, tenant_spent = self._ledger.spent_today(
            request.tenant, request.customer_id, now, besides=own
        )
        gathered = self._with_recent(request.tenant, gathered, now, own)
        facts = Facts(
            at=now,
            policy_version=self._book.version,
            tenant=request.tenant,
            ticket_id=request.ticket_id,
            customer_id=request.customer_id,
            assurance=request.assurance,
            intent=request.intent,
            confidence=request.confidence,
            topics=request.topics,
            sentiment=request.sentiment,
            answered=request.answered,
            injection_suspected=request.injection_suspected,
            **self._replies.of(request, now),
            mode_cap=request.mode_cap,
            cap_source=request.cap_source,
            stopped=self._stopped(request.tenant),
            contact_changed_at=self._contact_changed_at(request),
            customer_spent_today_minor=customer_spent,
            tenant_spent_today_minor=tenant_spent,
            actions=gathered,
        )
        return self._book.judge(facts, request.actions)

    @activity.defn
    def check_approver(self, check: CheckApprover) -> Recorded:
        """Ask the live roster whether this person may decide.

        Raises:
            BackendRefused: with the roster's code, for example ``above_limit``.
        """
        customer = None
        if check.customer_id is not None:
            customer = self._shop.get_customer(check.tenant, check.customer_id)
        at = check.at or datetime.now(UTC)
        problem = may_decide(
            self._book.approver(check.approver, check.tenant, at.date()),
            approver_id=check.approver,
            tenant=check.tenant,
            requesters=(*check.requesters, *([customer.email] if customer else ())),
            total=check.total,
        )
        if problem is not None:
            raise BackendRefused(problem.message, code=problem.code)
        return Recorded()

    def _stopped(self, tenant: str) -> str | None:
        stop = self._ledger.stopped(tenant)
        return None if stop is None else clip(f"stopped by {stop.by}: {stop.reason}", 200)

    def _contact_changed_at(self, request: JudgeRequest) -> datetime | None:
        """Read it again where something would be done: a ticket may be months old."""
        if request.customer_id is None or not request.actions:
            return request.contact_changed_at
        customer = self._shop.get_customer(request.tenant, request.customer_id)
        return customer.contact_changed_at if customer else request.contact_changed_at

    def _gather(self, request: JudgeRequest, action: Action) -> ActionFacts:
        try:
            params = parse(action)
        except ValueError as error:
            return ActionFacts(
                action_id=action.action_id, kind=action.kind, valid=False, problem=str(error)
            )
        facts = ActionFacts(
            action_id=action.action_id,
            kind=action.kind,
            writes=params.access is Access.WRITE,
            internal=params.internal,
            needed_assurance=params.assurance,
            moves_money=params.moves_money,
            order_id=params.target_order,
            order_asked=params.target_order,
            customer_asked=params.target_customer,
        )
        order = None
        if params.target_order is not None:
            order = self._shop.get_order(request.tenant, params.target_order)
            if order is None:
                return facts
            facts = facts.model_copy(
                update={"order_found": True, "order_customer_id": order.customer_id}
            )
            if order.customer_id != request.customer_id:
                return facts  # nothing more about somebody else's order, not even in a record
        try:
            return self._complete(request, action, params, order, facts)
        except ValueError as error:
            return facts.model_copy(update={"valid": False, "problem": str(error)})

    def _complete(
        self,
        request: JudgeRequest,
        action: Action,
        params: ActionKind,
        order: OrderRecord | None,
        facts: ActionFacts,
    ) -> ActionFacts:
        effect = params.effect(request.ticket_id, order)
        money: dict[str, object] = {}
        if order is not None and params.moves_money:
            money = self._money(request.tenant, params, order, effect)
        if "amount" in money:
            effect = effect.model_copy(update={"amount": money["amount"]})
        known = self._ledger.lookup(request.tenant, effect.effect_id, effect.components)
        words = request.customer_messages.items()
        asked = [text for name, text in words if name in action.requested_by]
        later = [text for _, text in dropwhile(lambda m: m[0] not in action.requested_by, words)]
        update: dict[str, object] = {
            "amount": effect.amount,
            "effect": known,
            "names_remedy": all(names_remedy(said, type(params)) for said in (asked, later)),
            "undo": self._undo(request, action, params, order),
            "consent": _consent(request, params, effect),
            **money,
        }
        if isinstance(params, TimedCallback):
            update["slot_problem"] = self._slot_problem(request.tenant, params, known)
        said = says_numbers([own_words(text) for text in asked], params.own_numbers)
        if order is None:
            update["names_target"] = params.target_customer is not None and bool(asked) and said
        else:
            parts = effect.components if params.names_parts else ()
            components = tuple(name.rpartition("/")[2] for name in parts)
            update |= {
                "order_id": order.order_id,
                "order_status": order.status,
                "placed_at": order.placed_at,
                "delivered_at": order.delivered_at,
                "component_total": Money(
                    amount_minor=sum(effect.components.values()), currency=order.currency
                ),
                "names_target": said
                and names_target(
                    asked,
                    order,
                    components,
                    request.ticket_order_ids,
                    others=self._shop.list_orders(request.tenant, order.customer_id),
                ),
            }
        if not (update["names_target"] and update["names_remedy"]):
            update |= {
                "in_words": params.in_words(order, effect.amount),
                "digest": effect_digest(params, effect),
            }
        return facts.model_copy(update=update)

    def _slot_problem(self, tenant: str, params: TimedCallback, effect: EffectFacts) -> str:
        """Return why nobody can call then; a call that is booked already stands in no one's way."""
        hours = self._book.call_hours(tenant)
        if hours is None:
            return "nobody is called back here"
        if effect.state is not None:
            return ""
        now = datetime.now(UTC)
        customer = self._shop.get_customer(tenant, params.customer_id)
        zone = (zone_of(customer.address) if customer else None) or hours.zone
        return hours.problem(params.time, now, zone, self._calendar.calls(tenant, now))

    def _undo(
        self, request: JudgeRequest, action: Action, params: ActionKind, order: OrderRecord | None
    ) -> Action | None:
        """Return what would take the action back, from what stands before it."""
        own = params.target_customer
        customer = None
        if own is not None and own == request.customer_id:
            customer = self._shop.get_customer(request.tenant, own)
        inverse = params.inverse(order, customer)
        if inverse is None:
            return None
        return Action(
            action_id=f"{action.action_id}-undo",
            kind=inverse.kind,
            params=inverse.model_dump(mode="json"),
            reason=f"takes back {action.action_id}",
        )

    def _money(
        self, tenant: str, params: ActionKind, order: OrderRecord, effect: Effect
    ) -> dict[str, object]:
        money = read_money(self._payments, tenant, order.order_id)
        key = idempotency_key(tenant, effect.effect_id)
        return {
            "paid": _total(order, [p.amount for p in money.payments]),
            "refunded": _total(order, [r.amount for r in money.gone]),
            "credited": _total(order, [c.amount for c in money.credits]),
            "disputed": _total(order, [d.amount for d in money.called_back]),
            "dispute_open": any(d.status == "open" for d in money.disputes),
            "recent_minor": dict.fromkeys(scopes_of(order, money.payments), 0),
            **self._changes.of(tenant, params, order, money, key),
        }

    def _with_recent(
        self, tenant: str, gathered: tuple[ActionFacts, ...], now: datetime, own: Sequence[str]
    ) -> tuple[ActionFacts, ...]:
        """Fill in what has moved in each of the actions' scopes, this proposal left out."""
        scopes = sorted({scope for facts in gathered for scope in facts.recent_minor})
        if not scopes:
            return gathered
        recent = self._ledger.recent(tenant, scopes, now, besides=own)
        return tuple(
            facts.model_copy(
                update={"recent_minor": {scope: recent[scope] for scope in facts.recent_minor}}
            )
            for facts in gathered
        )


def _consent(request: JudgeRequest, params: ActionKind, effect: Effect) -> str | None:
    """Return the message that said yes to exactly this."""
    if not request.consents:
        return None
    digest = effect_digest(params, effect)
    return next((c.message_id for c in request.consents if c.digest == digest), None)


def _total(order: OrderRecord, amounts: Iterable[Money]) -> Money:
    """Add up in the order's currency; amounts of another one cannot be added."""
    listed = list(amounts)
    foreign = any(amount.currency != order.currency for amount in listed)
    minor = sum(amount.amount_minor for amount in listed)
    return Money(amount_minor=minor, currency=NO_CURRENCY if foreign else order.currency)
