"""The operations database: approvals, outcome events, and where tickets stand."""

from datetime import UTC, datetime

from temporalio import activity

from closeloop.errors import BackendRefused
from closeloop.models.proposal import Action, ActionRecord, ActionState
from closeloop.models.steps import (
    ApprovalPublished,
    RecalledEffects,
    RecallEffects,
    Recorded,
    RecordOutcome,
    RequestApproval,
    SettleApproval,
)
from closeloop.models.view import ActionView
from closeloop.names import tickets_between
from closeloop.ports import Ledger, PolicyBook, Records


class OutcomeActivities:
    """Activities that record."""

    def __init__(self, records: Records, ledger: Ledger, book: PolicyBook) -> None:
        """Keep the operations database, the ledger for reservations, and the roster."""
        self._records = records
        self._ledger = ledger
        self._book = book

    @activity.defn
    def request_approval(self, request: RequestApproval) -> ApprovalPublished:
        """Reserve what the request would spend, publish it, and return who may decide.

        Raises:
            BackendRefused: ``effect_overlap`` or ``limit_reached``; nothing stays reserved.
        """
        reserved: list[str] = []
        try:
            for effect in request.effects:
                self._ledger.reserve(request.tenant, effect, request.deadline)
                reserved.append(effect.effect_id)
        except Exception:
            self._ledger.release(request.tenant, reserved, request.request_id)
            raise
        self._records.publish_approval(request)
        self._records.record(request.snapshot)
        now = request.requested_at or datetime.now(UTC)
        terms = self._book.approval_terms(request.tenant, request.clock_start or now, now)
        return ApprovalPublished(roster=self._book.approvers(request.tenant), terms=terms)

    @activity.defn
    def settle_approval(self, step: SettleApproval) -> Recorded:
        """Take the request off the list; free its reservations unless it was approved."""
        freed = step.dropped if step.outcome == "approved" else step.effect_ids
        self._ledger.release(step.tenant, freed, step.request_id)
        self._records.settle_approval(step.tenant, step.ticket_id, step.request_id, step.outcome)
        if step.label is not None:
            self._records.keep_decision(step.tenant, step.ticket_id, step.label)
        self._records.record(step.snapshot)
        return Recorded()

    @activity.defn
    def record_outcome(self, step: RecordOutcome) -> Recorded:
        """Write events and the snapshot."""
        self._records.record(step.snapshot)
        return Recorded()

    @activity.defn
    def recall_effects(self, step: RecallEffects) -> RecalledEffects:
        """Return what earlier tickets did; of an effect on several, the last one's word counts.

        Raises:
            BackendRefused: ``effect_not_on_record``: a person has to look what it was.
        """
        last: dict[str, ActionRecord] = {}
        for ticket_id in tickets_between(step.made_by, step.ticket_id):
            view = self._records.get_ticket_view(step.tenant, ticket_id)
            for shown in view.actions if view else ():
                if shown.effect_id is not None:
                    last[shown.effect_id] = _record(ticket_id, shown)
        if step.effect_id is not None and step.effect_id not in last:
            raise BackendRefused(
                f"{step.effect_id}: ticket {step.made_by} has no such effect on record",
                code="effect_not_on_record",
            )
        return RecalledEffects(
            records=tuple(
                record
                for effect_id, record in last.items()
                if record.state is ActionState.VERIFIED and step.effect_id in (None, effect_id)
            )
        )


def _record(ticket_id: str, shown: ActionView) -> ActionRecord:
    """Return the record of another ticket's action, under a name that is no action's here."""
    return ActionRecord(
        action=Action.model_validate(
            {
                "action_id": f"{ticket_id}:{shown.action_id}",
                "kind": shown.kind,
                "params": shown.params,
            }
        ),
        effect_id=shown.effect_id,
        state=ActionState(shown.state),
        attempts=shown.attempts,
        receipt=shown.receipt,
        error=shown.error,
    )
