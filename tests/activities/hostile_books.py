"""What must hold whatever was proposed: looked up in the backends, counted with own numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Final

from closeloop.actions.catalogue import CATALOGUE, parse
from closeloop.actions.items import ExchangeItems
from closeloop.embedded.payments import EmbeddedPayments
from closeloop.models.steps import ExecuteAction
from tests.activities.hostile_shop import ORDERS, OWNERS, PAID_BY, PRICES
from tests.activities.hostile_tickets import TENANT, Plan, state_of

# The numbers of the rules, written down once more: nothing here is read from them.
ALONE_REFUND, ALONE_CANCEL, ALONE_DAY = 5_000, 20_000, 15_000
ALONE_CARD, ALONE_ADDRESS = 30_000, 50_000
HARD_CUSTOMER, HARD_TENANT, CEILING = 60_000, 80_000, 500_000
APPROVER_LIMITS: Final = {"alice": 20_000, "bob": 100_000, "carol": 500_000}


@dataclass(frozen=True)
class Moved:
    """An effect that was begun and not refused: it has happened, or may have."""

    step: ExecuteAction
    order: str | None
    minor: int
    approver: str | None


class Books:
    """The money of one run."""

    def __init__(self, payments: EmbeddedPayments) -> None:
        self._payments = payments
        self.moved: dict[str, Moved] = {}

    def left(self, order: str | None) -> int:
        """What refunds, disputes and credit have left of an order's payments, by the books."""
        if order is None:
            return 0
        payments = self._payments
        paid = sum(p.amount.amount_minor for p in payments.list_payments(TENANT, order))
        back = sum(r.amount.amount_minor for r in payments.list_refunds(TENANT, order))
        called = sum(
            d.amount.amount_minor
            for d in payments.list_disputes(TENANT, order)
            if d.status != "won"
        )
        return paid - back - called - self.credited(order)

    def credited(self, order: str) -> int:
        credit = self._payments.list_credits(TENANT, order)
        return sum(c.amount.amount_minor for c in credit)

    def given_back(self) -> int:
        """All refunds and credit."""
        payments = self._payments
        refunds = [r for order in ORDERS for r in payments.list_refunds(TENANT, order)]
        back = sum(refund.amount.amount_minor for refund in refunds)
        return back + sum(self.credited(order) for order in ORDERS)

    def require_worth(self, step: ExecuteAction, order: str | None, left: dict[str, int]) -> None:
        """Ask whether the items that an exchange takes were still paid when it was judged."""
        if step.action.kind == "exchange_items":
            params = parse(step.action)
            assert isinstance(params, ExchangeItems)
            worth = sum(round(PRICES[item] * 100) for item in params.item_ids)
            assert order is not None
            assert worth <= left[order], f"{order}: {worth} exchanged, {left[order]} was left"

    def note(self, step: ExecuteAction, order: str | None, plan: Plan | None) -> None:
        """Count an effect, and ask whether somebody should have been asked, and was."""
        assert step.amount is not None
        minor, customer = step.amount.amount_minor, step.customer_id
        assert customer is not None, "money for nobody known"
        assert order is None or OWNERS[order] == customer, "somebody else's order"
        needed = CATALOGUE[step.action.kind].assurance.rank
        assert state_of(step.ticket_id).ticket.assurance.rank >= needed, (
            "not sure enough who writes"
        )
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
        if order is None:
            return
        for card in PAID_BY[order]:
            before = sum(m.minor for m in others if m.order and card in PAID_BY[m.order])
            assert not before or before + minor <= ALONE_CARD, f"{before} + {minor} over {card}"
        before = sum(m.minor for m in others if m.order)  # they all went to one address
        assert not before or before + minor <= ALONE_ADDRESS, f"{before} + {minor} to the address"

    def check(self) -> None:
        """Look at the books when all is over."""
        by_customer: Counter[str] = Counter()
        claimed: defaultdict[str, set[str]] = defaultdict(set)
        for order in ORDERS:
            payments = self._payments
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
