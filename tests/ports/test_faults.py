"""Faults on purpose: the grammar, the shared counters, and what callers see."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.faults import PORT_METHODS, SLOW_SECONDS, FaultKind
from closeloop.errors import BackendRefused, BackendUnavailable, ConfigurationError, EffectUnknown
from tests.ports.small_shop import open_backends, usd

ROOT = Path(__file__).parents[2]


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[EmbeddedBackends]:
    with open_backends(tmp_path) as opened:
        yield opened


def kinds(backends: EmbeddedBackends, port_method: str, calls: int) -> list[str | None]:
    drawn = (backends.faults.next(port_method, ()) for _ in range(calls))
    return [None if fault is None else str(fault.kind) for fault in drawn]


def test_the_plan_covers_every_method_of_the_ports() -> None:
    assert set(PORT_METHODS) == {
        *("shop.get_customer", "shop.find_customer", "shop.get_order", "shop.list_orders"),
        *("shop.find_customer_by_name", "shop.customers_named"),
        *("shop.get_product", "shop.find_item"),
        *("shop.cancel_order", "shop.modify_order_address", "shop.modify_order_items"),
        *("shop.modify_order_payment", "shop.return_items", "shop.exchange_items"),
        *("shop.update_customer_address", "shop.issue_store_credit", "shop.find_store_credit"),
        *("payments.list_payments", "payments.list_refunds", "payments.refund"),
        *("payments.list_credits", "payments.list_disputes"),
        *("payments.find_refund", "crm.add_note", "crm.find_note", "crm.create_escalation"),
        *("crm.find_escalation", "crm.close_escalation", "crm.open_cases"),
        *("crm.raise_alert", "crm.find_alert"),
        *("outbox.send", "outbox.find"),
        *("calendar.book", "calendar.move", "calendar.cancel"),
        *("calendar.get", "calendar.find", "calendar.calls"),
    }


@pytest.mark.parametrize("port_method", PORT_METHODS)
def test_every_method_consults_the_plan(backends: EmbeddedBackends, port_method: str) -> None:
    arguments: dict[str, tuple[object, ...]] = {
        "refund": ("k", "#W1", usd(1)),
        "cancel_order": ("k", "#W2", "x"),
        "modify_order_address": ("k", "#W2", None),
        "add_note": ("k", None, "text"),
        "create_escalation": ("k", "q", "r", "p"),
        "raise_alert": ("k", "q", "t"),
        "book": ("k", "T1", "c", None, "UTC"),
        "move": ("k", "b", None),
        "cancel": ("k", "b"),
        "send": ("k", "T1", "a@example.com", "s", "text"),
    }
    port, method = port_method.split(".")
    backends.faults.add(f"{port_method}=refuse:x1")
    with pytest.raises(BackendRefused, match=port_method) as refusal:
        getattr(getattr(backends, port), method)("default", *arguments.get(method, ("k",)))
    assert refusal.value.code == "fault_refused"
    assert backends.faults.next(port_method, ()) is None


def test_entries_of_one_method_are_used_up_in_order(backends: EmbeddedBackends) -> None:
    backends.faults.load("payments.refund=503:x2; crm.add_note = 429 : x1,payments.refund=slow:x1")
    assert kinds(backends, "payments.refund", 5) == ["503", "503", "slow", None, None]
    assert kinds(backends, "crm.add_note", 2) == ["429", None]
    assert kinds(backends, "crm.find_note", 1) == [None]


def test_a_fault_that_names_an_argument_spares_the_other_calls(backends: EmbeddedBackends) -> None:
    backends.faults.load("crm.add_note (ada)=503:x1, payments.list_payments(#W2)=503:1.0")
    backends.crm.add_note("default", "k1", "bea", "text")
    with pytest.raises(BackendUnavailable):
        backends.crm.add_note("default", "k2", customer_id="ada", text="text")
    backends.crm.add_note("default", "k2", "ada", "text")
    backends.payments.list_payments("default", "#W1")
    with pytest.raises(BackendUnavailable):
        backends.payments.list_payments("default", "#W2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("payments.refund", "port.method=kind:probability"),
        ("payments.refund=503", "port.method=kind:xN"),
        ("payments.refund()=503:x1", "port.method(argument)"),
        ("payments.refund(#W1=503:x1", "port.method(argument)"),
        ("payments.refund=503:often", "port.method=kind"),
        ("payments.refund=503:-1", "port.method=kind"),
        ("payments.refund=503:1.5", "at most 1"),
        ("payments.refund=503:0", "above 0"),
        ("payments.refund=503:x0", "1 or more"),
        ("payments.refund=500:x1", "timeout_after"),
        ("payments.steal=503:x1", "payments.refund"),
        ("payment.refund=503:x1", "payments.refund"),
        ("payments.messages=503:x1", "outbox.send"),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_allowed(
    backends: EmbeddedBackends, tmp_path: Path, text: str, named: str
) -> None:
    backends.faults.load("crm.add_note=503:x1")
    for attempt in (
        lambda: backends.faults.load(f"crm.add_note=503:x2,{text}"),
        lambda: backends.faults.add(text),
        lambda: EmbeddedBackends(tmp_path / "backends.db", faults=text),
    ):
        with pytest.raises(ConfigurationError) as error:
            attempt()
        assert "CLOSELOOP_FAULTS" in str(error.value)
        assert repr(text) in str(error.value)
        assert named in str(error.value)
    assert kinds(backends, "crm.add_note", 2) == ["503", None]


def test_a_plan_survives_a_restart_with_its_counters(tmp_path: Path) -> None:
    open_backends(tmp_path).close()
    path, plan = tmp_path / "backends.db", "payments.refund=503:x3"
    with EmbeddedBackends(path, faults=plan) as backends:
        assert kinds(backends, "payments.refund", 2) == ["503", "503"]
        backends.faults.add("crm.add_note=429:x1")
    with EmbeddedBackends(path, faults=plan) as backends:  # the same text: goes on
        assert kinds(backends, "payments.refund", 2) == ["503", None]
    with EmbeddedBackends(path) as backends:  # says nothing about faults: leaves them
        assert kinds(backends, "payments.refund", 1) == [None]
    with EmbeddedBackends(path, faults="payments.refund=429:x9") as backends:  # another: replaces
        assert kinds(backends, "payments.refund", 1) == ["429"]
    with EmbeddedBackends(path, faults="") as backends:  # none: takes the loaded ones away
        assert kinds(backends, "payments.refund", 1) == [None]
        assert kinds(backends, "crm.add_note", 2) == ["429", None]


def test_clear_forgets_everything(backends: EmbeddedBackends) -> None:
    backends.faults.load("payments.refund=503:x1")
    backends.faults.add("payments.refund=429:0.5")
    backends.faults.clear()
    assert kinds(backends, "payments.refund", 20) == [None] * 20


def test_a_probability_is_a_fixed_stream_of_about_that_share(tmp_path: Path) -> None:
    streams: list[list[str | None]] = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with open_backends(tmp_path / name) as backends:
            backends.faults.add("shop.get_order=503:0.25")
            streams.append(kinds(backends, "shop.get_order", 200))
    assert streams[0] == streams[1]
    assert 30 <= streams[0].count("503") <= 70
    with open_backends(tmp_path / "a") as backends:
        backends.faults.clear()
        backends.faults.add("shop.get_order=503:1")
        assert kinds(backends, "shop.get_order", 5) == ["503"] * 5


def test_threads_share_the_counters(backends: EmbeddedBackends) -> None:
    backends.faults.add("crm.add_note=503:x10")
    with ThreadPoolExecutor(8) as pool:
        hits = list(pool.map(lambda _: backends.faults.next("crm.add_note", ()), range(40)))
    assert len([hit for hit in hits if hit is not None]) == 10


COUNT_HITS = """
import sys
from pathlib import Path
from closeloop.embedded.backends import EmbeddedBackends
with EmbeddedBackends(Path(sys.argv[1]), faults="crm.add_note=503:x10") as backends:
    print(sum(backends.faults.next("crm.add_note", ()) is not None for _ in range(8)))
"""


def test_processes_share_the_counters(tmp_path: Path) -> None:
    open_backends(tmp_path).close()
    command = [sys.executable, "-c", COUNT_HITS, str(tmp_path / "backends.db")]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert sum(int(process.communicate(timeout=60)[0]) for process in processes) == 10


# --------------------------------------------------------------------------- what callers see


def test_503_and_429_did_nothing(backends: EmbeddedBackends) -> None:
    backends.faults.load("crm.add_note=503:x1,crm.add_note=429:x1")
    with pytest.raises(BackendUnavailable, match="503") as unavailable:
        backends.crm.add_note("default", "k1", None, "a note")
    assert unavailable.value.retry_after_seconds is None
    with pytest.raises(BackendUnavailable, match="429") as too_many:
        backends.crm.add_note("default", "k1", None, "a note")
    assert too_many.value.retry_after_seconds
    assert backends.crm.find_note("default", "k1") is None
    assert backends.crm.add_note("default", "k1", None, "a note").key == "k1"


def test_slow_takes_its_time_and_does_it(backends: EmbeddedBackends) -> None:
    backends.faults.add("crm.add_note=slow:x1")
    begin = time.monotonic()
    note = backends.crm.add_note("default", "k1", None, "a note")
    assert time.monotonic() - begin >= SLOW_SECONDS
    assert backends.crm.find_note("default", "k1") == note


@pytest.mark.parametrize("kind", [FaultKind.TIMEOUT_BEFORE, FaultKind.TIMEOUT_AFTER])
def test_a_read_that_times_out_leaves_no_effect_in_doubt(
    backends: EmbeddedBackends, kind: FaultKind
) -> None:
    backends.faults.add(f"shop.get_order={kind}:x1")
    with pytest.raises(BackendUnavailable, match="timed out"):
        backends.shop.get_order("default", "#W1")


@pytest.mark.parametrize(("kind", "done"), [("timeout_before", False), ("timeout_after", True)])
def test_a_write_that_times_out_may_have_happened(
    backends: EmbeddedBackends, kind: str, done: bool
) -> None:
    backends.faults.add(f"crm.create_escalation={kind}:x1")
    with pytest.raises(EffectUnknown, match="timed out"):
        backends.crm.create_escalation("default", "k1", "support", "why", "pack")
    assert (backends.crm.find_escalation("default", "k1") is not None) is done
