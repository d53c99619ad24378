"""``routing.toml``: what it says of a tenant, and what is refused by file, key and reason."""

from __future__ import annotations

import copy
import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from closeloop.bootstrap import build_services
from closeloop.cli.doctor import examine
from closeloop.errors import ConfigurationError
from closeloop.models.routing import OpenCases, Route, RouteRequest
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.routes import parse_routing, words_of
from closeloop.settings import Settings
from tests.unit.policy_support import POLICIES

SHIPPED = tomllib.loads((POLICIES / "routing.toml").read_text(encoding="utf-8"))
TUESDAY = datetime(2026, 12, 1, 15, tzinfo=UTC)  # 10:00 in New York
NIGHT = datetime(2026, 12, 2, 3, tzinfo=UTC)


def routed(tenant: str = "default", cases: tuple[OpenCases, ...] = (), **changes: Any) -> Route:
    request = RouteRequest.model_validate(
        {
            "reason": "no_playbook",
            "intent": "refund_request",
            "language": "en",
            "at": TUESDAY,
            "clock_start": TUESDAY,
            **changes,
        }
    )
    route = FilePolicyBook(POLICIES).route(tenant, request, cases)
    assert route is not None
    return route


def test_a_ticket_goes_to_somebody_with_its_skill_at_work_now() -> None:
    route = routed()
    assert (route.queue, route.person, route.skill) == ("billing", "bob", "money")
    assert (route.queue_name, route.person_name) == ("our billing team", "Bob")
    assert route.answer_by == datetime(2026, 12, 1, 23, tzinfo=UTC)
    assert route.answer_by_words == "Tuesday, 1 December, 18:00 (New York time)"


def test_why_people_have_it_says_more_than_its_intent() -> None:
    route = routed(reason="topic.safety")
    assert (route.queue, route.person, route.skill) == ("care", "carol", "serious")


def test_the_vulnerable_go_to_the_care_team() -> None:
    for topic in ("distress", "bereavement", "illness"):
        route = routed(topics=("gift", topic), at=NIGHT)
        assert (route.queue, route.person) == ("care", "carol")
    assert routed(reason="sentiment.again").queue == "care"
    known_better = routed(reason="effect_unknown", topics=("illness",))
    assert known_better.queue == "billing", "why people have it says more"


def test_a_language_goes_before_a_skill() -> None:
    assert (routed(language="fr").queue, routed(language="fr").person) == ("languages", "erin")
    assert routed(language="es").person is None  # the queue writes it, no person of it does
    assert routed(language="en-GB").queue == "billing"
    assert "nobody writes fi" in routed(language="fi").why


def test_at_night_it_waits_in_the_queue_and_the_time_counts_from_the_morning() -> None:
    route = routed(at=NIGHT)
    assert (route.queue, route.person) == ("billing", None)
    assert route.answer_by == datetime(2026, 12, 2, 21, tzinfo=UTC)
    assert routed(reason="topic.press", at=NIGHT).person == "carol"  # round the clock


def test_who_has_enough_to_do_gets_no_more() -> None:
    full = (OpenCases(queue="care", person="carol", count=5),)
    assert routed(reason="topic.press", cases=full).person is None


def test_nobody_gets_a_ticket_that_they_are_part_of() -> None:
    assert routed(requesters=("bob@desk.example.com",)).person is None
    assert routed("acme").person is None  # bob does not decide for acme


def test_who_took_it_over_keeps_it() -> None:
    route = routed(reason="taken_over", taken_by="alice")
    assert (route.queue, route.person, route.person_name) == ("support", "alice", "Alice")
    assert (routed(taken_by="dave").person, routed(taken_by="dave").person_name) == ("dave", None)


def test_a_route_that_was_chosen_before_is_told_again() -> None:
    book = FilePolicyBook(POLICIES)
    request = RouteRequest(reason="x", at=TUESDAY, clock_start=TUESDAY)
    route = book.route_to("default", request, "care", "carol")
    assert route is not None
    assert (route.queue, route.person_name) == ("care", "Carol")
    assert book.route_to("default", request, "gone", None) is None


def test_without_the_file_nothing_is_routed(tmp_path: Path) -> None:
    folder = shutil.copytree(POLICIES, tmp_path / "policies")
    (folder / "routing.toml").unlink()
    request = RouteRequest(reason="x", at=TUESDAY, clock_start=TUESDAY)
    assert FilePolicyBook(folder).route("default", request, ()) is None


def test_a_tenant_names_only_what_differs() -> None:
    document = copy.deepcopy(SHIPPED)
    document["tenant"] = {"acme": {"queue": {"support": {"name": "the Acme desk"}}}}
    book = parse_routing(document, "routing.toml")
    assert book.of("acme").queue["support"].name == "the Acme desk"
    assert book.of("acme").queue["billing"] == book.of("other").queue["billing"]


@pytest.mark.parametrize(
    ("at", "zone", "words"),
    [
        (datetime(2026, 12, 1, 19, tzinfo=UTC), "America/New_York", "14:00 (New York time)"),
        (datetime(2026, 12, 1, 19, 0, 1, tzinfo=UTC), "Europe/Berlin", "20:01 (Berlin time)"),
        (datetime(2026, 12, 1, 19, 59, 59, tzinfo=UTC), None, "20:00 UTC"),
    ],
)
def test_a_time_is_told_on_the_clock_of_the_queue(
    at: datetime, zone: str | None, words: str
) -> None:
    assert words_of(at, zone) == f"Tuesday, 1 December, {words}"


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for key in way:
            document = document.setdefault(key, {})
        document[last] = value

    return change


def _drop(path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for key in way:
            document = document[key]
        del document[last]

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_drop("default"), "default: is missing"),
        (_set("default", "front"), r"default: there is no \[queue.front\]"),
        (_drop("queue"), "queue: is missing"),
        (_set("queue.billing.name", "Our Support Team"), "is queue 'support' already"),
        (_set("queue.billing.name", "see {name}"), "queue.billing.name: "),
        (_set("queue.billing.skills", ["cash"]), r"queue.billing.skills: there is no \[skill.cash"),
        (_set("queue.billing.skills", ["money", "money"]), "'money' is named twice"),
        (_set("queue.billing.skills", []), "skill.money: no queue takes it"),
        (_set("queue.billing.answer_within", "soon"), "queue.billing.answer_within: 'soon'"),
        (_set("queue.billing.languages", []), "queue.billing.languages: "),
        (_set("queue.billing.colour", "red"), "queue.billing.colour: there is no such key"),
        (_set("person.bob.queues", ["biling"]), r"person.bob.queues: there is no \[queue.biling\]"),
        (_set("person.bob.queues", []), "person.bob.queues: "),
        (_set("person.bob.skills", ["serious"]), "none of their queues takes 'serious'"),
        (_set("person.bob.at_most", 0), "person.bob.at_most: "),
        (_set("person.bob.languages", ["English"]), "person.bob.languages"),
        (_set("skill.money", {}), "skill.money: names neither intents, topics nor reasons"),
        (_set("skill.parcels.intents", ["double_charge"]), "needs the skill 'money' already"),
        (_set("tenant.acme.default", "x"), r"\[tenant.acme\]: default: there is no \[queue.x\]"),
    ],
)
def test_what_a_file_gets_wrong_is_named(
    change: Callable[[dict[str, Any]], None], says: str
) -> None:
    document = copy.deepcopy(SHIPPED)
    change(document)
    with pytest.raises(ConfigurationError, match=says) as error:
        parse_routing(document, "here/routing.toml")
    assert str(error.value).startswith("here/routing.toml: ")


def test_people_without_a_skill_of_their_queue_are_named() -> None:
    document = copy.deepcopy(SHIPPED)
    document["queue"]["billing"]["skills"] = ["money", "parcels"]
    document["person"]["bob"]["skills"] = ["money"]
    with pytest.raises(ConfigurationError, match=r"queue.billing.skills: none of its people"):
        parse_routing(document, "routing.toml")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("routing.toml", "[person.bob]", "[person.bill]", "person.bill: approvers.toml has no"),
        ("routing.toml", '"double_charge"', '"doubled"', "skill.money.intents: taxonomy.toml"),
        (
            "routing.toml",
            'calendar = "office"\nanswer_within = "16h"',
            'calendar = "night"\nanswer_within = "16h"',
            "queue.languages.calendar: sla.toml has no [calendar.night]",
        ),
        ("routing.toml", "[queue.care]", "[queue.support]", "is not valid TOML"),
        ("routing.toml", "our billing team", "per our policy", "queue.billing.name: voice.toml"),
        ("sla.toml", '"America/New_York"', '"America/Gotham"', "calendar.office.zone: 'America"),
    ],
)
async def test_the_worker_and_doctor_refuse_what_does_not_fit(
    tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    folder = shutil.copytree(POLICIES, tmp_path / "policies")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    settings = Settings(policies_dir=folder, state_dir=tmp_path / "state")
    with pytest.raises(ConfigurationError) as error:
        build_services(settings)
    assert str(error.value).startswith(f"{folder / file}: ")
    assert says in str(error.value)
    found = await examine(settings)
    [look] = [one for one in found.checks if one.name == "policies"]
    assert (look.ok, look.detail) == (False, str(error.value))
