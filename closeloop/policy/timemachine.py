"""Recorded facts under edited rules: what would have ended otherwise; pure.

The facts stay as they were: what another ending would have changed in later ones is not simulated.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, get_args

from closeloop.models.base import Money
from closeloop.models.policy import ActionFacts, RecordedJudgement, Ruling, TicketJudgement
from closeloop.models.proposal import Action
from closeloop.models.reports import Change, Ending, PolicyReplay, Rejudged, RuleChange
from closeloop.models.ticket import Mode
from closeloop.policy.check import moves_money
from closeloop.policy.judge import judge
from closeloop.policy.rules import Rules

ENDINGS: Final[tuple[Ending, ...]] = get_args(Ending)
MAX_CHANGED: Final = 50


def replayed(
    recorded: Sequence[TicketJudgement],
    rules: Rules,
    *,
    tenant: str,
    since: datetime | None,
    source: str,
) -> PolicyReplay:
    """Return what recorded judgements come to under ``rules``, against what they came to then."""
    pairs = [(one, _again(one, rules)) for one in recorded]
    endings: list[tuple[Ending, Ending]] = [
        (ending_of(before), ending_of(after)) for before, after in pairs
    ]
    changed = [
        _rejudged(one, after, ending)
        for (one, after), ending in zip(pairs, endings, strict=True)
        if ending[0] != ending[1]
    ]
    return PolicyReplay(
        tenant=tenant,
        since=since,
        rules=source,
        judgements=len(recorded),
        endings={
            name: Change(
                before=sum(before == name for before, _ in endings),
                after=sum(after == name for _, after in endings),
            )
            for name in ENDINGS
        },
        money={name: _money(pairs, endings, name) for name in ENDINGS},
        by_rule=_by_rule(pairs),
        changed_count=len(changed),
        changed=tuple(reversed(changed))[:MAX_CHANGED],
    )


def ending_of(judgement: RecordedJudgement) -> Ending:
    """Return what becomes of a proposal that is judged so."""
    if judgement.escalate is not None:
        return "person"
    if Ruling.REFUSE in judgement.rulings.values():
        return "refused"
    return "autonomous" if judgement.mode is Mode.AUTONOMOUS else "approval"


def _again(one: RecordedJudgement, rules: Rules) -> RecordedJudgement:
    # Parameters play no part in a judgement beyond the facts: they are in the hash alone.
    actions = [Action(action_id=fact.action_id, kind=fact.kind) for fact in one.facts.actions]
    return judge(one.facts, rules, actions).recorded(one.event_id)


def _money(
    pairs: Sequence[tuple[TicketJudgement, RecordedJudgement]],
    endings: Sequence[tuple[Ending, Ending]],
    name: Ending,
) -> dict[str, Change]:
    sums: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for (one, _), ended in zip(pairs, endings, strict=True):
        for side, ending in zip(sums, ended, strict=True):
            if ending == name:
                side.update(_amounts(one.facts.actions))
    before, after = sums
    return {
        currency: Change(before=before[currency], after=after[currency])
        for currency in sorted(before | after)
    }


def _amounts(actions: Iterable[ActionFacts]) -> Counter[str]:
    found: Counter[str] = Counter()
    for action in actions:
        if action.amount is not None and action.writes and moves_money(action):
            found[action.amount.currency] += action.amount.amount_minor
    return found


def _by_rule(
    pairs: Sequence[tuple[TicketJudgement, RecordedJudgement]],
) -> tuple[RuleChange, ...]:
    before = Counter(rule for one, _ in pairs for rule in one.rules)
    after = Counter(rule for _, one in pairs for rule in one.rules)
    rows = [
        RuleChange(rule_id=rule, before=before[rule], after=after[rule])
        for rule in sorted(before | after)
        if before[rule] != after[rule]
    ]
    return tuple(sorted(rows, key=lambda row: -abs(row.after - row.before)))


def _rejudged(
    one: TicketJudgement, after: RecordedJudgement, ending: tuple[Ending, Ending]
) -> Rejudged:
    return Rejudged(
        ticket_id=one.ticket_id,
        at=one.facts.at,
        before=ending[0],
        after=ending[1],
        money=tuple(
            Money(amount_minor=minor, currency=currency)
            for currency, minor in sorted(_amounts(one.facts.actions).items())
        ),
        rules=tuple(sorted(set(one.rules) ^ set(after.rules))),
    )
