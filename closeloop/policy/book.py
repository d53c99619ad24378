"""A folder of policy files as the ``PolicyBook`` port."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Approver
from closeloop.models.policy import Facts, Judgement, MoneyLimit
from closeloop.models.proposal import Action
from closeloop.models.sla import OpenHours, ServiceLevels
from closeloop.models.state import Terms
from closeloop.names import DEFAULT_TENANT
from closeloop.policy import approvers, desk, rules, sla
from closeloop.policy.desk import CUSTOMER_DAY, TENANT_DAY
from closeloop.policy.judge import judge
from closeloop.policy.roster import EVERY_TENANT, serves
from closeloop.policy.tomlfile import content_hash, read_toml


class FilePolicyBook:
    """The rules, terms and roster of a folder, read once: a change needs a new start."""

    def __init__(self, folder: Path, *, time_scale: float = 1.0) -> None:
        """Read ``rules.toml``, ``desk.toml``, ``approvers.toml`` and ``sla.toml`` of ``folder``.

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
        self._time_scale = time_scale
        self._version = content_hash(files)

    @property
    def version(self) -> str:
        """Hash of everything that judgements rest on."""
        return self._version

    @property
    def tenants(self) -> tuple[str, ...]:
        """Every tenant that terms, service levels or the roster name, the default one first."""
        named = {tenant for person in self._people for tenant in person.tenants}
        named |= set(self._desk.tenants) | set(self._sla.tenants)
        return (DEFAULT_TENANT, *sorted(named - {DEFAULT_TENANT, EVERY_TENANT}))

    def judge(self, facts: Facts, actions: Sequence[Action]) -> Judgement:
        """Return the verdicts on recorded facts; pure."""
        return judge(facts, self._rules, actions)

    def terms(self, tenant: str) -> Terms:
        """Return the desk's terms, waits already scaled."""
        return self._desk.of(tenant).scaled(self._time_scale)

    def service_levels(self, tenant: str, start: datetime) -> ServiceLevels:
        """Return targets and open hours for a ticket whose clock began at ``start``, scaled."""
        return self._sla.of(tenant).recorded(start, self._time_scale)

    def open_hours(
        self, tenant: str, calendar: str, start: datetime, since: datetime
    ) -> OpenHours | None:
        """Return the hours from ``since`` on, scaled around ``start``; None if there are none."""
        found = self._sla.of(tenant).calendar.get(calendar)
        return None if found is None else sla.open_hours(found, start, since, self._time_scale)

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

    def approver(self, approver_id: str) -> Approver | None:
        """Return the person with this id, of whatever tenant."""
        return next((p for p in self._people if p.approver_id == approver_id), None)
