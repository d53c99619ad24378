"""The judge: a pure function from recorded facts and rules to verdicts."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from closeloop.models.policy import ActionFacts, Facts, Judgement, Reason, Ruling, Verdict
from closeloop.models.proposal import Action
from closeloop.models.ticket import Assurance, Mode
from closeloop.policy.binding import binding_hash
from closeloop.policy.check import Finding, Result, Scope, concerns, standing
from closeloop.policy.checks import GATES
from closeloop.policy.rules import (
    CAPPED,
    NOT_ALLOWED,
    NOT_VALID,
    STOPPED,
    ActionRule,
    Rules,
    TicketRule,
)
from closeloop.policy.standing import Standing

_CAP_WORDS: Final = {
    Mode.ASSISTED: "Here a person looks at everything before it reaches a customer",
    Mode.ADVISORY: "Here a person acts, and Closeloop only recommends",
    Mode.SHADOW: "Here Closeloop only watches, and a person does the work",
}
_STOPPED_WORDS: Final = "Nothing is done here without a person's word for now"
NO_PERSON_NEEDED: Final = "No rule asks for a person."


class _TicketWord(NamedTuple):
    """A word on the whole ticket."""

    reason: Reason
    escalates: bool


def judge(facts: Facts, rules: Rules, actions: Sequence[Action]) -> Judgement:
    """Return the verdicts on the facts, the mode they add up to, and the binding hash.

    ``actions`` are the exact ones that the facts are about, for the hash. The least permissive of
    all rules wins; an action kind that the rules do not allow is refused.

    Raises:
        ValueError: ``actions`` are not those of ``facts``, in the same order.
    """
    words = _ticket_words(facts, rules.for_ticket)
    verdicts = tuple(_verdict(facts, action, rules, words) for action in facts.actions)
    escalate = next((word.reason.rule_id for word in words if word.escalates), None)
    asking = [word.reason for word in words] + [
        reason
        for verdict in verdicts
        for reason in verdict.reasons
        if reason.ruling is Ruling.NEEDS_APPROVAL
    ]
    mode = Mode.ADVISORY if escalate else Mode.ASSISTED if asking else Mode.AUTONOMOUS
    refused = any(verdict.ruling is Ruling.REFUSE for verdict in verdicts)
    return Judgement(
        verdicts=verdicts,
        mode=max(mode, facts.mode_cap, key=lambda m: m.rank),
        mode_reasons=_in_words(asking) or (NO_PERSON_NEEDED,),
        escalate=escalate,
        needs_assurance=_needed(facts, rules),
        lacks_consent=() if words or refused else _without_consent(facts),
        facts=facts,
        binding_hash=binding_hash(actions, facts),
        rules=_ids(words, verdicts),
    )


def _ids(words: Sequence[_TicketWord], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return the id of each rule that had a word, once."""
    reasons = [word.reason for word in words] + [r for v in verdicts for r in v.reasons]
    return tuple(dict.fromkeys(reason.rule_id for reason in reasons))


def _ticket_words(facts: Facts, rules: Iterable[TicketRule]) -> tuple[_TicketWord, ...]:
    words = [
        _TicketWord(
            Reason(
                rule_id=rule.id,
                ruling=Ruling.NEEDS_APPROVAL,
                text=_text(rule.reason, finding),
            ),
            rule.otherwise == "escalate",
        )
        for rule in rules
        if (finding := rule.check.look(facts)).result is not Result.PASS
    ]
    cap = facts.mode_cap
    if cap is not Mode.AUTONOMOUS:
        reason = Reason(
            rule_id=f"{CAPPED}{cap.value}",
            ruling=Ruling.NEEDS_APPROVAL,
            text=_text(_CAP_WORDS[cap], Finding(Result.FAIL, facts.cap_source)),
        )
        words.append(_TicketWord(reason, cap is not Mode.ASSISTED))
    if facts.stopped is not None:
        text = _text(_STOPPED_WORDS, Finding(Result.FAIL, facts.stopped))
        reason = Reason(rule_id=STOPPED, ruling=Ruling.NEEDS_APPROVAL, text=text)
        words.append(_TicketWord(reason, escalates=False))
    return tuple(words)


def _verdict(
    facts: Facts, action: ActionFacts, rules: Rules, words: Sequence[_TicketWord]
) -> Verdict:
    reasons = _barred(facts, action, rules)
    if not reasons:
        reasons = tuple(
            reason
            for rule in rules.for_actions
            if not isinstance(rule.check, GATES) and (reason := _reason(rule, facts, action))
        )
        if concerns(Scope.WRITES, action):
            reasons += tuple(word.reason for word in words)
    ruling = max((reason.ruling for reason in reasons), key=_rank, default=Ruling.ALLOW)
    return Verdict(action_id=action.action_id, ruling=ruling, reasons=reasons)


def _needed(facts: Facts, rules: Rules) -> Assurance | None:
    """Return how sure we would have to be of who writes; None where we are sure enough."""
    needed = [
        action.needed_assurance
        for action in facts.actions
        if action.kind in rules.allowed and action.needed_assurance.rank > facts.assurance.rank
    ]
    return max(needed, key=lambda assurance: assurance.rank, default=None)


def _without_consent(facts: Facts) -> tuple[str, ...]:
    """Return the actions for the customer that they neither asked for by name nor said yes to."""
    return tuple(
        action.action_id
        for action in facts.actions
        if concerns(Scope.WRITES, action)
        and action.consent is None
        and not (action.names_target and action.names_remedy)
    )


def _rank(ruling: Ruling) -> int:
    return ruling.rank


def _barred(facts: Facts, action: ActionFacts, rules: Rules) -> tuple[Reason, ...]:
    """Return the one reason after which nothing else is looked at, where there is one.

    More reasons would tell a stranger what the order is like, and so that it exists. For the same
    end the gates come before the parameters, whose problems may name parts of the order.
    """
    if action.kind not in rules.allowed:
        text = f"No rule allows an action of the kind {action.kind[:64]!r}."
        return (Reason(rule_id=NOT_ALLOWED, ruling=Ruling.REFUSE, text=text),)
    for gate in GATES:
        for rule in rules.for_actions:
            if isinstance(rule.check, gate) and (reason := _reason(rule, facts, action)):
                return (reason,)
    if not action.valid:
        text = f"The action does not make sense as it stands ({action.problem[:300]})."
        return (Reason(rule_id=NOT_VALID, ruling=Ruling.REFUSE, text=text),)
    return ()


def _reason(rule: ActionRule, facts: Facts, action: ActionFacts) -> Reason | None:
    if not rule.applies(action):
        return None
    if rule.check.judges_change and standing(facts, action) is Standing.DONE:
        return None
    finding = rule.check.look(facts, action)
    if finding.result is Result.PASS:
        return None
    word = rule.otherwise if finding.result is Result.FAIL else rule.unknown
    return Reason(rule_id=rule.id, ruling=Ruling(word), text=_text(rule.reason, finding))


def _text(reason: str, finding: Finding) -> str:
    return f"{reason} ({finding.detail})." if finding.detail else f"{reason}."


def _in_words(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """Return each rule's words once, with its id."""
    return tuple(dict.fromkeys(f"{reason.text} [{reason.rule_id}]" for reason in reasons))


def code_of(reason: str) -> str:
    """Return what a reason is counted by: its rule's id or its code, without particulars.

    Reasons read "words [rule.id]" or "code: words"; one that is neither counts as it is worded.
    """
    coded = re.search(r"\[([\w.]+)\]$", reason) or re.match(r"([a-z][a-z0-9_.]*): ", reason)
    return coded[1] if coded else reason
