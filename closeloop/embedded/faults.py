"""Faults on purpose: backends that are slow, answer 503 or 429, refuse, or time out.

``CLOSELOOP_FAULTS`` is a list of ``port.method=kind:probability`` or ``port.method=kind:xN`` (the
next N calls), separated by commas or semicolons, for example
``payments.refund=timeout_after:x1, crm.add_note=503:0.2``. A fault of one customer or order names
it: ``payments.refund(#W1002)=503:x3`` hits only calls with just this among their arguments. The
plan lives in the backends' database: its counters are shared by all processes and survive them.
"""

import functools
import inspect
import random
import re
import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Concatenate, Final, ParamSpec, TypeVar

from closeloop.embedded.database import Call, Database
from closeloop.errors import BackendRefused, BackendUnavailable, ConfigurationError, EffectUnknown
from closeloop.ports import Calendar, Crm, Outbox, Payments, Shop

SLOW_SECONDS: Final = 2.0
RETRY_AFTER_SECONDS: Final = 1.0
"""What a 429 asks for."""

_SEED: Final = "closeloop"

_PORTS: Final[dict[str, type]] = {
    "shop": Shop,
    "payments": Payments,
    "crm": Crm,
    "outbox": Outbox,
    "calendar": Calendar,
}
PORT_METHODS: Final = tuple(
    f"{port}.{name}"
    for port, protocol in _PORTS.items()
    for name, _ in inspect.getmembers(protocol, inspect.isfunction)
    if not name.startswith("_")
)
"""Every method that can fail on purpose, as the plan names it."""

_ENTRY = re.compile(
    r"(?P<port_method>[^=:(\s]+)\s*(?:\(\s*(?P<argument>[^()\s]+)\s*\))?\s*="
    r"\s*(?P<kind>[^=:\s]+)\s*:\s*"
    r"(?:x(?P<times>[0-9]{1,9})|(?P<probability>[0-9]*\.?[0-9]+))"
)


class FaultKind(StrEnum):
    """What goes wrong."""

    UNAVAILABLE = "503"
    TOO_MANY = "429"
    REFUSE = "refuse"
    SLOW = "slow"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault that hits this call."""

    port_method: str
    kind: FaultKind


@dataclass(frozen=True, kw_only=True)
class _Entry:
    text: str
    port_method: str
    argument: str | None
    kind: FaultKind
    probability: float | None
    times: int | None


def _parse_plan(text: str) -> tuple[_Entry, ...]:
    return tuple(_parse_entry(part.strip()) for part in re.split("[,;]", text) if part.strip())


def _parse_entry(text: str) -> _Entry:
    """Return an entry; an error names it and says what is allowed."""

    def wrong(words: str) -> ConfigurationError:
        return ConfigurationError(f"CLOSELOOP_FAULTS: {text[:120]!r}: {words}")

    match = _ENTRY.fullmatch(text)
    if match is None:
        raise wrong(
            "write port.method=kind:probability or port.method=kind:xN"
            " (port.method(argument)=... for calls with this argument alone)"
        )
    if match["port_method"] not in PORT_METHODS:
        raise wrong(f"there is no {match['port_method']!r}; use one of {', '.join(PORT_METHODS)}")
    try:
        kind = FaultKind(match["kind"])
    except ValueError:
        raise wrong(
            f"there is no kind {match['kind']!r}; use one of {', '.join(FaultKind)}"
        ) from None
    times = None if match["times"] is None else int(match["times"])
    probability = None if match["probability"] is None else float(match["probability"])
    if times == 0:
        raise wrong("xN needs N of 1 or more")
    if probability is not None and not 0 < probability <= 1:
        raise wrong("a probability lies above 0 and is at most 1; for a number of calls write xN")
    argument = f"({match['argument']})" if match["argument"] else ""
    return _Entry(
        text=f"{match['port_method']}{argument}={kind}:{f'x{times}' if times else probability}",
        port_method=match["port_method"],
        argument=match["argument"],
        kind=kind,
        probability=probability,
        times=times,
    )


class FaultPlan:
    """The faults that are planned, and how much of them is left."""

    def __init__(self, database: Database) -> None:
        """Use the plan in this database."""
        self._database = database

    def load(self, text: str) -> None:
        """Make ``text`` the loaded part of the plan; what was added stays.

        The same text again changes nothing: a worker that starts anew goes on with the counters
        of the one before.

        Raises:
            ConfigurationError: an entry is wrong; nothing was changed.
        """
        entries = _parse_plan(text)
        with self._database.write() as connection:
            rows = connection.execute("SELECT entry FROM faults WHERE loaded ORDER BY position")
            if [row[0] for row in rows] == [entry.text for entry in entries]:
                return
            connection.execute("DELETE FROM faults WHERE loaded")
            for entry in entries:
                _insert(connection, entry, loaded=True)

    def add(self, entry: str) -> None:
        """Plan one more fault, behind those that are planned for the same method.

        Raises:
            ConfigurationError: the entry is wrong.
        """
        parsed = _parse_entry(entry.strip())
        with self._database.write() as connection:
            _insert(connection, parsed, loaded=False)

    def clear(self) -> None:
        """Forget every planned fault."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM faults")

    def next(self, port_method: str, arguments: Collection[object]) -> Fault | None:
        """Return the fault that hits this call, and count it."""
        with self._database.read() as connection:
            planned = connection.execute(
                "SELECT 1 FROM faults WHERE port_method = ? AND remaining IS NOT 0", (port_method,)
            ).fetchone()
        if planned is None:  # the usual case takes no write lock
            return None
        with self._database.write() as connection:
            rows = connection.execute(
                "SELECT position, argument, kind, probability, draws FROM faults"
                " WHERE port_method = ? AND remaining IS NOT 0 ORDER BY position",
                (port_method,),
            ).fetchall()
            for position, argument, kind, probability, draws in rows:
                if argument is not None and argument not in arguments:
                    continue
                connection.execute(
                    "UPDATE faults SET draws = draws + 1, remaining = remaining - 1"
                    " WHERE position = ?",
                    (position,),
                )
                if probability is None or _chance(port_method, kind, draws) < probability:
                    return Fault(port_method=port_method, kind=FaultKind(kind))
        return None


def _insert(connection: sqlite3.Connection, entry: _Entry, *, loaded: bool) -> None:
    connection.execute(
        "INSERT INTO faults (port_method, argument, kind, probability, remaining, entry, loaded)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry.port_method,
            entry.argument,
            entry.kind,
            entry.probability,
            entry.times,
            entry.text,
            int(loaded),
        ),
    )


def _chance(port_method: str, kind: str, draws: int) -> float:
    """Return draw n of the entry's own random stream: the same in every process and every run."""
    return random.Random(f"{_SEED}:{port_method}={kind}:{draws}").random()


# ------------------------------------------------------------------------ around a port's methods


class FaultyPort:
    """Base of the embedded ports: a database, and a plan that their methods consult."""

    port: ClassVar[str]
    """The port's name in a plan."""

    def __init__(self, database: Database, faults: FaultPlan) -> None:
        """Use the database, and the plan of faults in it."""
        self.database = database
        self.faults = faults

    def call_of(
        self, tenant: str, key: str, operation: str, arguments: tuple[str | int | None, ...]
    ) -> Call:
        """Identify a write on this port."""
        return Call(
            tenant=tenant, service=self.port, key=key, operation=operation, arguments=arguments
        )


S = TypeVar("S", bound=FaultyPort)
P = ParamSpec("P")
T = TypeVar("T")


def reads(method: Callable[Concatenate[S, P], T], /) -> Callable[Concatenate[S, P], T]:
    """Let faults hit a method that reads; a read that times out has changed nothing."""
    return _hit(method, BackendUnavailable)


def writes(method: Callable[Concatenate[S, P], T], /) -> Callable[Concatenate[S, P], T]:
    """Let faults hit a method that writes; after a timeout its effect is unknown."""
    return _hit(method, EffectUnknown)


def _hit(
    method: Callable[Concatenate[S, P], T], timed_out: type[BackendUnavailable | EffectUnknown]
) -> Callable[Concatenate[S, P], T]:
    @functools.wraps(method)
    def call(port: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        port_method = f"{port.port}.{method.__name__}"
        fault = port.faults.next(port_method, (*args, *kwargs.values()))
        if fault is None:
            return method(port, *args, **kwargs)
        match fault.kind:
            case FaultKind.UNAVAILABLE:
                raise BackendUnavailable(f"{port_method} answered 503 (planned fault)")
            case FaultKind.TOO_MANY:
                raise BackendUnavailable(
                    f"{port_method} answered 429 (planned fault)",
                    retry_after_seconds=RETRY_AFTER_SECONDS,
                )
            case FaultKind.REFUSE:
                raise BackendRefused(f"{port_method} refused (planned fault)", code="fault_refused")
            case FaultKind.SLOW:
                time.sleep(SLOW_SECONDS)
                return method(port, *args, **kwargs)
            case FaultKind.TIMEOUT_BEFORE:
                raise timed_out(f"{port_method} timed out (planned fault)")
            case FaultKind.TIMEOUT_AFTER:
                method(port, *args, **kwargs)
                raise timed_out(f"{port_method} timed out (planned fault)")

    return call
