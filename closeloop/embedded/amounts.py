"""Numbers and times of a shop file: exact minor units and points in time, and their inverse."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo

_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK
    MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB
    SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD UYU UZS VES WST XCD YER ZAR ZMW ZWG
"""
CURRENCIES: Final = frozenset(_CODES.split())
"""ISO 4217 currencies whose minor unit is a hundredth; ``Money`` writes no other kind correctly."""

_CENT = Decimal("0.01")

# 15 significant digits is what a JSON reader that uses doubles keeps exactly, to the cent; it is
# also below 2^53 minor units, the bound of `Money`. What does not fit is an error, never rounded.
_EXACT = Context(prec=15, traps=[Inexact, InvalidOperation])

MAX_MINOR: Final = 10**15 - 1
"""The largest amount that a shop file holds, in minor units."""

_DURATION = re.compile(
    r"-P(?=.)(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.ASCII,
)


def to_minor(value: object) -> int:
    """Return a JSON number, read as int or Decimal, as minor units.

    Raises:
        ValueError: not a number, negative, with fractions of a cent, or beyond 15 digits.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("write the amount as a plain number, for example 24.90")
    if value < 0:
        raise ValueError(f"{str(value)[:40]} is negative: amounts are positive, or zero")
    try:
        return int(Decimal(value).quantize(_CENT, context=_EXACT).scaleb(2))
    except Inexact:
        raise ValueError(f"{str(value)[:40]} has fractions of a cent") from None
    except InvalidOperation:
        raise ValueError("the amount is too large: 9,999,999,999,999.99 is the most") from None


def to_signed_minor(value: object) -> int:
    """Return a JSON number as minor units; as ``to_minor``, but it may be negative."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool) and value < 0:
        return -to_minor(-value)
    return to_minor(value)


def from_minor(minor: int) -> float:
    """Return minor units as the decimal number of a shop file; ``to_minor`` of it is ``minor``."""
    return minor / 100


def to_time(value: object, info: ValidationInfo) -> datetime:
    """Return an RFC 3339 time, or the time that lies a negative ISO 8601 duration back.

    "Now" is ``info.context["now"]``.

    Raises:
        ValueError: neither of the two, or without a time zone.
    """
    if not isinstance(value, str):
        raise ValueError("write a time such as 2025-03-04T10:15:00Z, or a duration such as -P5D")
    if value.startswith("-P"):
        context: dict[str, datetime] = info.context or {}
        return _back(value, context["now"])
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(
            f"{value[:40]!r} is neither a time such as 2025-03-04T10:15:00Z nor a duration as -P5D"
        ) from None
    if time.tzinfo is None:
        raise ValueError(f"{value[:40]!r} has no time zone: end it with Z, or an offset as +02:00")
    return time.astimezone(UTC)


def _back(text: str, now: datetime) -> datetime:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text[:40]!r} is not a duration in days, hours, minutes and seconds as -P2DT3H"
        )
    try:
        return now - timedelta(**{unit: int(n) for unit, n in match.groupdict("0").items()})
    except OverflowError:
        raise ValueError(f"{text[:40]!r} lies too far back") from None


def format_time(time: datetime) -> str:
    """Return a time as RFC 3339 in UTC; ``to_time`` of it is ``time``."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


Amount = Annotated[int, BeforeValidator(to_minor), PlainSerializer(from_minor, return_type=float)]
"""An amount: minor units in memory, a decimal number in JSON."""

SignedAmount = Annotated[
    int, BeforeValidator(to_signed_minor), PlainSerializer(from_minor, return_type=float)
]
"""A difference, which may be negative: minor units in memory, a decimal number in JSON."""

Time = Annotated[datetime, BeforeValidator(to_time), PlainSerializer(format_time, return_type=str)]
"""A point in time, in UTC: RFC 3339 in JSON, where a negative duration may stand too."""
