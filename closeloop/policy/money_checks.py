"""The checks on money: what is left of an order, and what may leave at once or in a day."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from closeloop.models.base import MAX_SAFE_MINOR, Money
from closeloop.models.policy import WINDOW_DAYS, ActionFacts, Facts, Measure
from closeloop.policy.check import (
    PASSED,
    ActionCheck,
    Check,
    Finding,
    Result,
    Scope,
    concerns,
    failed,
    standing,
    unknown,
)
from closeloop.policy.standing import Standing
from closeloop.policy.tomlfile import MinorUnits


class Refundable(ActionCheck):
    """What this and the proposal's other actions take from the order is still left of it."""

    name: ClassVar[str] = "refundable"
    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare with paid less all that is gone, and with what the named parts are worth.

        Gone is what was refunded, credited, and taken by disputes that are open or lost. What takes
        nothing of it, such as other items for which the customer pays more, passes.
        """
        if standing(facts, action) is Standing.BEGUN_HERE:
            return PASSED  # what it took itself may count as refunded already
        amount, paid, refunded = _taken(action), action.paid, action.refunded
        if amount is not None and amount.amount_minor == 0:
            return PASSED
        credited, disputed = action.credited, action.disputed
        if amount is None or paid is None or refunded is None:
            return unknown("the amount, or what was paid or refunded, is not known")
        if credited is None or disputed is None:
            return unknown("what was credited or disputed is not known")
        parts = action.component_total if action.takes is None else None
        gone = (refunded, credited, disputed)
        if len({money.currency for money in (amount, paid, *gone, parts or amount)}) > 1:
            return failed("the amounts are in different currencies")
        # A change of items claims a part worth nothing; facts of old do not say what it takes.
        if parts is not None and 0 < parts.amount_minor < amount.amount_minor:
            return failed(f"{amount} is asked, the parts cost {parts}")
        asked = _taken_of(facts, amount.currency, action.order_id)
        if asked is None:
            return unknown("not every amount on this order is known")
        left = paid.amount_minor - sum(money.amount_minor for money in gone)
        if asked <= left:
            return PASSED
        words = _in_words(asked, amount.currency)
        rest = _in_words(max(left, 0), amount.currency)
        return failed(f"{words} is asked, {rest} is left")


class WholePrice(ActionCheck):
    """What is taken is the whole price of the named parts, not some of it."""

    name: ClassVar[str] = "whole_price"
    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the amount with what the parts cost."""
        if action.amount is None or action.component_total is None:
            return unknown("the amount, or what the parts cost, is not known")
        if action.amount == action.component_total:
            return PASSED
        return failed(f"{action.amount} of {action.component_total}")


class NoOpenDispute(ActionCheck):
    """The customer's bank has not called back a payment of the order, its end not known yet."""

    name: ClassVar[str] = "no_open_dispute"
    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Read the recorded fact."""
        if action.dispute_open is None:
            return unknown("whether a payment is disputed is not known")
        return failed() if action.dispute_open else PASSED


class AtMost(ActionCheck, ABC):
    """Base of the checks that compare a sum with ``at_most`` of ``currency``.

    The ledger holds the same limit (``measure``) against whatever else is under way at the time.
    """

    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    at_most: MinorUnits
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"

    @property
    @abstractmethod
    def measure(self) -> Measure:
        """What the limit is on."""

    @abstractmethod
    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        """Return the minor units to compare; None where one is missing or of other currency."""

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the sum with the limit."""
        minor = self._sum(facts, action)
        if minor is None:
            return unknown(f"an amount is not known in {self.currency}")
        if minor <= self.at_most:
            return PASSED
        return failed(f"it is {_in_words(minor, self.currency)}")

    def never_heard_beside(self, refusing: Check) -> bool:
        """Compare the limits."""
        return (
            isinstance(refusing, AtMost)
            and refusing.measure == self.measure
            and refusing.currency == self.currency
            and refusing.at_most <= self.at_most
        )


class AmountAtMost(AtMost):
    """The action alone moves at most ``at_most``."""

    name: ClassVar[str] = "amount_at_most"

    @property
    def measure(self) -> Measure:
        """The effect alone."""
        return "amount"

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        amount = action.amount
        return amount.amount_minor if amount and amount.currency == self.currency else None


class CustomerDayAtMost(AtMost):
    """The customer's day, with everything this proposal moves, is at most ``at_most``."""

    name: ClassVar[str] = "customer_day_at_most"

    @property
    def measure(self) -> Measure:
        """The customer's UTC day."""
        return "customer_day"

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        moved = _sum_of(facts, self.currency)
        return None if moved is None else moved + facts.customer_spent_today_minor


class TenantDayAtMost(AtMost):
    """The tenant's day, with everything this proposal moves, is at most ``at_most``."""

    name: ClassVar[str] = "tenant_day_at_most"

    @property
    def measure(self) -> Measure:
        """The tenant's UTC day."""
        return "tenant_day"

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        moved = _sum_of(facts, self.currency)
        return None if moved is None else moved + facts.tenant_spent_today_minor


class RecentAtMost(AtMost):
    """What moved in parts in the last ``WINDOW_DAYS`` is at most ``at_most`` together.

    The parts have an order, a customer, an instrument or an address in common; where an order was
    paid by several instruments, the one with the largest sum counts. An amount that is no part of
    anything is for ``amount_at_most``.
    """

    name: ClassVar[str] = "recent_at_most"

    over: Literal["order", "customer", "instrument", "address"]

    @property
    def measure(self) -> Measure:
        """What the parts have in common."""
        return self.over

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the largest sum with the limit, where there are other parts."""
        scopes = [s for s in action.recent_minor if s.startswith(f"{self.over}:")]
        if not scopes:
            return unknown(f"its {self.over} is not known")
        if all(_others(facts, action, scope) == 0 for scope in scopes):
            return PASSED
        found = super().look(facts, action)
        if found.result is not Result.FAIL:
            return found
        return failed(f"{found.detail} in {WINDOW_DAYS} days")

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        amount = action.amount
        if amount is None or amount.currency != self.currency:
            return None
        scopes = (s for s in action.recent_minor if s.startswith(f"{self.over}:"))
        return amount.amount_minor + max(_others(facts, action, scope) for scope in scopes)


def _others(facts: Facts, action: ActionFacts, scope: str) -> int:
    """Return what has moved in a scope, and what other actions of the proposal would move there.

    Minor units of different currencies are added up as they are, as the ledger does.
    """
    return action.recent_minor[scope] + sum(
        other.amount.amount_minor
        for other in facts.actions
        if other.action_id != action.action_id
        and other.amount is not None
        and scope in other.recent_minor
        and standing(facts, other) is not Standing.DONE
    )


def _sum_of(facts: Facts, currency: str) -> int | None:
    """Return what the proposal would move, None where an amount is not known."""
    return _added([action.amount for action in _moving(facts)], currency)


def _taken_of(facts: Facts, currency: str, order_id: str | None) -> int | None:
    """Return what the proposal would take of an order's payments, None where that is not known."""
    on_it = [action for action in _moving(facts) if action.order_id == order_id]
    return _added([_taken(action) for action in on_it], currency)


def _taken(action: ActionFacts) -> Money | None:
    return action.amount if action.takes is None else action.takes


def _moving(facts: Facts) -> list[ActionFacts]:
    """Return the actions whose money is still to move."""
    return [
        action
        for action in facts.actions
        if concerns(Scope.MONEY, action) and standing(facts, action) is not Standing.DONE
    ]


def _added(amounts: Iterable[Money | None], currency: str) -> int | None:
    total = 0
    for amount in amounts:
        if amount is None or amount.currency != currency:
            return None
        total += amount.amount_minor
    return total


def _in_words(minor: int, currency: str) -> str:
    """Return a sum as people read it; one that is beyond all amounts as more than the largest."""
    words = str(Money(amount_minor=min(minor, MAX_SAFE_MINOR), currency=currency))
    return words if minor <= MAX_SAFE_MINOR else f"more than {words}"
