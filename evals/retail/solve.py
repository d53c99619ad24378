"""Solve: every task as its customer would bring it, and the desk's own agents to resolve it.

A task's scenario is the ticket, and a scripted customer answers what the desk asks (``customer``).
The worker is the one that operators run (``worker.py --dev``), with the models that the settings
name, the retail policies, and the set's own policy to read; an approver approves everything. Each
task has in each trial a tenant of its own in one embedded shop, so that its state is fresh. What
the shop holds is compared once the customer has no more to say, or the desk hands the ticket to a
person, who does nothing more about it.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from closeloop.actions.catalogue import parse
from closeloop.bootstrap import BACKENDS_FILE, open_backends, open_knowledge
from closeloop.calls import connect
from closeloop.client import SupportDesk
from closeloop.demo.worker import running_worker
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.knowledge.chunking import Article, document_of
from closeloop.models.base import Wire
from closeloop.models.knowledge import Document
from closeloop.models.proposal import Action, ActionState
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from closeloop.settings import Settings
from evals.retail.customer import ScriptedCustomer
from evals.retail.data import Task, state_hash
from evals.retail.desk import POLICIES
from evals.retail.play import AT_ONCE, Played
from evals.retail.translate import KINDS, action_of
from workflows.standin import WHY

OFFLINE_SECONDS: Final = 120.0
"""What a ticket may take: with ``AT_ONCE`` of them, 74 tickets end within a quarter of an hour."""
MODEL_SECONDS: Final = 600.0
"""The same where language models are asked, which may be busy for a while."""
SOURCE: Final = "retail_policy"

_WRITES: Final = frozenset(KINDS.values())
_MADE: Final = frozenset({ActionState.VERIFIED, ActionState.UNKNOWN, ActionState.EXECUTING})
"""States of a write that has, or may have, changed the shop."""


class Solved(Wire):
    """What became of one task in one trial.

    ``right`` and ``wrong`` are the writes that gold has and those that it has not, ``missing`` how
    many of gold's were not made; a write with another reason or payment method is a wrong one.
    ``asked`` counts our questions, ``escalation`` is why a person was needed, ``stood_in`` whether
    the offline models did the work of a language model; cost in millionths of a US dollar.
    """

    task_id: str
    trial: int
    exact: bool
    do_nothing_exact: bool
    status: str
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    missing: int = 0
    asked: int = 0
    escalation: str = ""
    stood_in: bool = False
    usd_micros: int = 0
    tokens: int = 0
    problem: str = ""


class Solve:
    """One run over all tasks, each played ``trials`` times, in a state folder of its own."""

    def __init__(self, place: Path, tasks: Sequence[Task], settings: Settings, trials: int) -> None:
        """Say what to solve with what; ``settings`` are as ``settings_in`` makes them."""
        self._place = place
        self._plays = {
            f"trial-{trial}-task-{n}": (trial, task)
            for trial in range(1, trials + 1)
            for n, task in enumerate(tasks, start=1)
        }
        self._settings = settings
        self._seconds = OFFLINE_SECONDS if settings.llm == "offline" else MODEL_SECONDS

    async def run(self, done: Callable[[Solved], None]) -> list[Solved]:
        """Play everything; ``done`` hears of each ticket as it ends.

        Raises:
            ConfigurationError: a task has no scenario, or the settings are wrong.
            Unavailable: the worker did not start.
        """
        shop = json.loads((self._place / "db.json").read_text(encoding="utf-8"))
        initial = state_hash(shop)
        customers = {name: ScriptedCustomer(task, shop) for name, (_, task) in self._plays.items()}
        await asyncio.to_thread(self._prepare)
        async with running_worker(self._settings):
            client = await connect(self._settings)
            turn = asyncio.Semaphore(AT_ONCE)

            async def one(tenant: str) -> Solved:
                async with turn:
                    desk = SupportDesk(client, tenant=tenant, identity="retail-eval")
                    played = Played(desk, customers[tenant], seconds=self._seconds)
                    await played.play()
                    result = await asyncio.to_thread(self._result, tenant, played, initial)
                    done(result)
                    return result

            return list(await asyncio.gather(*map(one, self._plays)))

    def _prepare(self) -> None:
        """Give every tenant its shop, and the set's policy to read."""
        self._settings.state_dir.mkdir(parents=True)
        tenants = tuple(self._plays)
        shop = self._settings.shop_file
        EmbeddedBackends(self._backends, shop_file=shop, tenants=tenants).close()
        knowledge = open_knowledge(self._settings)
        documents = policy_documents(self._place)
        for tenant in tenants if documents else ():
            knowledge.put(tenant, documents)
        knowledge.close()

    @property
    def _backends(self) -> Path:
        return self._settings.state_dir / BACKENDS_FILE

    def _result(self, tenant: str, played: Played, initial: str) -> Solved:
        (trial, task), view = self._plays[tenant], played.view
        with open_backends(self._settings) as backends:
            final = state_hash(backends.export(tenant)["shop"])
        right, wrong, missing = compared(view, task)
        changed = final != initial
        problem = played.problem
        if changed and not right and not wrong:
            problem = "the shop has changed, and the ticket shows no write"
        return Solved(
            task_id=task.task_id,
            trial=trial,
            exact=final in task.hashes,
            do_nothing_exact=initial in task.hashes,
            status=view.status.value if view else "not open",
            right=right,
            wrong=wrong,
            missing=missing,
            asked=_asked(view),
            escalation=view.escalation.reason if view and view.escalation else "",
            stood_in=bool(view and set(WHY.values()).intersection(view.mode_reasons)),
            usd_micros=view.cost.usd_micros if view else 0,
            tokens=view.cost.input_tokens + view.cost.output_tokens if view else 0,
            problem=problem,
        )


def settings_in(folder: Path, place: Path) -> Settings:
    """Return the environment's settings for a run in ``folder``, over the shop of ``place``.

    Backends and knowledge are embedded, whatever the environment says: nothing of the operator's is
    touched.
    """
    return Settings(
        state_dir=folder,
        database_url=f"sqlite:///{folder / 'operations.db'}",
        policies_dir=POLICIES,
        shop_file=place / "db.json",
        weaviate_url=None,
        payments="embedded",
        faults="",
        time_scale=1.0,
    )


def policy_documents(place: Path) -> tuple[Document, ...]:
    """Return the set's ``policy*.md`` as policies; none if there are none."""
    return tuple(
        document_of(
            Article(
                article_id=file.stem,
                title=text.lstrip("# \n").partition("\n")[0],
                kind="policy",
                version="1",
                language="en",
                body=text,
            ),
            source=SOURCE,
        )
        for file in sorted(place.glob("policy*.md"))
        if (text := file.read_text(encoding="utf-8")).strip()
    )


def compared(view: TicketView | None, task: Task) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Return the ticket's writes that gold has, those that it has not, and how many it lacks."""
    actions = view.actions if view else ()
    made = Counter(
        _write(action.kind, action.params)
        for action in actions
        if action.kind in _WRITES and action.state in _MADE
    )
    gold = Counter(
        _write(action.kind, action.params)
        for call in task.writes
        for action in [action_of(call, "")]
    )
    right, wrong = made & gold, made - gold
    return tuple(right.elements()), tuple(wrong.elements()), (gold - made).total()


def _write(kind: str, params: Mapping[str, Any]) -> str:
    """Return a write in one line; the order of items says nothing in it."""
    full = parse(Action(action_id="", kind=kind, params=dict(params))).model_dump(mode="json")
    old, new = full.get("item_ids"), full.get("new_item_ids")
    if old and new:
        full["item_ids"], full["new_item_ids"] = zip(
            *sorted(zip(old, new, strict=True)), strict=True
        )
    elif old:
        full["item_ids"] = sorted(old)
    return f"{kind} {json.dumps(full, sort_keys=True)}"


def _asked(view: TicketView | None) -> int:
    """Return how many questions the customer was asked: those answered, and one that waits."""
    if view is None:
        return 0
    answered = sum(message.sender == "customer" for message in view.messages) - 1
    return answered + (view.status is Status.AWAITING_CUSTOMER)
