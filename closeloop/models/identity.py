"""Who writes, and whether they agreed: one-time codes, and a customer's yes."""

from typing import Literal

from closeloop.models.base import UtcTime, Wire

CodeOutcome = Literal["right", "wrong", "expired", "locked"]
"""What became of a code that a customer gave; ``locked`` is said from the last wrong one on."""


class CodeTerms(Wire):
    """How long a code is good for, and how often one may be wrong or asked for.

    ``attempts`` wrong codes, or ``codes`` sent, within ``lock_out_seconds`` lock a customer out,
    whichever tickets they came with.
    """

    expiry_seconds: float
    lock_out_seconds: float
    attempts: int
    codes: int


class GivenCodes(Wire):
    """What a message holds that may be a code; it stays out of the message itself."""

    message_id: str
    codes: tuple[str, ...]


class Verification(Wire):
    """A ticket that waits for a code: the codes sent so far, and those given but not checked.

    ``last`` is what became of the last one given.
    """

    number: int = 0
    expires_at: UtcTime | None = None
    given: tuple[GivenCodes, ...] = ()
    last: CodeOutcome | None = None


class Consent(Wire):
    """A customer's yes to exactly one effect: ``digest`` covers its kind, parameters and amount."""

    message_id: str
    effect_id: str
    digest: str
    at: UtcTime


class EffectAsked(Wire):
    """An effect that a customer was asked about."""

    effect_id: str
    digest: str
