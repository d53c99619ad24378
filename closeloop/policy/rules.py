"""The rules, ``rules.toml``: which action kinds there may be, and what each check comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from closeloop.actions.base import Access, ActionKind
from closeloop.actions.catalogue import CATALOGUE, WORKFLOW_ONLY
from closeloop.errors import ConfigurationError
from closeloop.models.base import Input
from closeloop.models.policy import ActionFacts, MoneyLimit
from closeloop.policy.check import ActionCheck, Otherwise, Scope, TicketCheck, concerns
from closeloop.policy.checks import CHECKS, ContactSettled, OrderStatus
from closeloop.policy.money_checks import AtMost
from closeloop.policy.tomlfile import TomlTable, fault, read_toml

FILE: Final = "rules.toml"

NOT_ALLOWED: Final = "action.allowed"
NOT_VALID: Final = "action.valid"
CAPPED: Final = "mode."
"""Rule ids of the judge itself; the mode's name follows the last."""
STOPPED: Final = "mode.stopped"
"""The judge's word while the tenant's autonomous writes are stopped."""

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+){0,4}$")]
_RULE_ID: Final = TypeAdapter[str](RuleId)


class _Header(Input):
    """The keys that every ``[[rule]]`` has; the others are its check's parameters."""

    id: RuleId
    check: str
    applies_to: Annotated[frozenset[str], Field(min_length=1)] | None = None
    otherwise: Otherwise
    unknown: Literal["needs_approval", "refuse"] = "needs_approval"
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=200)]


class _Actions(Input):
    allowed: tuple[str, ...]


class _Document(Input):
    actions: _Actions
    rule: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class ActionRule:
    """A check on each action, and what it comes to.

    ``kinds`` is None where the check's own scope decides; ``reason`` states the rule in words that
    are true whether it failed or could not be looked at.
    """

    id: str
    check: ActionCheck
    kinds: frozenset[str] | None
    otherwise: Literal["refuse", "needs_approval"]
    unknown: Literal["refuse", "needs_approval"]
    reason: str

    def applies(self, action: ActionFacts) -> bool:
        """Whether the rule has a word on this action."""
        if self.kinds is None:
            return concerns(self.check.scope, action)
        return action.kind in self.kinds


@dataclass(frozen=True, kw_only=True)
class TicketRule:
    """A check on the whole ticket, and what it comes to."""

    id: str
    check: TicketCheck
    otherwise: Literal["needs_approval", "escalate"]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything a judgement rests on: a kind that is not ``allowed`` is refused."""

    allowed: frozenset[str]
    for_actions: tuple[ActionRule, ...]
    for_ticket: tuple[TicketRule, ...]

    def money_limits(self) -> tuple[MoneyLimit, ...]:
        """Return what the ledger has to hold of the rules on sums.

        They are judged on facts that others may change before anything happens.
        """
        return tuple(
            MoneyLimit(
                rule_id=rule.id,
                measure=rule.check.measure,
                at_most=rule.check.at_most,
                approvable=rule.otherwise == "needs_approval",
                kinds=None if rule.kinds is None else tuple(sorted(rule.kinds)),
            )
            for rule in self.for_actions
            if isinstance(rule.check, AtMost)
        )

    def contact_bar(self) -> timedelta:
        """Return the longest time for which a change of contact keeps money waiting."""
        checks = (rule.check for rule in self.for_actions)
        days = (check.days for check in checks if isinstance(check, ContactSettled))
        return timedelta(days=max(days, default=0))


def load_rules(path: Path) -> Rules:
    """Return the rules of the file.

    Raises:
        ConfigurationError: names the file, the rule and the key.
    """
    return parse_rules(read_toml(path), str(path))


def parse_rules(document: TomlTable, source: str) -> Rules:
    """Return the rules of a parsed file; ``source`` names it in errors (``ConfigurationError``)."""
    try:
        parsed = _Document.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError(f"{source}: {fault(error)}") from error
    allowed = _allowed(parsed.actions.allowed, source)
    rules = [
        _rule(table, number, allowed, source) for number, table in enumerate(parsed.rule, start=1)
    ]
    for position, rule in enumerate(rules):
        if any(rule.id == other.id for other in rules[:position]):
            raise _wrong(source, rule.id, "id: stands in the file twice")
    result = Rules(
        allowed=allowed,
        for_actions=tuple(rule for rule in rules if isinstance(rule, ActionRule)),
        for_ticket=tuple(rule for rule in rules if isinstance(rule, TicketRule)),
    )
    _refuse_gaps(result, source)
    _refuse_dead_ends(result, source)
    _refuse_contradictions(result, source)
    return result


def _wrong(source: str, rule: str, words: str) -> ConfigurationError:
    return ConfigurationError(f"{source}: rule {rule!r}: {words}")


def _allowed(kinds: Sequence[str], source: str) -> frozenset[str]:
    for kind in kinds:
        if kind not in CATALOGUE or kind in WORKFLOW_ONLY:
            known = ", ".join(sorted(CATALOGUE.keys() - WORKFLOW_ONLY))
            raise ConfigurationError(
                f"{source}: actions.allowed: there is no action kind {kind!r} to allow"
                f" (there are: {known})"
            )
    return frozenset(kinds)


def _rule(
    table: TomlTable, number: int, allowed: frozenset[str], source: str
) -> ActionRule | TicketRule:
    name = str(table.get("id") or f"number {number}")
    try:
        header = _Header.model_validate(
            {k: v for k, v in table.items() if k in _Header.model_fields}
        )
    except ValidationError as error:
        raise _wrong(source, name, fault(error)) from error
    if header.id in (NOT_ALLOWED, NOT_VALID) or header.id.startswith(CAPPED):
        raise _wrong(source, name, "id: is one of the judge's own; choose another")
    cls = CHECKS.get(header.check)
    if cls is None:
        known = ", ".join(sorted(CHECKS))
        raise _wrong(source, name, f"check: there is no {header.check!r} (there are: {known})")
    if header.otherwise not in cls.otherwise:
        choice = " or ".join(sorted(cls.otherwise))
        raise _wrong(source, name, f"otherwise: {header.check} can only come to {choice}")
    try:
        check = cls.model_validate(
            {k: v for k, v in table.items() if k not in _Header.model_fields}
        )
    except ValidationError as error:
        raise _wrong(source, name, fault(error)) from error
    if isinstance(check, TicketCheck):
        return _ticket_rule(header, check, source)
    return _action_rule(header, check, allowed, source)


def _ticket_rule(header: _Header, check: TicketCheck, source: str) -> TicketRule:
    given = header.model_fields_set & {"applies_to", "unknown"}
    if given:
        key = min(given)
        raise _wrong(source, header.id, f"{key}: {check.name} is about the whole ticket; drop it")
    return TicketRule(
        id=header.id,
        check=check,
        otherwise=cast(Literal["needs_approval", "escalate"], header.otherwise),
        reason=header.reason,
    )


def _action_rule(
    header: _Header, check: ActionCheck, allowed: frozenset[str], source: str
) -> ActionRule:
    for kind in sorted(header.applies_to or ()):
        if kind not in allowed:
            raise _wrong(source, header.id, f"applies_to: {kind!r} is not in actions.allowed")
        if not _in_scope(CATALOGUE[kind], check.scope):
            raise _wrong(
                source, header.id, f"applies_to: {check.name} is not about actions like {kind!r}"
            )
    return ActionRule(
        id=header.id,
        check=check,
        kinds=header.applies_to,
        otherwise=cast(Literal["refuse", "needs_approval"], header.otherwise),
        unknown=header.unknown,
        reason=header.reason,
    )


def _in_scope(cls: type[ActionKind], scope: Scope) -> bool:
    return concerns(
        scope,
        ActionFacts(
            action_id="",
            kind=cls.kind,
            writes=cls.access is Access.WRITE,
            internal=cls.internal,
            moves_money=cls.moves_money,
        ),
    )


def _refuse_gaps(rules: Rules, source: str) -> None:
    for name, cls in CHECKS.items():
        whole = [r.check for r in rules.for_actions if r.kinds is None]
        whole += [r.check for r in rules.for_ticket]
        if cls.required and not any(type(check) is cls for check in whole):
            raise ConfigurationError(
                f"{source}: rule: add one with check = {name!r} and without applies_to;"
                " everything has to pass it"
            )


def _refuse_contradictions(rules: Rules, source: str) -> None:
    refusing = [rule for rule in rules.for_actions if rule.otherwise == "refuse"]
    for rule in rules.for_actions:
        if rule.otherwise == "refuse":
            continue
        for stronger in refusing:
            covers = _reach(rule, rules.allowed) <= _reach(stronger, rules.allowed)
            if covers and rule.check.never_heard_beside(stronger.check):
                raise _wrong(
                    source,
                    rule.id,
                    f"contradicts rule {stronger.id!r}, which refuses everything that this one"
                    " would ask a person about",
                )


def _refuse_dead_ends(rules: Rules, source: str) -> None:
    """Refuse two lists of statuses that leave an action none: a slip of the pen, most likely."""
    refusing = [rule for rule in rules.for_actions if rule.otherwise == "refuse"]
    for one, other in combinations(refusing, 2):
        shared = _reach(one, rules.allowed) & _reach(other, rules.allowed)
        check = one.check
        if shared and isinstance(check, OrderStatus) and check.never_passed_beside(other.check):
            raise _wrong(
                source,
                other.id,
                f"statuses: none of them passes rule {one.id!r}, so {min(shared)} would never be"
                " possible",
            )


def _reach(rule: ActionRule, allowed: frozenset[str]) -> frozenset[str]:
    if rule.kinds is not None:
        return rule.kinds
    return frozenset(kind for kind in allowed if _in_scope(CATALOGUE[kind], rule.check.scope))
