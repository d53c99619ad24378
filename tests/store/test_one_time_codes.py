"""One-time codes: what the database does is what a naive account of it says, step by step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import Engine, text

from closeloop.models.identity import CodeTerms
from closeloop.store.codes import SqlCodes
from closeloop.store.engine import open_database

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TERMS = CodeTerms(expiry_seconds=3600, lock_out_seconds=4 * 3600, attempts=3, codes=4)
CHEAP = 16


@pytest.fixture
def codes(engine: Engine) -> SqlCodes:
    return SqlCodes(engine, cost=CHEAP)


def issued(codes: SqlCodes, number: int = 1, *, ticket: str = "T", at: datetime = START) -> str:
    code = codes.issue("shop", ticket, number, "customer:ann", at, TERMS)
    assert code is not None
    return code


def said(
    codes: SqlCodes,
    code: str,
    attempt: str = "m:1",
    *,
    ticket: str = "T",
    at: datetime = START,
    tenant: str = "shop",
    subject: str = "customer:ann",
) -> str:
    return codes.check(tenant, ticket, attempt, subject, code, at, TERMS).outcome


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def test_a_code_is_eight_digits_and_good_once(codes: SqlCodes) -> None:
    code = issued(codes)
    assert len(code) == 8
    assert code.isdigit()
    assert said(codes, code) == "right"
    assert said(codes, code, "m:2") == "expired"


def test_the_same_attempt_again_is_told_the_same_and_counts_once(codes: SqlCodes) -> None:
    code = issued(codes)
    wrong = other_than(code)
    for _ in range(TERMS.attempts + 1):
        assert said(codes, wrong, "m:1") == "wrong"
    assert said(codes, code, "m:2") == "right"
    assert said(codes, code, "m:2") == "right"


def test_the_database_does_not_hold_the_code(codes: SqlCodes, engine: Engine) -> None:
    code = issued(codes)
    said(codes, other_than(code))
    said(codes, code, "m:2")
    with engine.connect() as connection:
        rows = [
            str(row)
            for table in ("code_challenges", "code_attempts")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
    assert len(rows) == 3
    assert code not in " ".join(rows)
    assert other_than(code) not in " ".join(rows)


def test_a_code_of_another_ticket_or_tenant_is_wrong(codes: SqlCodes) -> None:
    code = issued(codes)
    issued(codes, ticket="T2")
    codes.issue("acme", "T", 1, "customer:ann", START, TERMS)
    assert said(codes, code, ticket="T2") == "wrong"
    assert said(codes, code, tenant="acme") == "wrong"
    assert said(codes, code) == "right"


def test_only_the_newest_code_counts(codes: SqlCodes) -> None:
    first = issued(codes)
    second = issued(codes, 2)
    assert said(codes, first, "m:1") == "wrong"
    assert said(codes, second, "m:2") == "right"


def test_issuing_the_same_number_again_replaces_it_and_counts_once(codes: SqlCodes) -> None:
    first = issued(codes)
    for _ in range(TERMS.codes + 1):
        last = issued(codes)
    assert said(codes, first, "m:1") == "wrong"
    assert said(codes, last, "m:2") == "right"


def test_wrong_codes_lock_a_customer_out_on_every_ticket(codes: SqlCodes) -> None:
    code = issued(codes)
    outcomes = [said(codes, other_than(code), f"m:{n}") for n in range(TERMS.attempts)]
    assert outcomes == ["wrong", "wrong", "locked"]
    assert said(codes, code, "m:9") == "locked"
    assert codes.issue("shop", "T2", 1, "customer:ann", START, TERMS) is None
    assert codes.issue("shop", "T2", 1, "customer:bob", START, TERMS) is not None
    later = START + timedelta(seconds=TERMS.lock_out_seconds)
    fresh = issued(codes, ticket="T2", at=later)
    assert said(codes, fresh, ticket="T2", at=later) == "right"


def test_too_many_codes_lock_out_as_well(codes: SqlCodes) -> None:
    for number in range(TERMS.codes):
        issued(codes, ticket=f"T{number}")
    assert codes.issue("shop", "T9", 1, "customer:ann", START, TERMS) is None


class Codes(RuleBasedStateMachine):
    """One customer's tickets, in the database and on paper."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.engine = open_database(f"sqlite:///{Path(self._folder.name) / 'ops.db'}")
        self.codes = SqlCodes(self.engine, cost=CHEAP)
        self.now = START
        self.newest: dict[str, tuple[int, str, datetime, bool]] = {}
        self.sent: list[datetime] = []
        self.wrong: list[datetime] = []
        self.attempts = 0

    def teardown(self) -> None:
        self.engine.dispose()
        self._folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.issue("A")

    def _recent(self, times: list[datetime]) -> int:
        since = self.now - timedelta(seconds=TERMS.lock_out_seconds)
        return sum(time > since for time in times)

    @rule(minutes=st.integers(1, 150))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(ticket=st.sampled_from("AB"))
    def issue(self, ticket: str) -> None:
        number = self.newest[ticket][0] + 1 if ticket in self.newest else 1
        code = self.codes.issue("shop", ticket, number, "ann", self.now, TERMS)
        locked = self._recent(self.wrong) >= TERMS.attempts
        if locked or self._recent(self.sent) >= TERMS.codes:
            assert code is None
            return
        assert code is not None
        self.sent.append(self.now)
        ends = self.now + timedelta(seconds=TERMS.expiry_seconds)
        self.newest[ticket] = (number, code, ends, False)

    @precondition(lambda self: self.newest)
    @rule(ticket=st.sampled_from("AB"), right=st.booleans())
    def give(self, ticket: str, right: bool) -> None:
        number, code, ends, used = self.newest.get(ticket, (0, "00000000", self.now, True))
        given = code if right else other_than(code)
        self.attempts += 1
        name = f"m:{self.attempts}"
        found = self.codes.check("shop", ticket, name, "ann", given, self.now, TERMS)
        if self._recent(self.wrong) >= TERMS.attempts:
            assert found.outcome == "locked"
        elif used or self.now >= ends:
            assert found.outcome == "expired"
        elif right:
            assert found.outcome == "right"
            self.newest[ticket] = (number, code, ends, True)
        else:
            self.wrong.append(self.now)
            left = TERMS.attempts - self._recent(self.wrong)
            assert (found.outcome, found.left) == ("wrong" if left else "locked", left)


TestCodes = Codes.TestCase
TestCodes.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
