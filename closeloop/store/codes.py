"""One-time codes in the operations database: made and compared here, kept as salted hashes.

The hash is scrypt: who can read the database needs months of a processor to try all the hundred
million codes, and a code is good for hours.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select, update

from closeloop.models.identity import CodeTerms
from closeloop.models.steps import CodeChecked
from closeloop.policy.codes import DIGITS
from closeloop.store.engine import insert_into, reading, writing
from closeloop.store.schema import code_attempts, code_challenges

_SALT_BYTES: Final = 16
COST: Final = 2**14
"""Of one comparison: some 50 ms, and 16 MB."""


class _Challenge(NamedTuple):
    """The newest code of a ticket, as it is kept."""

    number: int
    salt: str
    digest: str
    expires_at: datetime
    used_by: str | None


class SqlCodes:
    """The ``Codes`` port on SQLite or PostgreSQL."""

    def __init__(self, engine: Engine, *, cost: int = COST) -> None:
        """Keep the database; ``cost`` is scrypt's, a power of two."""
        self._engine = engine
        self._cost = cost

    def issue(
        self,
        tenant: str,
        ticket_id: str,
        number: int,
        subject: str,
        at: datetime,
        terms: CodeTerms,
    ) -> str | None:
        """Make the ticket's n-th code and return it, this once; None for who had too many.

        Issuing it again puts another in its place, for a caller who cannot have sent the first.
        """
        code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        salt = secrets.token_hex(_SALT_BYTES)
        row = {
            "subject": subject,
            "salt": salt,
            "digest": self._digest(code, salt),
            "issued_at": at,
            "expires_at": at + timedelta(seconds=terms.expiry_seconds),
            "used_by": None,
        }
        with writing(self._engine, lock=_lock(tenant, subject)) as connection:
            wrong = _wrong(connection, tenant, subject, at, terms)
            sent = _sent(connection, tenant, subject, at, terms, besides=(ticket_id, number))
            if wrong >= terms.attempts or sent >= terms.codes:
                return None
            key = {"tenant": tenant, "ticket_id": ticket_id, "number": number}
            connection.execute(
                insert_into(connection, code_challenges)
                .values(**key, **row)
                .on_conflict_do_update(index_elements=list(key), set_=row)
            )
        return code

    def check(
        self,
        tenant: str,
        ticket_id: str,
        attempt_id: str,
        subject: str,
        code: str,
        at: datetime,
        terms: CodeTerms,
    ) -> CodeChecked:
        """Compare a code with the ticket's newest, in constant time; count it, once."""
        with reading(self._engine) as connection:
            challenge = _newest(connection, tenant, ticket_id)
        # Outside of the transaction that writes: it takes as long as some hundred others.
        digest = self._digest(code, challenge.salt) if challenge else ""
        with writing(self._engine, lock=_lock(tenant, subject)) as connection:
            wrong = _wrong(connection, tenant, subject, at, terms)
            known = _known(connection, tenant, ticket_id, attempt_id)
            if known is not None:
                return _said(terms, right=known, wrong=wrong)
            if wrong >= terms.attempts:
                return CodeChecked(outcome="locked")
            now = _newest(connection, tenant, ticket_id)
            if now is None or now != challenge or now.used_by or at >= now.expires_at:
                return CodeChecked(outcome="expired", left=terms.attempts - wrong)
            right = compare_digest(digest, now.digest)
            _record(connection, tenant, ticket_id, attempt_id, subject, at, right=right)
            if right:
                _use(connection, tenant, ticket_id, now.number, attempt_id)
            return _said(terms, right=right, wrong=wrong + (not right))

    def _digest(self, code: str, salt: str) -> str:
        given = code.encode(errors="replace")
        return hashlib.scrypt(given, salt=bytes.fromhex(salt), n=self._cost, r=8, p=1).hex()


def _lock(tenant: str, subject: str) -> str:
    return f"codes:{tenant}:{subject}"


def _said(terms: CodeTerms, *, right: bool, wrong: int) -> CodeChecked:
    left = max(0, terms.attempts - wrong)
    if right:
        return CodeChecked(outcome="right", left=left)
    return CodeChecked(outcome="wrong" if left else "locked", left=left)


def _wrong(
    connection: Connection, tenant: str, subject: str, at: datetime, terms: CodeTerms
) -> int:
    """Return how often the subject was wrong within the time of a lock-out."""
    theirs = _counted(code_attempts.c.at, at, terms)
    return connection.execute(
        select(func.count())
        .select_from(code_attempts)
        .where(
            code_attempts.c.tenant == tenant,
            code_attempts.c.subject == subject,
            code_attempts.c.matched.is_(False),
            theirs,
        )
    ).scalar_one()


def _sent(
    connection: Connection,
    tenant: str,
    subject: str,
    at: datetime,
    terms: CodeTerms,
    *,
    besides: tuple[str, int],
) -> int:
    """Return how many codes were made for the subject within the time of a lock-out."""
    ticket_id, number = besides
    other = or_(code_challenges.c.ticket_id != ticket_id, code_challenges.c.number != number)
    return connection.execute(
        select(func.count())
        .select_from(code_challenges)
        .where(
            code_challenges.c.tenant == tenant,
            code_challenges.c.subject == subject,
            _counted(code_challenges.c.issued_at, at, terms),
            other,
        )
    ).scalar_one()


def _counted(
    column: ColumnElement[datetime], at: datetime, terms: CodeTerms
) -> ColumnElement[bool]:
    return column > at - timedelta(seconds=terms.lock_out_seconds)


def _newest(connection: Connection, tenant: str, ticket_id: str) -> _Challenge | None:
    c = code_challenges.c
    row = connection.execute(
        select(c.number, c.salt, c.digest, c.expires_at, c.used_by)
        .where(c.tenant == tenant, c.ticket_id == ticket_id)
        .order_by(c.number.desc())
        .limit(1)
    ).first()
    return None if row is None else _Challenge(*row)


def _known(connection: Connection, tenant: str, ticket_id: str, attempt_id: str) -> bool | None:
    """Return whether an attempt that was counted before was right."""
    c = code_attempts.c
    return connection.execute(
        select(c.matched).where(
            and_(c.tenant == tenant, c.ticket_id == ticket_id, c.attempt_id == attempt_id)
        )
    ).scalar_one_or_none()


def _record(
    connection: Connection,
    tenant: str,
    ticket_id: str,
    attempt_id: str,
    subject: str,
    at: datetime,
    *,
    right: bool,
) -> None:
    connection.execute(
        insert_into(connection, code_attempts).values(
            tenant=tenant,
            ticket_id=ticket_id,
            attempt_id=attempt_id,
            subject=subject,
            at=at,
            matched=right,
        )
    )


def _use(connection: Connection, tenant: str, ticket_id: str, number: int, attempt_id: str) -> None:
    c = code_challenges.c
    connection.execute(
        update(code_challenges)
        .where(c.tenant == tenant, c.ticket_id == ticket_id, c.number == number)
        .values(used_by=attempt_id)
    )
