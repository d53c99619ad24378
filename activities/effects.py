"""Writes, exactly once: intent before the call, reading before any repetition, receipt after it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final

from temporalio import activity

from closeloop.actions.base import ActionKind
from closeloop.actions.catalogue import parse
from closeloop.errors import BackendRefused, EffectUnknown
from closeloop.models.policy import EffectFacts
from closeloop.models.proposal import ActionError, Receipt
from closeloop.models.steps import (
    ActionOutcome,
    AdvisedEffect,
    ExecuteAction,
    RecordedEffects,
    Verification,
    VerifyAction,
    VerifyResolution,
)
from closeloop.names import idempotency_key
from closeloop.policy.velocity import scopes_of
from closeloop.ports import Ledger, Payments, Shop

Reader = Callable[[VerifyAction, str], Receipt | None]
"""Reads an effect from its system of record: (what, idempotency key) -> receipt or None."""

MADE_BY_A_PERSON: Final = "person"


class Effects:
    """Performs the WRITEs of all kinds in the one safe order."""

    def __init__(self, ledger: Ledger) -> None:
        """Keep the ledger that names effects before they happen."""
        self._ledger = ledger

    def perform(
        self,
        step: ExecuteAction,
        *,
        read: Callable[[str], Receipt | None],
        write: Callable[[str], Receipt],
    ) -> ActionOutcome:
        """Make the effect happen once, whatever became of earlier attempts.

        ``read`` and ``write`` are given the idempotency key. When the ledger has seen an earlier
        attempt whose end is not known, the effect is looked for before it is asked for again.

        Raises:
            BackendRefused: the ledger or the backend says no; nothing happened.
            BackendUnavailable: nothing happened; an attempt may follow.
            EffectUnknown: it may have happened; the next attempt reads first.
        """
        before = self._ledger.begin(step.tenant, step, datetime.now(UTC))
        key = idempotency_key(step.tenant, _name(step, before))
        if before.state == "done":
            receipt = self._ledger.receipt(step.tenant, step.effect_id)
            return ActionOutcome(state="done", receipt=receipt, attempts=activity.info().attempt)
        receipt = None
        if before.state in ("executing", "unknown"):
            receipt = _earlier(step, key, read)
        if receipt is None:
            receipt = self._write(step, key, write)
        self._ledger.finish(step.tenant, step.effect_id, receipt)
        return ActionOutcome(state="done", receipt=receipt, attempts=activity.info().attempt)

    def _write(self, step: ExecuteAction, key: str, write: Callable[[str], Receipt]) -> Receipt:
        try:
            return write(key)
        except EffectUnknown:
            self._ledger.mark_unknown(step.tenant, step.effect_id)
            raise
        except BackendRefused as refusal:
            self._ledger.fail(step.tenant, step.effect_id, refusal.code)
            raise


def _name(step: ExecuteAction, before: EffectFacts) -> str:
    """Name the effect for the backend: made anew, it is not the one that was taken back."""
    return f"{step.effect_id}~{before.taken_back + 1}" if before.taken_back else step.effect_id


def _earlier(
    step: ExecuteAction, key: str, read: Callable[[str], Receipt | None]
) -> Receipt | None:
    try:
        return read(key)
    except BackendRefused as refusal:  # to read was refused, which says nothing of the effect
        raise EffectUnknown(f"{step.effect_id}: {refusal}") from refusal


class EffectActivities(ABC):
    """Base of the activities that perform, and read back, the actions of several kinds."""

    kinds: ClassVar[tuple[type[ActionKind], ...]]

    def __init__(self, effects: Effects) -> None:
        """Keep the exactly-once executor."""
        self._effects = effects

    @property
    def readers(self) -> dict[str, Reader]:
        """How each of ``kinds`` is read back."""

        def read(check: VerifyAction, key: str) -> Receipt | None:
            return self._read(check.tenant, key, parse(check.action))

        return {kind.kind: read for kind in self.kinds}

    def _perform(self, step: ExecuteAction) -> ActionOutcome:
        params = parse(step.action)
        return self._effects.perform(
            step,
            read=lambda key: self._read(step.tenant, key, params),
            write=lambda key: self._write(step, key, params),
        )

    @abstractmethod
    def _write(self, step: ExecuteAction, key: str, params: ActionKind) -> Receipt:
        """Make the effect happen under its key."""

    @abstractmethod
    def _read(self, tenant: str, key: str, params: ActionKind) -> Receipt | None:
        """Return what the system of record shows of the effect, None where it shows none."""


class VerificationActivities:
    """Read-backs: whether an effect stands in its system of record."""

    def __init__(
        self, readers: Mapping[str, Reader], ledger: Ledger, shop: Shop, payments: Payments
    ) -> None:
        """Keep one reader for each action kind that can be read back."""
        self._readers = readers
        self._ledger = ledger
        self._shop = shop
        self._payments = payments

    @activity.defn
    def verify_action(self, check: VerifyAction) -> Verification:
        """Read one effect back; quick, and changes nothing."""
        receipt = self._read(check, idempotency_key(check.tenant, check.effect_id))
        if receipt is None:
            receipt = self._by_person(check)
        if receipt is None:
            problem = ActionError(
                code="not_verified",
                message=f"{check.action.kind}: the system of record does not show it",
            )
            return Verification(holds=False, problem=problem)
        return Verification(holds=True, receipt=receipt)

    @activity.defn
    def reconcile_action(self, check: VerifyAction) -> Verification:
        """Find out what became of a write whose attempts all ended without an answer.

        What is found is recorded as done; what is not found stays unknown, and keeps every
        overlapping effect refused until a person has looked.
        """
        found = self.verify_action(check)
        if found.receipt is not None:
            self._ledger.finish(check.tenant, check.effect_id, found.receipt)
        else:
            self._ledger.mark_unknown(check.tenant, check.effect_id)
        return found

    @activity.defn
    def verify_resolution(self, request: VerifyResolution) -> RecordedEffects:
        """Read back what a person says they did, and enter it into the ledger as done.

        Raises:
            BackendRefused: ``bad_effect`` for an effect that cannot be understood,
                ``effect_not_found`` for one that the system of record does not show.
        """
        found: list[tuple[ExecuteAction, Receipt]] = []
        for step in request.effects:
            try:
                params = parse(step.action)
                named = self._named(step, params)
            except ValueError as error:
                raise BackendRefused(f"effects: {error}", code="bad_effect") from error
            check = VerifyAction(
                tenant=step.tenant,
                ticket_id=step.ticket_id,
                action=step.action,
                effect_id=named.effect_id,
                amount=named.amount,
                besides=tuple(seen.receipt_id for _, seen in found),
            )
            receipt = self._read(check, MADE_BY_A_PERSON)
            if receipt is None:
                raise BackendRefused(
                    f"{params.describe()}: the system of record does not show it;"
                    " do it there first, then record it",
                    code="effect_not_found",
                )
            found.append((named, receipt))
        followed = self._followed(request.advised, found)
        for named, receipt in (*found, *followed):
            self._ledger.record_done(named.tenant, named, receipt)
        return RecordedEffects(
            effect_ids=tuple(named.effect_id for named, _ in found),
            receipts=tuple(receipt for _, receipt in found),
            advised=tuple(
                AdvisedEffect(action=named.action, effect_id=named.effect_id, receipt=receipt)
                for named, receipt in followed
            ),
        )

    def _followed(
        self,
        advised: Sequence[ExecuteAction],
        found: Sequence[tuple[ExecuteAction, Receipt]],
    ) -> list[tuple[ExecuteAction, Receipt]]:
        """Return what a person did as advised, and did not say; what is not there was not done."""
        said = {named.effect_id for named, _ in found}
        seen = [receipt.receipt_id for _, receipt in found]
        followed: list[tuple[ExecuteAction, Receipt]] = []
        for step in advised:
            if step.effect_id in said or step.action.kind not in self._readers:
                continue
            check = VerifyAction(
                tenant=step.tenant,
                ticket_id=step.ticket_id,
                action=step.action,
                effect_id=step.effect_id,
                amount=step.amount,
                besides=tuple(seen),
            )
            receipt = self._read(check, MADE_BY_A_PERSON)
            if receipt is not None:
                seen.append(receipt.receipt_id)
                followed.append((self._named(step, parse(step.action)), receipt))
        return followed

    def _by_person(self, check: VerifyAction) -> Receipt | None:
        """Read what the ledger has on record as a person's doing, under no key of ours."""
        on_record = self._ledger.receipt(check.tenant, check.effect_id)
        if on_record is None:
            return None
        found = self._read(check, MADE_BY_A_PERSON)
        while found is not None and found.receipt_id != on_record.receipt_id:
            besides = (*check.besides, found.receipt_id)
            if found.receipt_id in check.besides:
                return None
            check = check.model_copy(update={"besides": besides})
            found = self._read(check, MADE_BY_A_PERSON)
        return found

    def _named(self, step: ExecuteAction, params: ActionKind) -> ExecuteAction:
        order = (
            self._shop.get_order(step.tenant, params.target_order) if params.target_order else None
        )
        scopes: tuple[str, ...] = ()
        if order is not None:
            payments = self._payments.list_payments(step.tenant, order.order_id)
            scopes = scopes_of(order, payments)
        effect = params.effect(step.ticket_id, order)
        return step.model_copy(
            update={
                "effect_id": effect.effect_id,
                "components": effect.components,
                "scopes": scopes,
                "amount": effect.amount,
            }
        )

    def _read(self, check: VerifyAction, key: str) -> Receipt | None:
        reader = self._readers.get(check.action.kind)
        if reader is None:
            raise BackendRefused(
                f"{check.action.kind!r} cannot be read back", code="cannot_read_back"
            )
        return reader(check, key)
