"""``sla.toml``: what it says of a tenant, and what is refused by file, key and reason."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from closeloop.errors import ConfigurationError
from closeloop.models.sla import ServiceLevels
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.sla import HORIZON, parse_sla
from tests.unit.policy_support import POLICIES

SHIPPED = tomllib.loads((POLICIES / "sla.toml").read_text(encoding="utf-8"))
START = datetime(2026, 11, 25, 15, tzinfo=UTC)


def levels(tenant: str = "default", time_scale: float = 1.0) -> ServiceLevels:
    return FilePolicyBook(POLICIES, time_scale=time_scale).service_levels(tenant, START)


def test_a_ticket_records_targets_and_the_open_hours_of_weeks() -> None:
    recorded = levels()
    assert recorded.at_risk == 0.75
    assert recorded.targets["normal"].resolution == 86_400
    assert (recorded.targets["urgent"].calendar, list(recorded.hours)) == (None, ["office"])
    office = recorded.hours["office"]
    assert office.until == START + HORIZON
    assert office.spans[0] == (START, datetime(2026, 11, 26, 1, tzinfo=UTC))  # until 20:00
    friday = datetime(2026, 11, 27, 13, tzinfo=UTC)
    assert office.spans[1][0] == friday  # Thanksgiving is left out
    assert len(recorded.model_dump_json()) < 3_000


def test_times_are_scaled() -> None:
    small = levels(time_scale=0.001)
    assert small.targets["urgent"].first_response == pytest.approx(3.6)
    assert small.hours["office"].until == START + HORIZON / 1000


def test_hours_are_read_on_by_name() -> None:
    book = FilePolicyBook(POLICIES)
    later = START + timedelta(days=365)
    hours = book.open_hours("default", "office", START, later)
    assert hours is not None
    assert hours.spans[0][0] >= later
    assert book.open_hours("default", "shop", START, later) is None


def test_a_tenant_names_only_what_differs() -> None:
    document = copy.deepcopy(SHIPPED)
    document["tenant"] = {
        "acme": {
            "calendar": {"office": {"zone": "Europe/Berlin", "holidays": "DE-BE"}},
            "target": {"normal": {"resolution": "16h"}},
        }
    }
    book = parse_sla(document, "sla.toml")
    acme, default = book.of("acme"), book.of("anybody else")
    assert (acme.target.normal.resolution, default.target.normal.resolution) == (57_600, 86_400)
    assert acme.target.normal.first_response == default.target.normal.first_response
    assert acme.calendar["office"].hours == default.calendar["office"].hours
    berlin = acme.recorded(START, 1.0).hours["office"].spans
    assert berlin[0] == (START, datetime(2026, 11, 25, 19, tzinfo=UTC))


def office(document: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = document["calendar"]["office"]
    return table


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: office(d).update(zone="Mars/Base"), r"office\.zone: 'Mars/Base' is not a known"),
        (lambda d: office(d).update(zone="America"), r"office\.zone: 'America' is not a known"),
        (lambda d: office(d).update(zone="../etc"), r"office\.zone: '\.\./etc' is not a known"),
        (lambda d: office(d).pop("zone"), r"office\.zone: is missing"),
        (lambda d: office(d).update(holidays="XX"), r"office\.holidays: 'XX' is not a country"),
        (lambda d: office(d).update(holidays="DE-QQ"), r"office\.holidays: 'DE-QQ' is not a"),
        (
            lambda d: office(d).update(closed=["2026-12-24..2026-12-31", "2026-12-28"]),
            r"office\.closed: 2026-12-28 is named twice",
        ),
        (
            lambda d: office(d).update(closed=["2026-12-24", "2026-12-24"]),
            r"office\.closed: 2026-12-24 is named twice",
        ),
        (
            lambda d: office(d).update(closed=["2026-12-31..2026-12-24"]),
            r"office\.closed\.0: '2026-12-31\.\.2026-12-24' is not",
        ),
        (lambda d: office(d).update(closed=["24.12."]), r"office\.closed\.0: '24\.12\.' is not"),
        (
            lambda d: office(d)["hours"].update(mon=["09:00-13:00", "12:00-18:00"]),
            r"office\.hours\.mon: two of these hours overlap",
        ),
        (
            lambda d: office(d)["hours"].update(mon=["22:00-06:00"]),
            r"office\.hours\.mon\.0: '22:00-06:00' must end after it begins",
        ),
        (lambda d: office(d)["hours"].update(mon=["9-5"]), r"office\.hours\.mon\.0: '9-5' are not"),
        (lambda d: office(d)["hours"].update(monday=[]), r"hours\.monday: there is no such key"),
        (lambda d: office(d).update(hours={}), r"office\.hours: is never open"),
        (
            lambda d: d["target"]["high"].update(calendar="shop"),
            r"sla\.toml: target\.high\.calendar: there is no \[calendar\.shop\]",
        ),
        (lambda d: d["target"].pop("low"), r"target\.low: is missing"),
        (
            lambda d: d["target"]["low"].update(first_response="100h"),
            r"target\.low: first_response: must not be longer than resolution",
        ),
        (lambda d: d["target"]["low"].update(resolution="-1h"), r"low\.resolution: '-1h' is not a"),
        (lambda d: d.update(at_risk=1.5), r"sla\.toml: at_risk: "),
        (lambda d: d.update(at_risks=0.5), r"at_risks: there is no such key"),
        (
            lambda d: d.update(tenant={"acme": {"calendar": {"office": {"zone": "Nowhere"}}}}),
            r"sla\.toml: \[tenant\.acme\]: calendar\.office\.zone: 'Nowhere' is not",
        ),
        (lambda d: d.update(tenant={"a b": {}}), r"\[tenant\.a b\]: is not the name of a tenant"),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    document = copy.deepcopy(SHIPPED)
    change(document)
    with pytest.raises(ConfigurationError, match=words):
        parse_sla(document, "sla.toml")
