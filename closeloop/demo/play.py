"""Runs one scenario: opens its ticket, plays its people, and observes how it ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from closeloop.client import SupportDesk
from closeloop.demo.office import BackOffice
from closeloop.demo.scenario import Deed, Expectation, ExpectedAction, Play, Scenario
from closeloop.errors import Refused, Unavailable
from closeloop.models.proposal import ActionState
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView

POLL_SECONDS: Final = 0.25
CLOSING_POLL_SECONDS: Final = 1.0
"""Once nobody has anything to do any more: looking at a ticket is work for its worker, too."""
AT_ONCE: Final = 8
"""How many tickets people are busy with at once: on a quick clock they have seconds for each."""
PATIENCE_SECONDS: Final = 240.0
"""How long a scenario may take altogether before it counts as stuck."""

_ENDED: Final = (ActionState.VERIFIED, ActionState.FAILED, ActionState.UNKNOWN)


@dataclass
class Run:
    """A scenario under way, and what was seen of it."""

    scenario: Scenario
    ticket_id: str = ""
    view: TicketView | None = None
    observed: Expectation | None = None
    error: str = ""
    twins: list["Run"] = field(default_factory=list["Run"])

    @property
    def done(self) -> bool:
        """Whether it ended, one way or the other."""
        return self.observed is not None or bool(self.error)

    @property
    def differences(self) -> list[str]:
        """What is not as the scenario file expects, in words."""
        if self.error:
            return [self.error]
        if self.observed is None:
            return ["still running"]
        return _differences(self.scenario.expect, self.observed)


def _differences(expected: Expectation, observed: Expectation) -> list[str]:
    found: list[str] = []
    for name in ("status", "closure", "mode", "refunded_minor", "messages_to_customer", "late"):
        wanted, seen = getattr(expected, name), getattr(observed, name)
        if wanted != seen and not (name in ("closure", "late") and wanted is None):
            found.append(f"{name}: expected {wanted}, observed {seen}")
    wanted_actions = [_shown(action, action) for action in expected.actions]
    seen_actions = [
        _shown(seen, expected.actions[n] if n < len(expected.actions) else seen)
        for n, seen in enumerate(observed.actions)
    ]
    if expected.cases is not None and expected.cases != observed.cases:
        wanted, seen = map(_cases, (expected, observed))
        found.append(f"cases: expected {wanted}, observed {seen}")
    if wanted_actions != seen_actions:
        found.append(f"actions: expected {wanted_actions}, observed {seen_actions}")
    return found


def _cases(of: Expectation) -> list[str]:
    return [f"{one.queue}, {one.person or 'nobody'}, {one.status}" for one in of.cases or ()]


def _shown(action: ExpectedAction, like: ExpectedAction) -> str:
    attempts = f" in {action.attempts} attempts" if like.attempts is not None else ""
    return f"{action.kind} {action.state.value}{attempts}"


class Player:
    """Plays scenarios against a running desk."""

    def __init__(self, desk: SupportDesk, office: BackOffice) -> None:
        """Keep the desk, as a backend service uses it, and the backends, as a back office does."""
        self._client = desk.client
        self._desks: dict[str, SupportDesk] = {}
        self._office = office
        self._twins: list[asyncio.Task[None]] = []
        self._busy = asyncio.Semaphore(AT_ONCE)

    def _desk_of(self, run: Run) -> SupportDesk:
        tenant = run.scenario.ticket.tenant
        if tenant not in self._desks:
            self._desks[tenant] = SupportDesk(self._client, tenant=tenant, identity="demo-shop")
        return self._desks[tenant]

    async def _look(self, run: Run) -> TicketView:
        """Return the ticket as it is now: a worker with much to do is waited for."""
        while True:
            try:
                run.view = await self._desk_of(run).get_ticket(run.ticket_id)
            except Unavailable:
                await asyncio.sleep(CLOSING_POLL_SECONDS)
            else:
                return run.view

    async def ended(self) -> None:
        """Wait for the tickets that other tickets' people opened."""
        await asyncio.gather(*self._twins)

    async def play(self, run: Run) -> None:
        """Play the scenario to its end; what goes wrong is kept in ``run.error``."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._play(run)
        except TimeoutError:
            status = run.view.status.value if run.view else "not open"
            run.error = f"stuck at {status} after {PATIENCE_SECONDS:.0f} s"
        except Exception as error:  # one scenario's defect must not hide how the others ended
            run.error = f"{type(error).__name__}: {error}"

    async def _play(self, run: Run) -> None:
        scenario = run.scenario
        async with self._busy:
            before = await self._with_people(run)
        ends = {scenario.expect.status, Status.CLOSED}
        await self._until(run, ends, "", every=CLOSING_POLL_SECONDS)
        run.observed = self._observe(run, before)

    async def _with_people(self, run: Run) -> int:
        """Open the ticket and do all that people do; return what was refunded before."""
        scenario = run.scenario
        for play in scenario.plays:
            if play.does.fault is not None:
                self._office.add_fault(play.does.fault)
            elif play.does.stop is not None:
                self._office.stop(scenario.ticket.tenant, play.does.stop, by=play.who)
        before = self._office.refunded(scenario.ticket)
        opened = await self._desk_of(run).open_ticket(scenario.ticket)
        run.ticket_id = opened.ticket_id
        seen = ""
        deeds = [play for play in scenario.plays if not play.does.planted]
        for play in deeds:
            seen = await self._act(run, play, seen)
        return before

    async def _act(self, run: Run, play: Play, seen: str) -> str:
        """Wait until it is the play's turn, do it, and return the moment it was done at."""
        assert play.after != "start"  # that is for what was planted
        if play.after == "late":
            moment = await self._until_late(run)
        else:
            moment = await self._until(run, {play.after}, seen)
        await self._do(run, play.who, play.does)
        return seen if play.does.unseen else moment

    async def _until_late(self, run: Run) -> str:
        """Wait until the ticket says that its resolution is overdue."""
        while True:
            view = await self._look(run)
            if view.sla.breached:
                return _moment(view)
            if view.status is Status.CLOSED:
                raise Refused("it closed before it was late", code="bad_scenario")
            await asyncio.sleep(POLL_SECONDS)

    async def _until(
        self, run: Run, statuses: set[Status], seen: str, *, every: float = POLL_SECONDS
    ) -> str:
        """Wait for one of the statuses at another moment than ``seen``."""
        while True:
            view = await self._look(run)
            if view.status is Status.CLOSED and Status.CLOSED not in statuses:
                raise Refused(f"it closed before it was {min(statuses)}", code="bad_scenario")
            moment = _moment(view)
            if view.status in statuses and moment != seen:
                return moment
            await asyncio.sleep(every)

    async def _do(self, run: Run, who: str, deed: Deed) -> None:
        desk, ticket_id, tenant = self._desk_of(run), run.ticket_id, run.scenario.ticket.tenant
        if deed.say is not None:
            await desk.add_message(ticket_id, deed.say)
        elif deed.give_code is not None:
            code = self._office.code(tenant, ticket_id)
            right = deed.give_code
            await desk.add_message(ticket_id, code if right else _another(code))
        elif deed.call is not None:
            await self._call(tenant, ticket_id, deed.call, who)
        elif deed.refund is not None:
            self._office.refund(
                deed.refund.order_id, deed.refund.amount_minor, by=who, tenant=tenant
            )
        elif deed.record_resolution is not None:
            await desk.operate(
                ticket_id, "record_resolution", who, resolution=deed.record_resolution
            )
        elif deed.operation is not None:
            await desk.operate(ticket_id, deed.operation, who)
        elif deed.resume:
            self._office.resume(tenant, by=who)
        elif deed.open is not None:
            twin = Run(deed.open)
            run.twins.append(twin)
            self._twins.append(asyncio.create_task(self.play(twin)))
        else:
            await self._decide(run, who, deed)

    async def _decide(self, run: Run, who: str, deed: Deed) -> None:
        """Approve, reject, or ask the customer."""
        desk, ticket_id = self._desk_of(run), run.ticket_id
        request = run.view.pending_approval if run.view else None
        if request is None:
            raise Refused(f"{who} has nothing to decide", code="bad_scenario")
        if deed.reject is not None:
            reason, words = deed.reject.reason, deed.reject.words
            await desk.decide(ticket_id, request.request_id, who, False, reason=reason, words=words)
        elif deed.ask is not None:
            await desk.decide(ticket_id, request.request_id, who, False, ask=deed.ask)
        else:
            await desk.decide(ticket_id, request.request_id, who, True, edit=deed.edit)

    async def _call(
        self, tenant: str, ticket_id: str, outcome: Literal["reached", "not_reached"], who: str
    ) -> None:
        """Make the ticket's call, once it is booked."""
        for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
            if self._office.call(tenant, ticket_id, outcome, by=who):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise Refused(f"{who} has nobody to call", code="bad_scenario")

    def _observe(self, run: Run, before: int) -> Expectation:
        view = run.view
        assert view is not None
        return Expectation(
            status=view.status,
            closure=view.closure,
            mode=view.mode,
            actions=tuple(
                ExpectedAction(
                    kind=action.kind,
                    state=ActionState(action.state),
                    attempts=action.attempts if action.state in _ENDED else None,
                )
                for action in view.actions
            ),
            refunded_minor=self._office.refunded(run.scenario.ticket) - before,
            messages_to_customer=self._office.messages(view.tenant, run.ticket_id),
            cases=self._office.cases(view.tenant, run.ticket_id),
            late=view.sla.breached,
        )


def _another(code: str) -> str:
    """Return a code that is not this one."""
    return f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"


def _moment(view: TicketView) -> str:
    """Return what differs between two stays in one status: the request, or our last message.

    A request that one of two people has approved is another moment.
    """
    pending = view.pending_approval
    request = pending.request_id if pending else ""
    first = pending.first.approver if pending and pending.first else ""
    ours = [m.message_id for m in view.messages if m.sender == "closeloop"]
    return f"{view.status.value} {request} {first} {ours[-1:]}"


async def play_all(player: Player, runs: Sequence[Run]) -> None:
    """Play the scenarios side by side: a fault names whose calls it hits."""
    await asyncio.gather(*(player.play(run) for run in runs))
    await player.ended()
