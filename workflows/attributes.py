"""The search attributes of a ticket: what operators filter by. No personal data."""

from typing import Any, Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from closeloop.models.state import TicketState

_STATUS: Final = SearchAttributeKey.for_keyword("TicketStatus")
_INTENT: Final = SearchAttributeKey.for_keyword("TicketIntent")
_PRIORITY: Final = SearchAttributeKey.for_keyword("TicketPriority")
_MODE: Final = SearchAttributeKey.for_keyword("AutonomyMode")
_ESCALATION_REASON: Final = SearchAttributeKey.for_keyword("EscalationReason")
_AWAITING_APPROVAL: Final = SearchAttributeKey.for_bool("AwaitingApproval")
_SLA_BREACHED: Final = SearchAttributeKey.for_bool("SlaBreached")
_SLA_DUE_AT: Final = SearchAttributeKey.for_datetime("SlaDueAt")


def changed(state: TicketState, current: TypedSearchAttributes) -> list[SearchAttributePair[Any]]:
    """Return the attributes that differ from what the server has."""
    return [pair for pair in _pairs(state) if current.get(pair.key) != pair.value]


def _pairs(state: TicketState) -> list[SearchAttributePair[Any]]:
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(_STATUS, state.status.value),
        SearchAttributePair(_MODE, state.mode.value),
        SearchAttributePair(_AWAITING_APPROVAL, state.approval is not None),
        SearchAttributePair(_SLA_BREACHED, state.sla.breached),
    ]
    if state.classification is not None:
        pairs.append(SearchAttributePair(_INTENT, state.classification.intent))
        pairs.append(SearchAttributePair(_PRIORITY, state.classification.priority))
    if state.escalation is not None:
        pairs.append(SearchAttributePair(_ESCALATION_REASON, state.escalation.reason[:80]))
    if state.sla.due_at is not None:
        pairs.append(SearchAttributePair(_SLA_DUE_AT, state.sla.due_at))
    return pairs
