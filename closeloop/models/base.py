"""What every model shares: frozen, and strict where a person or program hands something in."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """A model that travels between workflows and activities.

    Unknown fields are ignored, so that payloads of tomorrow decode with the models of today;
    a new field therefore needs a default, so that payloads of yesterday decode too.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class Input(BaseModel):
    """A model that a caller fills in; unknown fields are refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _to_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


UtcTime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware time, kept in UTC."""

MAX_SAFE_MINOR = 2**53 - 1
"""The largest amount that JSON readers everywhere keep exact."""

NO_CURRENCY = "XXX"
"""ISO 4217 for "no currency": a sum that cannot be written down, and compares with nothing."""


class Money(Wire):
    """An exact amount in minor units (cents) of an ISO 4217 currency."""

    amount_minor: int = Field(strict=True, ge=-MAX_SAFE_MINOR, le=MAX_SAFE_MINOR)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")

    def __str__(self) -> str:
        """Return the amount as customers read it, for example ``$24.90``."""
        sign = "-" if self.amount_minor < 0 else ""
        units, cents = divmod(abs(self.amount_minor), 100)
        if self.currency == "USD":
            return f"{sign}${units:,}.{cents:02d}"
        return f"{sign}{units:,}.{cents:02d} {self.currency}"


def clip(text: str, limit: int) -> str:
    """Return ``text`` in at most ``limit`` characters, with an ellipsis where it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def sayable(text: str) -> str:
    """Return ``text`` so that it can be written as UTF-8: half a character as its escape."""
    return text.encode("utf-8", "backslashreplace").decode()
