"""Makes a better proposal out of what became of the ones before.

A plan is made anew from the records, as if nothing had happened; then every observation, oldest
first, may change it. What was said no to is never proposed again unchanged. Observations are those
since our last word to the customer: their answer to a question starts afresh.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from closeloop.actions.base import ActionKind
from closeloop.actions.catalogue import parse
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReturnItems
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress, ModifyOrderPayment
from closeloop.actions.refunds import RefundPayment
from closeloop.models.proposal import Observation, Proposal
from closeloop.models.records import OrderRecord
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import Case
from closeloop.offline.playbooks.orders import is_overdue, lost
from closeloop.offline.playbooks.quoting import Quote
from closeloop.offline.playbooks.reading import amounts_minor

Playbook = Callable[[Case], Proposal]

# What a rule's or a backend's code is about, by the words in it: rules are the tenant's to name.
_IDENTITY: Final = re.compile(r"assurance|identity")
_OWNERSHIP: Final = re.compile(r"\bown(?:er|ership)?\b|order_not_found")
_CONSENT: Final = re.compile(r"consent|asked_for")
_IN_HAND: Final = re.compile(r"effect|overlap|elsewhere")
_ELIGIBILITY: Final = re.compile(r"window|status|eligib|deliver|cancelled|pending")

_WORDS: Final[dict[str, str]] = {
    RefundPayment.kind: "refund {order}",
    CancelOrder.kind: "cancel {order}",
    ModifyOrderAddress.kind: "send {order} to the new address",
    ReturnItems.kind: "return {order}",
    ExchangeItems.kind: "exchange {order}",
}


def revised(case: Case, playbook: Playbook) -> Proposal:
    """Return the playbook's plan in the light of everything observed so far."""
    seen = case.request.observations
    plan = _plan(case, playbook, seen)
    if not seen or plan.escalation is not None:
        return plan
    if _twice(seen):
        return _given_up(case, seen[-1], "the same thing went wrong twice")
    before = _plan(case, playbook, seen[:-1])
    said_no = seen[-1].kind in ("refused", "rejected", "failed", "invalid")
    if said_no and plan == before and (plan.actions or seen[-1].kind == "rejected"):
        return _given_up(case, seen[-1], "there is no other plan")
    return plan


def _plan(case: Case, playbook: Playbook, seen: Sequence[Observation]) -> Proposal:
    rejected = [o for o in seen if o.kind == "rejected"]
    caps = [cap for o in rejected if o.code == "wrong_amount" for cap in _amounts(o.message)]
    guided = replace(
        case,
        plainly=any(o.code == "tone" for o in rejected),
        amount_cap=min(caps, default=None),
    )
    plan = playbook(guided)
    for observation in seen:
        plan = _after(guided, plan, observation)
        if plan.escalation is not None:
            break
    return plan


def _after(case: Case, plan: Proposal, observation: Observation) -> Proposal:
    """Return the plan with one observation taken into account."""
    match observation.kind:
        case "refused":
            return _after_refusal(case, plan, observation)
        case "rejected":
            return _after_rejection(case, plan, observation)
        case "failed" if _IN_HAND.search(observation.code):
            return _after_refusal(case, plan, observation)
        case "failed" | "not_verified" | "invalid":
            if not plan.actions and observation.action_kind is not None:
                return plan  # by now the records make it unnecessary: an answer tells the truth
            return _given_up(case, observation, _HAPPENED[observation.kind])
        case "drift":
            return plan  # made from the records as they are now; it is judged anew


_HAPPENED: Final = {
    "failed": "the backend refused it",
    "not_verified": "it could not be read back from the system of record",
    "invalid": "the proposal was not valid",
}


# --- refused by policy ---------------------------------------------------------------------------


def _after_refusal(case: Case, plan: Proposal, observation: Observation) -> Proposal:
    kind = observation.action_kind
    refused = [a for a in plan.actions if kind is None or a.kind == kind]
    if not refused:
        return plan
    params = parse(refused[0])
    order = _order(case, params)
    code = observation.code
    if _IDENTITY.search(code):
        return drafting.not_sure_enough(case)
    if order is None:
        return _given_up(case, observation, "policy refused it")
    if _OWNERSHIP.search(code):
        return drafting.not_on_account(case)
    if _CONSENT.search(code):
        return _confirmation(case, params, order)
    if _IN_HAND.search(code):
        return drafting.answer(
            case,
            (wording.IN_HAND,),
            goal="tell that it is being dealt with already",
            why=f"{observation.message} [{code}]",
            courtesy=wording.THANKS,
        )
    if _ELIGIBILITY.search(code):
        return _not_eligible(case, params, order, observation)
    return _given_up(case, observation, "policy refused it")


def _confirmation(case: Case, params: ActionKind, order: OrderRecord) -> Proposal:
    sure, go_on = wording.CONFIRM
    words = _WORDS.get(params.kind, "yes, {order}").format(order=wording.neutral(order.order_id))
    return drafting.question(
        case,
        (sure, wording.order_line(order), go_on.format(words=words)),
        goal="hear from the customer that this is what they want",
        why="policy wants the customer's own words for it",
    )


def _not_eligible(
    case: Case, params: ActionKind, order: OrderRecord, observation: Observation
) -> Proposal:
    """Answer kindly, without the action, with the rule as the tenant's own policy says it."""
    if isinstance(params, RefundPayment) and is_overdue(case, order):
        return lost(case, order)
    quote, spoken = _rule(case, params, observation)
    if quote is None:
        return drafting.knowledge_gap(case, f"why {params.describe()} is not possible")
    no = wording.NO_REFUND if isinstance(params, RefundPayment) else wording.NO_CHANGE
    return drafting.answer(
        case,
        (
            no.format(order=wording.neutral(order.order_id)),
            wording.RULE.format(rule=wording.neutral(spoken, 300)) if spoken else "",
        ),
        goal="explain why it is not possible",
        why=f"{observation.message} [{observation.code}]",
        quotes=(quote,),
        courtesy=wording.THANKS,
        closing=wording.SEE_IT_DIFFERENTLY,
    )


def _rule(case: Case, params: ActionKind, observation: Observation) -> tuple[Quote | None, str]:
    """Return the passage to cite, and the refusing rule's own words where no passage says it."""
    spoken = observation.message if observation.kind == "refused" else ""
    match params:
        case RefundPayment():
            exact = case.quote(
                "refund money back get until within days after delivery", must="days delivery"
            )
            about = case.quote("refund refunds money back", needs=1, most=1)
        case CancelOrder():
            exact = case.quote("cancel pending processed left longer stopped", needs=3)
            about = case.quote("cancel cancelled order", needs=1, most=1)
        case ReturnItems() | ExchangeItems():
            exact = case.quote(
                f"{params.remedy_words[0]} within days delivery", must="days delivery"
            )
            about = case.quote("return exchange items", needs=1, most=1)
        case ModifyOrderItems() | ModifyOrderPayment():
            exact = case.quote("cannot change order processed once pending payment items", needs=3)
            about = case.quote("change order", needs=1, most=1)
        case _:
            exact = case.quote("cannot change address redirect processed shipped", needs=4)
            about = case.quote("change address", needs=1, most=1)
    if exact is not None and ("window" in observation.code or not spoken):
        return exact, ""
    return exact or about, spoken


# --- rejected by an approver ---------------------------------------------------------------------


def _after_rejection(case: Case, plan: Proposal, observation: Observation) -> Proposal:
    match observation.code:
        case "tone":
            return plan
        case "wrong_amount" if _amounts(observation.message):
            return plan
        case "needs_information":
            return _tell_us_more(case)
        case "not_eligible" if plan.actions:
            params = parse(plan.actions[0])
            order = _order(case, params)
            if order is not None:
                return _not_eligible(case, params, order, observation)
        case _:
            pass
    return _given_up(case, observation, "an approver rejected it")


def _tell_us_more(case: Case) -> Proposal:
    return drafting.question(
        case,
        wording.TELL_US_MORE,
        goal="learn more about what happened",
        why="an approver needs more information",
    )


def _amounts(words: str) -> tuple[int, ...]:
    """Return the amounts in an approver's words, in cents; a single bare number is dollars."""
    written = amounts_minor(words)
    bare = re.findall(r"(?<![\w.#])\d{1,6}(?![\w.])", words)
    return written or (tuple(int(n) * 100 for n in bare) if len(bare) == 1 else ())


# --- helpers -------------------------------------------------------------------------------------


def _order(case: Case, params: ActionKind) -> OrderRecord | None:
    target = params.target_order
    return next((order for order in case.orders if order.order_id == target), None)


def _twice(seen: Sequence[Observation]) -> bool:
    def key(o: Observation) -> tuple[str, str, str | None, str]:
        words = o.message if o.code == "wrong_amount" else ""
        return o.kind, o.code, o.action_kind, words

    counts = Counter(map(key, seen))
    return any(count > 1 for count in counts.values())


def _given_up(case: Case, observation: Observation, why: str) -> Proposal:
    action = observation.action_kind or "the proposal"
    limited = observation.code == LIMIT_REACHED
    return drafting.escalate(
        case,
        LIMIT_REACHED if limited else _REASONS.get(observation.kind, "no_safe_plan"),
        f"{action}: {why}: {observation.message} [{observation.code}].",
        observation.message if observation.kind == "rejected" else "",
    )


LIMIT_REACHED: Final = "limit_reached"
"""The ledger's word for a limit that others used up between a judgement and its effect."""
_REASONS: Final = {
    "rejected": "approver_rejected",
    "failed": "backend_refused",
    "not_verified": "not_verified",
}
