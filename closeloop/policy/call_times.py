"""When one customer can be called: by the hours of the desk, its calendar, and their zone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.policy.zones import zone_of
from closeloop.ports import Calendar, CallHours, Shop


@dataclass(frozen=True)
class Bookable:
    """What can be booked for a customer; ``free`` yields times, the earliest first."""

    zone: str
    booked: CallbackRecord | None
    free: Iterator[Slot]


class CallTimes:
    """Finds the times at which a tenant's customers can be called."""

    def __init__(
        self, shop: Shop, calendar: Calendar, hours: Callable[[str], CallHours | None]
    ) -> None:
        """Keep the shop for addresses, the calendar, and who knows a tenant's hours."""
        self._shop = shop
        self._calendar = calendar
        self._hours = hours

    def of(self, tenant: str, customer_id: str, now: datetime) -> Bookable | None:
        """Return what can be booked for a customer, None where the tenant makes no calls.

        Raises:
            BackendUnavailable: the shop or the calendar does not answer.
        """
        hours = self._hours(tenant)
        if hours is None:
            return None
        calls = self._calendar.calls(tenant, now)
        customer = self._shop.get_customer(tenant, customer_id)
        zone = (zone_of(customer.address) if customer else None) or hours.zone
        booked = next(
            (c for c in calls if c.customer_id == customer_id and c.status == "booked"), None
        )
        return Bookable(zone, booked, hours.slots(now, zone, calls))
