"""Whether a closed ticket may serve as an example to later ones."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.proposal import ActionState
    from closeloop.models.state import TicketState


def serves(state: TicketState) -> bool:
    """Return whether a person stands behind the resolution, and its effects were read back.

    A person approved the last proposal, or recorded what they did themselves (then there is no
    proposal any more). A resolution that proved nothing (``unconfirmed``) and words
    that may be an attack are no example.
    """
    by_person = state.approved_by is not None or state.proposal is None
    effects = [record for record in state.actions if record.effect_id is not None]
    verified = any(record.state is ActionState.VERIFIED for record in effects)
    unclear = any(record.state is ActionState.UNKNOWN for record in effects)
    proven = state.closure in ("confirmed", "verified_quiet")
    triage = state.classification
    honest = triage is not None and not triage.injection_suspected
    return by_person and verified and not unclear and proven and honest
