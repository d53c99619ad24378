"""Whether an effect is still to be made, from what the ledger knows of it."""

from enum import StrEnum

from closeloop.models.policy import EffectFacts


class Standing(StrEnum):
    """How an effect stands, seen from one ticket."""

    FREE = "free"
    """Nobody has begun it; a reservation of this very ticket counts as nothing."""
    BEGUN_HERE = "begun_here"
    """This ticket has begun it; the executor reads before it repeats anything."""
    BUSY_ELSEWHERE = "busy_elsewhere"
    """Another ticket has begun it, or waits for a person's word on it."""
    DONE = "done"
    """It has happened; asking for it again gives the receipt on record, and moves nothing."""


def standing_of(effect: EffectFacts, ticket_id: str) -> Standing:
    """Return how ``effect`` stands for the ticket; a state that is not known counts as busy."""
    here = bool(ticket_id) and effect.ticket_id == ticket_id
    match effect.state:
        case None | "failed" | "released":
            return Standing.FREE
        case "reserved" if here:
            return Standing.FREE
        case "done":
            return Standing.DONE
        case "executing" | "unknown" if here:
            return Standing.BEGUN_HERE
        case _:
            return Standing.BUSY_ELSEWHERE
