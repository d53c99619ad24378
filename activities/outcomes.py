"""The operations database: approvals, outcome events, and where tickets stand."""

from temporalio import activity

from closeloop.models.steps import (
    ApprovalPublished,
    Recorded,
    RecordOutcome,
    RequestApproval,
    SettleApproval,
)
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
        return ApprovalPublished(roster=self._book.approvers(request.tenant))

    @activity.defn
    def settle_approval(self, step: SettleApproval) -> Recorded:
        """Take the request off the list; free its reservations unless it was approved."""
        freed = step.dropped if step.outcome == "approved" else step.effect_ids
        self._ledger.release(step.tenant, freed, step.request_id)
        self._records.settle_approval(step.tenant, step.ticket_id, step.request_id, step.outcome)
        self._records.record(step.snapshot)
        return Recorded()

    @activity.defn
    def record_outcome(self, step: RecordOutcome) -> Recorded:
        """Write events and the snapshot."""
        self._records.record(step.snapshot)
        return Recorded()
