"""The desk's terms, and the folder of policy files as a whole."""

from __future__ import annotations

import copy
import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from closeloop.errors import ConfigurationError
from closeloop.models.approval import ApprovalTerms
from closeloop.models.callbacks import CallbackTerms
from closeloop.models.identity import CodeTerms
from closeloop.models.state import Terms
from closeloop.models.ticket import Mode
from closeloop.policy.book import TAXONOMY, FilePolicyBook
from closeloop.policy.desk import parse_desk
from closeloop.policy.judge import judge
from closeloop.ports import PolicyBook
from tests.unit.policy_support import POLICIES, RULES, action_of, facts_of, refund_facts

CODES = CodeTerms(expiry_seconds=86_400, lock_out_seconds=86_400, attempts=5, codes=3)
SHIPPED = tomllib.loads((POLICIES / "desk.toml").read_text(encoding="utf-8"))


def test_shipped_terms_are_the_designs() -> None:
    terms = FilePolicyBook(POLICIES).terms("default")
    assert terms.voice is not None
    assert terms == Terms(
        model_budget_micros=1_000_000,
        checks_replies=True,
        codes=CODES,
        asks_consent=True,
        voice=terms.voice,
        promise_at_risk=0.75,
        callbacks=CallbackTerms(tries=2, slot_seconds=1800, grace_seconds=900),
    )


def test_time_scale_multiplies_every_wait_and_is_recorded() -> None:
    whole = FilePolicyBook(POLICIES).terms("default")
    terms = FilePolicyBook(POLICIES, time_scale=0.001).terms("default")
    assert terms.time_scale == 0.001
    for name in Terms.model_fields:
        if name.endswith("_seconds") and name != "resolution_target_seconds":
            assert getattr(terms, name) == pytest.approx(getattr(whole, name) / 1_000), name
    assert terms.max_rounds == 4


def test_codes_expire_sooner_where_time_is_scaled() -> None:
    codes = FilePolicyBook(POLICIES, time_scale=0.001).terms("default").codes
    assert codes == CODES.model_copy(update={"expiry_seconds": 86.4, "lock_out_seconds": 86.4})


def test_a_desk_without_identity_sends_no_codes_and_asks_no_consent() -> None:
    document = copy.deepcopy(SHIPPED)
    del document["identity"]
    del document["ask_consent"]
    terms = parse_desk(document, "desk.toml").of("default").scaled(1)
    assert terms.codes is None
    assert not terms.asks_consent


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("attempts", 0, "identity.attempts"),
        ("codes", 21, "identity.codes"),
        ("code_expiry", "soon", "identity.code_expiry"),
        ("lock_out", "1h", "lock_out: must not be shorter than code_expiry"),
        ("retries", 3, "identity.retries: there is no such key"),
    ],
)
def test_a_faulty_identity_is_refused_by_key(key: str, value: object, said: str) -> None:
    document = copy.deepcopy(SHIPPED)
    document["identity"][key] = value
    with pytest.raises(ConfigurationError, match=said):
        parse_desk(document, "desk.toml")


def test_money_waits_as_long_as_the_rule_on_the_contact_says() -> None:
    assert FilePolicyBook(POLICIES).contact_bar() == timedelta(days=14)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_time_scale_must_be_a_number_above_zero(scale: float) -> None:
    with pytest.raises(ConfigurationError, match="time_scale"):
        FilePolicyBook(POLICIES, time_scale=scale)


def test_limits() -> None:
    limits = {limit.rule_id: limit for limit in FilePolicyBook(POLICIES).limits("default")}
    customers, tenants = limits["daily_limit.customer"], limits["daily_limit.tenant"]
    assert (customers.measure, customers.at_most) == ("customer_day", 500_000)
    assert (tenants.measure, tenants.at_most) == ("tenant_day", 1_000_000)
    assert not customers.approvable
    assert not tenants.approvable


def test_the_ledger_holds_what_the_rules_say_of_sums() -> None:
    limits = {limit.rule_id: limit for limit in FilePolicyBook(POLICIES).limits("default")}
    per_order = limits["refund.order_30d"]
    assert (per_order.measure, per_order.at_most) == ("order", 5_000)
    assert per_order.approvable
    assert per_order.kinds == ("refund_payment",)
    assert not limits["money.ceiling"].approvable
    assert limits["money.ceiling"].kinds is None


def test_a_tenant_names_only_what_differs() -> None:
    document = copy.deepcopy(SHIPPED)
    document["tenant"] = {
        "acme": {
            "mode_cap": "assisted",
            "waits": {"reminder": "1h"},
            "daily_limit": {"customer": "100.00"},
        }
    }
    desk = parse_desk(document, "desk.toml")
    acme, default = desk.of("acme"), desk.of("anybody else")
    assert (acme.mode_cap, default.mode_cap) == (Mode.ASSISTED, Mode.AUTONOMOUS)
    assert (acme.waits.reminder, default.waits.reminder) == (3_600, 14_400)
    assert acme.waits.approval_expiry == default.waits.approval_expiry
    assert acme.daily_limit.customer == 10_000
    assert acme.daily_limit.tenant == default.daily_limit.tenant
    assert acme.scaled(1.0).mode_cap is Mode.ASSISTED


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(max_round=4), "desk.toml: max_round: there is no such key"),
        (lambda d: d.pop("max_rounds"), "max_rounds: is missing"),
        (lambda d: d.update(max_rounds=0), "max_rounds: "),
        (lambda d: d.update(max_rounds="4"), "max_rounds: "),
        (lambda d: d.update(mode_cap="automatic"), "mode_cap: "),
        (lambda d: d.update(modes={"refund_request": "manual"}), "modes.refund_request: "),
        (lambda d: d["waits"].pop("reminder"), "waits.reminder: is missing"),
        (lambda d: d["waits"].update(reminder=4), "waits.reminder: 4 is not a duration"),
        (lambda d: d["waits"].update(reminder="24h"), "waits: reminder: must come before"),
        (lambda d: d["waits"].update(quiet_window="8d"), "waits: quiet_window: must not be longer"),
        (lambda d: d["waits"].update(lunch="1h"), "waits.lunch: there is no such key"),
        (
            lambda d: d["daily_limit"].update(customer=500),
            "daily_limit.customer: 500 is not an amount",
        ),
        (
            lambda d: d["daily_limit"].update(customer="20000.00"),
            "daily_limit: customer: must not be above",
        ),
        (
            lambda d: d["approval"].update(lead_after="3h"),
            "approval: lead_after: must come before manager_after",
        ),
        (lambda d: d["approval"].update(claim="0m"), "approval.claim: '0m' is not a duration"),
        (
            lambda d: d["approval"].update(four_eyes_above=-1),
            "approval.four_eyes_above: -1 is not an amount",
        ),
        (lambda d: d["approval"].update(eyes=4), "approval.eyes: there is no such key"),
        (lambda d: d.update(tenant="acme"), "desk.toml: tenant: write one table a tenant"),
        (lambda d: d.update(tenant={"acme": 1}), r"desk.toml: \[tenant.acme\]: must be a table"),
        (lambda d: d.update(tenant={"a b": {}}), r"\[tenant.a b\]: is not the name of a tenant"),
        (lambda d: d.update(tenant={"acme": {"waits": 1}}), r"\[tenant.acme\]: waits: "),
        (
            lambda d: d.update(tenant={"acme": {"waits": {"reminder": "30h"}}}),
            r"desk.toml: \[tenant.acme\]: waits: reminder: must come before",
        ),
        (
            lambda d: d.update(tenant={"acme": {"tenant": {}}}),
            r"\[tenant.acme\]: tenant: there is no",
        ),
    ],
)
def test_a_wrong_desk_file_is_refused_by_name(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    document = copy.deepcopy(SHIPPED)
    change(document)
    with pytest.raises(ConfigurationError, match=words):
        parse_desk(document, "desk.toml")


# --- the book ------------------------------------------------------------------------------------


FILES = ("rules.toml", "desk.toml", "approvers.toml", "sla.toml", "voice.toml", "routing.toml")


def folder_copy(to: Path) -> Path:
    for name in (*FILES, TAXONOMY):
        shutil.copy(POLICIES / name, to / name)
    return to


def test_the_book_is_the_port() -> None:
    book: PolicyBook = FilePolicyBook(POLICIES)
    seen = facts_of(refund_facts(), policy_version=book.version)
    actions = [action_of(refund_facts())]
    assert book.judge(seen, actions) == judge(seen, RULES, actions)


def test_the_book_knows_the_tenants(tmp_path: Path) -> None:
    folder = folder_copy(tmp_path)
    with (folder / "desk.toml").open("a", encoding="utf-8") as file:
        file.write('\n[tenant.zeta]\nmode_cap = "shadow"\n')
    assert FilePolicyBook(folder).tenants == ("default", "acme", "zeta")


def test_modes_by_intent_are_recorded_and_name_intents_that_there_are(tmp_path: Path) -> None:
    folder = folder_copy(tmp_path)
    shutil.copy(POLICIES / "taxonomy.toml", folder)
    text = (folder / "desk.toml").read_text(encoding="utf-8")
    mode = '[modes]\nrefund_request = "shadow"\n\n[waits]'
    (folder / "desk.toml").write_text(text.replace("[waits]", mode), encoding="utf-8")
    assert FilePolicyBook(folder).terms("default").modes == {"refund_request": Mode.SHADOW}
    wrong = text.replace("[waits]", mode.replace("refund_request", "refunds"))
    (folder / "desk.toml").write_text(wrong, encoding="utf-8")
    words = r"desk\.toml: modes\.refunds: taxonomy\.toml has no such intent"
    with pytest.raises(ConfigurationError, match=words):
        FilePolicyBook(folder)


def test_the_ladder_goes_by_a_calendar_that_is_there(tmp_path: Path) -> None:
    path = folder_copy(tmp_path) / "desk.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('calendar = "office"', 'calendar = "shed"'), encoding="utf-8")
    words = r"desk\.toml: approval\.calendar: sla\.toml has no \[calendar\.shed\] for it"
    with pytest.raises(ConfigurationError, match=words):
        FilePolicyBook(tmp_path)


def test_the_ladder_climbs_in_open_hours() -> None:
    friday_evening = datetime(2026, 11, 20, 19, 30, tzinfo=ZoneInfo("America/New_York"))
    book = FilePolicyBook(POLICIES)
    terms = book.approval_terms("default", friday_evening, friday_evening)
    there = [(step.rung, step.at.astimezone(friday_evening.tzinfo)) for step in terms.ladder]
    saturday = friday_evening.replace(day=21)
    assert there == [
        ("lead", saturday.replace(hour=9, minute=30)),
        ("manager", saturday.replace(hour=11, minute=30)),
    ]
    assert (terms.four_eyes_above, terms.claim_seconds) == (100_000, 900)
    scaled = FilePolicyBook(POLICIES, time_scale=0.5)
    half = scaled.approval_terms("default", friday_evening, friday_evening)
    for whole, short in zip(terms.ladder, half.ladder, strict=True):
        assert short.at - friday_evening == (whole.at - friday_evening) / 2


def test_a_desk_without_a_word_on_approvals_asks_one_person(tmp_path: Path) -> None:
    path = folder_copy(tmp_path) / "desk.toml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("[approval]"), text.index("# A tenant that")
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert FilePolicyBook(tmp_path).approval_terms("default", noon, noon) == ApprovalTerms()


@pytest.mark.parametrize("name", FILES)
def test_version_changes_with_what_a_file_says(tmp_path: Path, name: str) -> None:
    path = folder_copy(tmp_path) / name
    version = FilePolicyBook(tmp_path).version
    assert version == FilePolicyBook(POLICIES).version
    text = path.read_text(encoding="utf-8")
    path.write_text(f"# a comment\n{text}", encoding="utf-8")
    assert FilePolicyBook(tmp_path).version == version
    said = {
        "rules.toml": ("50.00", "49.00"),
        "desk.toml": ("30d", "29d"),
        "sla.toml": ("72h", "71h"),
        "voice.toml": ("calm down", "relax"),
        "routing.toml": ("at_most = 5", "at_most = 6"),
    }
    before, after = said.get(name, ("200.00", "199.00"))
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert FilePolicyBook(tmp_path).version != version


def test_version_does_not_depend_on_the_scale() -> None:
    assert FilePolicyBook(POLICIES, time_scale=0.5).version == FilePolicyBook(POLICIES).version
