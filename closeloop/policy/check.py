"""What every check is: a look at recorded facts that finds pass, fail or unknown."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar, Final, Literal, NamedTuple

from closeloop.models.base import Input
from closeloop.models.policy import ActionFacts, Facts
from closeloop.policy.standing import Standing, standing_of


class Result(StrEnum):
    """What a check found."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """A result, with the particulars that a person wants to read beside the rule's words."""

    result: Result
    detail: str = ""


PASSED: Final = Finding(Result.PASS)


def failed(detail: str = "") -> Finding:
    """Return a finding that the rule is not kept."""
    return Finding(Result.FAIL, detail)


def unknown(detail: str) -> Finding:
    """Return a finding that a fact is missing."""
    return Finding(Result.UNKNOWN, detail)


Otherwise = Literal["refuse", "needs_approval", "escalate"]
"""What a rule makes of a check that fails."""

ANY_RULING: Final[frozenset[Otherwise]] = frozenset({"refuse", "needs_approval"})
ONLY_REFUSE: Final[frozenset[Otherwise]] = frozenset({"refuse"})


class Scope(StrEnum):
    """Which actions a check looks at, where its rule names no kinds."""

    ACTIONS = "actions"
    """Every action, reads and the desk's own bookkeeping included."""
    WRITES = "writes"
    """Every WRITE that is not the desk's own bookkeeping."""
    MONEY = "money"
    """Those of them that move money."""


class Check(Input):
    """Base of all checks."""

    name: ClassVar[str]
    otherwise: ClassVar[frozenset[Otherwise]] = ANY_RULING
    required: ClassVar[bool] = False
    """DESIGN section 5 rests on it: a rule file without it, or with less of it, is refused."""

    def never_heard_beside(self, refusing: "Check") -> bool:
        """Whether a rule that refuses by ``refusing`` always speaks before this one can."""
        return self == refusing


class TicketCheck(Check, ABC):
    """A check on the whole ticket; its word holds for every action and for the reply."""

    @abstractmethod
    def look(self, facts: Facts) -> Finding:
        """Return what the facts say."""


class ActionCheck(Check, ABC):
    """A check on one action."""

    scope: ClassVar[Scope] = Scope.WRITES
    judges_change: ClassVar[bool] = False
    """About what would change: an effect that is done already changes nothing any more."""

    @abstractmethod
    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Return what the facts say of the action."""


def concerns(scope: Scope, action: ActionFacts) -> bool:
    """Whether an action is in the scope."""
    match scope:
        case Scope.ACTIONS:
            return True
        case Scope.WRITES:
            return action.writes and (not action.internal or moves_money(action))
        case Scope.MONEY:
            return action.writes and moves_money(action)


def moves_money(action: ActionFacts) -> bool:
    """Whether the kind says so, or an amount does."""
    return action.moves_money or action.amount is not None


def standing(facts: Facts, action: ActionFacts) -> Standing | None:
    """Return how the action's effect stands; None where the ledger was not asked."""
    return standing_of(action.effect, facts.ticket_id) if action.effect else None
