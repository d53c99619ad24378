"""The numbers that the reader goes by, written down here from the desk's published terms.

They are on purpose not read from ``policies/``: a rule that somebody loosens by mistake is then
found. Amounts are US cents.
"""

from datetime import date, timedelta
from typing import Final

ALONE_REFUND: Final = 50_00
ALONE_CANCEL: Final = 200_00
ALONE_CUSTOMER_DAY: Final = 150_00
ALONE_TENANT_DAY: Final = 2_000_00
ALONE_CUSTOMER_MONTH: Final = 300_00
CEILING: Final = 5_000_00
CUSTOMER_DAY: Final = 5_000_00
TENANT_DAY: Final = 10_000_00
FOUR_EYES_ABOVE: Final = 1_000_00

CLAIM_SECONDS: Final = 15 * 60
"""How long a claim holds: what lies after its end is no looking."""

APPROVERS: Final = {
    "alice": (200_00, ("default",)),
    "bob": (1_000_00, ("default",)),
    "carol": (5_000_00, ("default", "acme")),
    "dave": (1_000_00, ("acme",)),
    "erin": (5_000_00, ("default", "acme")),
}
"""Who may approve how much, for whom."""

REFUND_DAYS: Final = 30
"""Money goes back until so many days after delivery."""

HOURS: Final = {0: (8, 20), 1: (8, 20), 2: (8, 20), 3: (8, 20), 4: (8, 20), 5: (9, 17)}
"""When the desk is open, by weekday, on the clock of New York."""
ZONE: Final = "America/New_York"

TARGET_HOURS: Final = {
    "urgent": {"first_response": 1, "next_response": 1, "resolution": 4},
    "high": {"first_response": 2, "next_response": 2, "resolution": 8},
    "normal": {"first_response": 8, "next_response": 8, "resolution": 24},
    "low": {"first_response": 24, "next_response": 24, "resolution": 72},
}
ROUND_THE_CLOCK: Final = ("urgent",)


def holidays(year: int) -> set[date]:
    """Return the days of a year on which the desk is closed: the federal holidays of the US."""

    def nth(month: int, weekday: int, number: int) -> date:
        first = date(year, month, 1)
        return first + timedelta((weekday - first.weekday()) % 7 + 7 * (number - 1))

    memorial = date(year, 5, 31) - timedelta(date(year, 5, 31).weekday())
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4)]
    fixed += [date(year, 11, 11), date(year, 12, 25)]
    observed = [day + timedelta({5: -1, 6: 1}.get(day.weekday(), 0)) for day in fixed]
    if date(year + 1, 1, 1).weekday() == 5:
        observed.append(date(year, 12, 31))
    floating = [nth(1, 0, 3), nth(2, 0, 3), memorial, nth(9, 0, 1), nth(10, 0, 2), nth(11, 3, 4)]
    return {*fixed, *observed, *floating}
