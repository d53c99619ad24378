"""The time zone that most of a state of the USA lives in: what an address says of a clock."""

from typing import Final

from closeloop.models.records import Address

_STATES: Final = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
}
_ZONES: Final = {state: zone for zone, states in _STATES.items() for state in states.split()}
_USA: Final = frozenset({"USA", "US", "UNITED STATES"})


def zone_of(address: Address | None) -> str | None:
    """Return the IANA name of the zone; None where the address does not tell."""
    if address is None or address.country.strip().upper() not in _USA:
        return None
    return _ZONES.get(address.state.strip().upper())
