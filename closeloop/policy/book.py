"""A folder of policy files as the ``PolicyBook`` port."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from closeloop.errors import ConfigurationError
from closeloop.models.approval import ApprovalTerms, Approver, RungTime
from closeloop.models.policy import Facts, Judgement, MoneyLimit
from closeloop.models.proposal import Action
from closeloop.models.routing import OpenCases, Route, RouteRequest
from closeloop.models.sla import OpenHours, ServiceLevels
from closeloop.models.state import Terms
from closeloop.models.voice import Voice
from closeloop.names import DEFAULT_TENANT
from closeloop.policy import approvers, desk, routes, rules, sla, voice
from closeloop.policy.callbacks import CallHours
from closeloop.policy.desk import CUSTOMER_DAY, TENANT_DAY
from closeloop.policy.hours import after
from closeloop.policy.judge import judge
from closeloop.policy.ladder import with_authority
from closeloop.policy.roster import EVERY_TENANT, serves
from closeloop.policy.routing import Choice, Circumstances, answer_by, base_language, choose
from closeloop.policy.ticket_checks import NotAbout
from closeloop.policy.tomlfile import content_hash, read_toml

TAXONOMY: Final = "taxonomy.toml"
"""Where intents are named, of the same folder."""


class FilePolicyBook:
    """The rules, terms and roster of a folder, read once: a change needs a new start."""

    def __init__(self, folder: Path, *, time_scale: float = 1.0) -> None:
        """Read ``rules.toml``, ``desk.toml``, ``approvers.toml`` and ``sla.toml`` of ``folder``.

        ``voice.toml`` and ``routing.toml`` may be missing.

        ``time_scale`` multiplies every waiting time.

        Raises:
            ConfigurationError: names the file, the key, and the rule, tenant or person.
        """
        if not (math.isfinite(time_scale) and time_scale > 0):
            raise ConfigurationError(f"time_scale: {time_scale} must be a number above 0")
        names = (rules.FILE, desk.FILE, approvers.FILE, sla.FILE)
        files = {name: read_toml(folder / name) for name in names}
        self._rules = rules.parse_rules(files[rules.FILE], str(folder / rules.FILE))
        self._desk = desk.parse_desk(files[desk.FILE], str(folder / desk.FILE))
        self._people = approvers.parse_approvers(
            files[approvers.FILE], str(folder / approvers.FILE)
        )
        self._sla = sla.parse_sla(files[sla.FILE], str(folder / sla.FILE))
        self._voices: voice.Voices | None = None
        if (folder / voice.FILE).exists():
            files[voice.FILE] = read_toml(folder / voice.FILE)
            self._voices = voice.parse_voices(files[voice.FILE], str(folder / voice.FILE))
        self._routing: routes.RoutingBook | None = None
        if (folder / routes.FILE).exists():
            files[routes.FILE] = read_toml(folder / routes.FILE)
            self._routing = routes.parse_routing(files[routes.FILE], str(folder / routes.FILE))
        self._time_scale = time_scale
        self._require_topics(folder)
        for tenant in self.tenants:
            self._require_calendars(tenant, str(folder / desk.FILE))
            self._require_intents(tenant, folder)
            self._require_routing(tenant, folder)
        self._version = content_hash(files)

    @property
    def version(self) -> str:
        """Hash of everything that judgements rest on."""
        return self._version

    @property
    def tenants(self) -> tuple[str, ...]:
        """Every tenant that terms, service levels, routing or roster name, the default first."""
        named = {tenant for person in self._people for tenant in person.tenants}
        named |= set(self._desk.tenants) | set(self._sla.tenants)
        named |= set(self._routing.tenants) if self._routing else set()
        return (DEFAULT_TENANT, *sorted(named - {DEFAULT_TENANT, EVERY_TENANT}))

    def judge(self, facts: Facts, actions: Sequence[Action]) -> Judgement:
        """Return the verdicts on recorded facts; pure."""
        return judge(facts, self._rules, actions)

    def terms(self, tenant: str) -> Terms:
        """Return the desk's terms, waits already scaled."""
        terms = self._desk.of(tenant).scaled(self._time_scale)
        return terms.model_copy(update={"voice": self.voice(tenant)})

    def voice(self, tenant: str) -> Voice | None:
        """Return how the tenant speaks to customers; None where that is left to who writes."""
        return None if self._voices is None else self._voices.of(tenant)

    def require_sayable(self, words: Mapping[str, str]) -> None:
        """Check that no voice forbids these words of the desk's own, by the names they have.

        Raises:
            ConfigurationError: one does; names the file, the tenant, the key and the words.
        """
        if self._voices is not None:
            self._voices.require_sayable(words)

    def secret_limits(self, tenant: str) -> frozenset[int]:
        """Return the limits, in minor units, that no customer is told."""
        above = self._desk.of(tenant).approval.four_eyes_above
        limits = {limit.at_most for limit in self.limits(tenant)}
        return frozenset(limits | ({above} if above is not None else set()))

    def service_levels(self, tenant: str, start: datetime) -> ServiceLevels:
        """Return targets and open hours for a ticket whose clock began at ``start``, scaled."""
        return self._sla.of(tenant).recorded(start, self._time_scale)

    def open_hours(
        self, tenant: str, calendar: str, start: datetime, since: datetime
    ) -> OpenHours | None:
        """Return the hours from ``since`` on, scaled around ``start``; None if there are none."""
        found = self._sla.of(tenant).calendar.get(calendar)
        return None if found is None else sla.open_hours(found, start, since, self._time_scale)

    def call_hours(self, tenant: str) -> CallHours | None:
        """Return when customers are called back; None where nobody is."""
        terms = self._desk.of(tenant).callbacks
        if terms is None:
            return None
        return CallHours(terms, self._sla.of(tenant).calendar[terms.calendar])

    @property
    def allowed(self) -> frozenset[str]:
        """The action kinds that there may be at all."""
        return self._rules.allowed

    def limits(self, tenant: str) -> tuple[MoneyLimit, ...]:
        """Return the limits that the ledger holds: the desk's days, and the rules' on sums."""
        day = self._desk.of(tenant).daily_limit
        return (
            MoneyLimit(rule_id=CUSTOMER_DAY, measure="customer_day", at_most=day.customer),
            MoneyLimit(rule_id=TENANT_DAY, measure="tenant_day", at_most=day.tenant),
            *self._rules.money_limits(),
        )

    def contact_bar(self) -> timedelta:
        """Return for how long after a change of contact money waits; none where no rule asks."""
        return self._rules.contact_bar()

    def approvers(self, tenant: str) -> tuple[Approver, ...]:
        """Return who may decide for this tenant."""
        return tuple(person for person in self._people if serves(person, tenant))

    def approver(self, approver_id: str, tenant: str, on: date) -> Approver | None:
        """Return the person with this id, of whatever tenant, with their limit in one on a day."""
        person = next((p for p in self._people if p.approver_id == approver_id), None)
        return None if person is None else with_authority(person, self.approvers(tenant), on)

    def approval_terms(self, tenant: str, start: datetime, asked_at: datetime) -> ApprovalTerms:
        """Return how a request of ``asked_at`` is decided; the ticket's clock began at ``start``.

        A rung that open time does not reach within the calendar's horizon is left out.
        """
        terms = self._desk.of(tenant).approval
        hours = None
        if terms.calendar is not None:
            hours = self.open_hours(tenant, terms.calendar, start, asked_at)
        ladder = [
            RungTime(rung=rung, at=at)
            for rung, seconds in terms.rungs()
            if (at := after(hours, asked_at, seconds * self._time_scale)) is not None
        ]
        return ApprovalTerms(
            four_eyes_above=terms.four_eyes_above,
            claim_seconds=terms.claim * self._time_scale,
            ladder=tuple(ladder),
        )

    def route(self, tenant: str, request: RouteRequest, cases: Sequence[OpenCases]) -> Route | None:
        """Return who gets a ticket, with so many cases open; None where nothing is routed."""
        if self._routing is None:
            return None
        now = Circumstances(
            hours=self._hours_of(tenant, request), cases=cases, roster=self.approvers(tenant)
        )
        routing = self._routing.of(tenant).desk()
        return self._told(
            tenant, request, choose(routing, request, now, tenant, self._time_scale), now
        )

    def route_to(
        self, tenant: str, request: RouteRequest, queue_id: str, person: str | None
    ) -> Route | None:
        """Return the route to a queue and person chosen before; None without the queue."""
        routing = self._routing.of(tenant).desk() if self._routing else None
        queue = routing.queue(queue_id) if routing else None
        if routing is None or queue is None:
            return None
        choice = Choice(
            queue=queue,
            person=person,
            skill=routing.skill_for(request),
            language=base_language(request.language),
            why=("found in the helpdesk",),
        )
        now = Circumstances(hours=self._hours_of(tenant, request))
        return self._told(tenant, request, choice, now)

    def _told(
        self, tenant: str, request: RouteRequest, choice: Choice, now: Circumstances
    ) -> Route:
        assert self._routing is not None
        named = self._routing.of(tenant).person.get(choice.person or "")
        calendar = self._sla.of(tenant).calendar.get(choice.queue.calendar or "")
        by = answer_by(choice.queue, request.at, now.hours, self._time_scale)
        return Route(
            queue=choice.queue.queue_id,
            queue_name=choice.queue.name,
            person=choice.person,
            person_name=named.name if named else None,
            skill=choice.skill,
            language=choice.language,
            why=choice.why,
            answer_by=by,
            answer_by_words=routes.words_of(by, calendar.zone if calendar else None) if by else "",
        )

    def _hours_of(self, tenant: str, request: RouteRequest) -> dict[str, OpenHours]:
        assert self._routing is not None
        found: dict[str, OpenHours] = {}
        for name in set(self._routing.of(tenant).calendars().values()):
            hours = self.open_hours(tenant, name, request.clock_start, request.at)
            if hours is not None:
                found[name] = hours
        return found

    def _require_routing(self, tenant: str, folder: Path) -> None:
        if self._routing is None:
            return
        source = str(folder / routes.FILE)
        where = source if tenant not in self._routing.tenants else f"{source}: [tenant.{tenant}]"
        routing = self._routing.of(tenant)
        routes.check_against(
            routing,
            where,
            intents=_intents(folder),
            calendars=self._sla.of(tenant).calendar,
            roster=self._people,
        )
        spoken = self.voice(tenant)
        for key, name in routing.named().items():
            phrase = voice.forbidden_in(name, spoken) if spoken else None
            if phrase is not None:
                raise ConfigurationError(
                    f"{where}: {key}: {voice.FILE} forbids {phrase!r}, and customers read it"
                )

    def _require_intents(self, tenant: str, folder: Path) -> None:
        modes = self._desk.of(tenant).modes
        if not modes:
            return
        known = _intents(folder)
        for intent in modes:
            if intent not in known:
                where = "" if tenant == DEFAULT_TENANT else f"[tenant.{tenant}]: "
                raise ConfigurationError(
                    f"{folder / desk.FILE}: {where}modes.{intent}: {TAXONOMY} has no such intent"
                )

    def _require_topics(self, folder: Path) -> None:
        """A rule, skill or greeting for a topic that nothing finds would never be heard of."""
        named = {
            f"{folder / rules.FILE}: rule {rule.id!r}: topics": rule.check.topics
            for rule in self._rules.for_ticket
            if isinstance(rule.check, NotAbout)
        }
        if self._voices is not None:
            named |= {
                f"{where}: plain_topics": frozenset(one.plain_topics)
                for where, one in self._voices.named().items()
            }
        if self._routing is not None:
            named |= {
                f"{where}: skill.{name}.topics": frozenset(skill.topics)
                for where, one in self._routing.named(str(folder / routes.FILE)).items()
                for name, skill in one.skill.items()
            }
        known = _named(folder, "topics") if any(named.values()) else frozenset[str]()
        for where, topics in named.items():
            for topic in sorted(topics - known):
                raise ConfigurationError(f"{where}: {TAXONOMY} has no topic {topic!r}")

    def _require_calendars(self, tenant: str, source: str) -> None:
        terms = self._desk.of(tenant)
        named = {
            "approval": terms.approval.calendar,
            "callbacks": terms.callbacks.calendar if terms.callbacks else None,
        }
        for table, name in named.items():
            if name is not None and name not in self._sla.of(tenant).calendar:
                where = source if tenant == DEFAULT_TENANT else f"{source}: [tenant.{tenant}]"
                raise ConfigurationError(
                    f"{where}: {table}.calendar: {sla.FILE} has no [calendar.{name}] for it"
                )


def _intents(folder: Path) -> frozenset[str]:
    """Return the intents that the folder's taxonomy has."""
    return _named(folder, "intents")


def _named(folder: Path, table: str) -> frozenset[str]:
    """Return the ids of a table of the folder's taxonomy."""
    rows = read_toml(folder / TAXONOMY).get(table, [])
    return frozenset(row["id"] for row in rows if "id" in row)
