"""Whether a reply says only what receipts, passages and records support; pure.

Placeholders are filled from receipts alone (``models/rendering.py``); this is about everything else
that a reply says. A past ticket supports wording, never an amount, a date or what a customer may
have; the customer's own words support nothing but a number that they gave themselves.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from closeloop.models.base import Money, clip
from closeloop.models.grounding import ClaimKind, Evidence, Grounding, ReplyToCheck, Ungrounded
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import CommitmentDraft
from closeloop.models.records import OrderRecord
from closeloop.policy import claims, remedies
from closeloop.policy.promised import promised_by
from closeloop.policy.sources import Sources
from closeloop.policy.told import told
from closeloop.policy.vocabulary import strange, words_of

MAX_PROBLEMS: Final = 8
MAX_WORDS: Final = 120
_QUOTED: Final = re.compile(r'"([^"]{12,})"')
_WORD: Final = re.compile(r"[a-z0-9]+")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_COURTESY: Final = re.compile(r"\b(?:sorry|thank|apologi[sz]e|understand)\b", re.I)
_MONEY_OUT: Final = re.compile(
    r"\b(?:refund|credit|compensat|reimburs|voucher|coupon|discount|waive|free|back)\w*", re.I
)
"""Words beside an amount or a share that make it something the customer would get."""


def ground(reply: ReplyToCheck, sources: Sources) -> Grounding:
    """Return what the reply rests on, with every claim that nothing supports."""
    reply = reply.model_copy(update={"text": claims.plain(reply.text)})
    checked = _Reading(reply, sources)
    if reply.by_person:
        checked.effects_only()
    else:
        checked.everything()
    return Grounding(
        evidence=tuple(kind for kind in Evidence if kind in checked.evidence),
        problems=tuple(checked.problems[:MAX_PROBLEMS]),
        noted=checked.noted,
        question=reply.asks_customer and claims.asks(reply.text) and not sources.pending,
    )


class _Reading:
    """One reply as it is gone through, sentence by sentence."""

    def __init__(self, reply: ReplyToCheck, sources: Sources) -> None:
        self._reply = reply
        self._sources = sources
        self.evidence: set[Evidence] = set()
        self.problems: list[Ungrounded] = []
        self.noted = False

    def effects_only(self) -> None:
        for sentence in claims.sentences(self._reply.text):
            self._effects(sentence, by_person=True)

    def everything(self) -> None:
        if self._sources.changes or self._sources.done:
            self.evidence.add(Evidence.RECEIPT)
        self._citations()
        for sentence in claims.sentences(self._without_quotes(self._reply.text)):
            if not self._verbatim(sentence):
                self._sentence(sentence)

    def _sentence(self, sentence: str) -> None:
        self.noted = self.noted or claims.PLACEHOLDER.search(sentence) is not None
        self._effects(sentence, by_person=False)
        self._promise(sentence)
        if self._remedy(sentence):
            self._eligibility(sentence)
        left = self._orders(sentence)
        for look in (self._contacts, self._amounts, self._dates, self._periods, self._references):
            left = look(left, sentence)
        for found in claims.secrets(sentence):
            self._fail("secret", found.words, "no reply asks for this")
        known = self._sources.known
        if (
            _COURTESY.search(sentence) and "?" not in sentence
        ):  # "we are sorry about the crack": in the customer's words
            known |= words_of(self._sources.customer)
        if strange(claims.PLACEHOLDER.sub(" ", left), known):
            self._fail("off_topic", sentence, "no passage or record speaks of this")

    def _fail(self, kind: ClaimKind, words: str, why: str) -> None:
        self.problems.append(Ungrounded(kind=kind, words=clip(words, MAX_WORDS), why=why))

    def _settle(self, kind: ClaimKind, words: str, found: Evidence | None, why: str) -> None:
        if found is None:
            self._fail(kind, words, why)
        else:
            self.evidence.add(found)

    # --- passages ---

    def _citations(self) -> None:
        by_id = {passage.passage_id: passage for passage in self._sources.passages}
        told = words_of(self._reply.text)
        for cite in self._reply.cites:
            passage = by_id.get(cite)
            if passage is None:
                self._fail("citation", cite, "cite only passages that this ticket was given")
            elif passage.kind == "past_ticket":
                continue  # it lends words, and supports nothing that they say
            elif len(told & words_of(f"{passage.title} {passage.text}")) >= 2:
                self.evidence.add(_evidence_of(passage))

    def _without_quotes(self, text: str) -> str:
        titles = {passage.title for passage in self._sources.passages}

        def supported(match: re.Match[str]) -> str:
            if match[1] in titles:
                return ""
            left = [s for s in claims.sentences(match[1]) if not self._verbatim(s)]
            return " ".join(left)

        return _QUOTED.sub(supported, text)

    def _verbatim(self, sentence: str) -> bool:
        """Whether a passage says exactly this; a cut-off word at the end counts as none."""
        said = _flat(sentence.rsplit(" ", 1)[0] if sentence.endswith("…") else sentence)
        if said.count(" ") < 4:
            return False
        source = next((p for p in self._sources.articles if said in _flat(p.text)), None)
        if source is not None:
            self.evidence.add(_evidence_of(source))
        return source is not None

    def _stated(self, sentence: str, holds: Callable[[str], bool]) -> Evidence | None:
        """Return what article states it; policy alone where the customer would get something."""
        money = _MONEY_OUT.search(sentence) is not None
        fit = [p for p in self._sources.articles if holds(p.text)]
        if money or any(p.kind == "policy" for p in fit):
            fit = [p for p in fit if p.kind == "policy"]
        return _evidence_of(fit[0]) if fit else None

    # --- figures ---

    def _amounts(self, text: str, sentence: str) -> str:
        for found, amount in claims.amounts(text):
            self._settle(
                "amount",
                found.words,
                self._amount(amount, sentence),
                "no receipt, record or policy shows this amount; what an action of this proposal"
                " moves is written as a placeholder, {{1.amount}}",
            )
        return _blank(text, (found for found, _ in claims.amounts(text)))

    def _amount(self, amount: Money, sentence: str) -> Evidence | None:
        sources = self._sources
        if amount in sources.receipt_amounts:
            return Evidence.RECEIPT
        if amount in sources.amounts:
            return Evidence.RECORD
        return self._stated(
            sentence, lambda text: any(amount == other for _, other in claims.amounts(text))
        )

    def _dates(self, text: str, sentence: str) -> str:
        due = [
            (self._sources.now + timedelta(hours=promise.due_in_hours)).date()
            for promise in self._reply.commitments
        ]
        on_record = [time.date() for time in self._sources.times]
        for found, day in claims.dates(text):
            evidence = Evidence.RECORD if any(map(day.means, on_record)) else None
            evidence = evidence or self._stated(
                sentence, lambda text, day=day: any(day == other for _, other in claims.dates(text))
            )
            if evidence is None and any(map(day.means, due)):
                continue  # our own promise: it may be said, and proves nothing
            self._settle("date", found.words, evidence, "no receipt, record or passage has it")
        return _blank(text, (found for found, _ in claims.dates(text)))

    def _periods(self, text: str, sentence: str) -> str:
        for found, lengths in claims.periods(text):
            if all(map(self._so_long_ago, lengths)):
                self.evidence.add(Evidence.RECORD)
                continue
            stated = self._stated(sentence, _states(lengths))
            if stated is None and all(map(self._promised, lengths)):
                continue  # our own promise: it may be said, and proves nothing
            self._settle("period", found.words, stated, "no policy or passage says so")
        return _blank(text, (found for found, _ in claims.periods(text)))

    def _so_long_ago(self, length: claims.Period) -> bool:
        hours = length.many * _HOURS.get(length.unit, 0)
        ages = (self._sources.now - time for time in self._sources.times)
        return length.ago and any(abs(age - timedelta(hours=hours)) <= _A_DAY for age in ages)

    def _promised(self, length: claims.Period) -> bool:
        """Whether a commitment is due within it."""
        hours = length.many * _HOURS.get(length.unit, 0)
        due = (promise.due_in_hours for promise in self._reply.commitments)
        return not length.ago and any(0 < one <= hours for one in due)

    # --- identifiers ---

    def _orders(self, sentence: str) -> str:
        own = {_bare(order.order_id): order for order in self._sources.orders}
        told = list(claims.states(sentence))
        named: list[OrderRecord] = []
        for found in claims.orders(sentence):
            order = own.get(_bare(found.words))
            if order is not None:
                named.append(order)  # that it is theirs: no evidence of anything said of it
            elif not self._given(found.words) or told:
                self._fail("order", found.words, "it is no order of this customer")
        for words, statuses in told:
            orders = named or self._sources.orders
            true = any(order.status.startswith(statuses) for order in orders)
            stated = Evidence.RECORD if true else None
            self._settle("order", words, stated, "the order's record does not say so")
        return _blank(sentence, claims.orders(sentence))

    def _given(self, words: str) -> bool:
        """Whether the customer wrote this number themselves, or a record or passage has it."""
        sources = self._sources
        articles = (passage.text for passage in sources.articles)
        known = " ".join([sources.customer, sources.records, sources.receipts, *articles])
        wanted = re.escape(_bare(words))
        return re.search(rf"(?<![\w]){wanted}(?![\w])", known.lower()) is not None

    def _references(self, text: str, sentence: str) -> str:
        for found in claims.references(claims.PLACEHOLDER.sub(" ", text)):
            if not self._given(found.words):
                self._fail(
                    "reference", found.words, "no receipt, record or passage has this number"
                )
        return text

    def _contacts(self, text: str, sentence: str) -> str:
        known = " ".join(p.text for p in self._sources.articles) + self._sources.records
        for found in claims.contacts(text):
            if found.words.lower().rstrip(".,") in known.lower():
                self.evidence.add(Evidence.DOCUMENTED)
            else:
                self._fail("contact", found.words, "no article names this address or number")
        return _blank(text, claims.contacts(text))

    # --- what was done, what will be, what may be ---

    def _effects(self, sentence: str, *, by_person: bool) -> None:
        able = self._sources.done | self._sources.pending
        named = {form.name: (words, form) for words, form in told(sentence)}
        named |= {form.name: (words, form) for words, form in claims.effects(sentence)}
        for words, form in named.values():
            if form.kinds & able:
                self._moved(sentence, form)
            elif self._on_record(form):
                self.evidence.add(Evidence.RECORD)
            elif form.kinds or not by_person:
                self._fail("effect", words, f"no receipt or record shows a {form.name}")

    def _moved(self, sentence: str, form: claims.EffectForm) -> None:
        """Refuse a figure for what only a receipt will tell."""
        if not form.money or form.kinds & self._sources.done or "{{" in sentence:
            return
        for found, _ in claims.amounts(sentence):
            self._fail("amount", found.words, "write what an action moves as {{1.amount}}")

    def _on_record(self, form: claims.EffectForm) -> bool:
        if "refund" in form.on_record and self._sources.refunded:
            return True
        return bool(form.on_record) and any(
            order.status.startswith(form.on_record) for order in self._sources.named
        )

    def _promise(self, sentence: str) -> None:
        words = claims.promise(sentence)
        if words is None or self._about_an_action(sentence):
            return
        told = words_of(sentence)
        fitting = [p for p in self._reply.commitments if told & words_of(p.text)]
        by = promised_by(sentence, self._sources.now)
        if not fitting:
            self._fail("promise", sentence, "a promise needs a commitment that says the same")
        elif by is not None and not any(self._due_by(promise, by) for promise in fitting):
            self._fail("promise", sentence, "no commitment is due by the time that it names")

    def _due_by(self, promise: CommitmentDraft, by: datetime) -> bool:
        """Whether a promise is looked at in time; a call is when it is booked for."""
        if promise.kind == "callback" and self._sources.pending & _CALLS:
            return True
        return self._sources.now + timedelta(hours=promise.due_in_hours) <= by

    def _about_an_action(self, sentence: str) -> bool:
        """Whether what is promised is what an action of this proposal does."""
        return claims.PLACEHOLDER.search(sentence) is not None and bool(self._sources.pending)

    def _remedy(self, sentence: str) -> bool:
        """Refuse money or goods that no action brings and no receipt, record or policy shows."""
        sources = self._sources
        able = sources.done | sources.pending
        back = sources.refunded and remedies.looks_back(sentence)
        rule = not self._names_order(sentence) and not remedies.is_for_this_customer(sentence)
        for words, kinds in remedies.given(sentence):
            if kinds & able:
                continue
            if back and kinds == claims.MONEY_KINDS:
                self.evidence.add(Evidence.RECORD)
            elif rule and remedies.permitted(sentence, sources.rules, frozenset()):
                self.evidence.add(Evidence.POLICY)
            else:
                kind = "eligibility" if claims.eligibility(sentence) else "effect"
                self._fail(kind, f"{words}: {sentence}", _NO_REMEDY)
                return False
        return True

    def _names_order(self, sentence: str) -> bool:
        own = {_bare(order.order_id) for order in self._sources.orders}
        return any(_bare(found.words) in own for found in claims.orders(sentence))

    def _eligibility(self, sentence: str) -> None:
        found = claims.eligibility(sentence)
        if found is None:
            return
        about, rules = words_of(sentence), self._sources.rules
        if remedies.denies(sentence):
            said = any(about & words_of(f"{rule.title} {rule.text}") for rule in rules)
        else:
            said = remedies.permitted(sentence, rules, self._sources.items)
        self._settle(
            "eligibility",
            found.words,
            Evidence.POLICY if said else None,
            "only policy says what a customer may have, and no sentence of it that was found does",
        )


_NO_REMEDY: Final = (
    "nobody gets this by words: propose the action, or say what policy says in policy's own words"
)
_CALLS: Final = frozenset({"schedule_callback", "reschedule_callback"})
_A_DAY: Final = timedelta(days=1)
_HOURS: Final = {"hour": 1, "day": 24, "week": 168, "month": 730, "year": 8_766}


def _states(lengths: Sequence[claims.Period]) -> Callable[[str], bool]:
    wanted = {(length.many, length.unit) for length in lengths}

    def holds(text: str) -> bool:
        return wanted <= {
            (length.many, length.unit) for _, found in claims.periods(text) for length in found
        }

    return holds


def _evidence_of(passage: Passage) -> Evidence:
    return Evidence.POLICY if passage.kind == "policy" else Evidence.DOCUMENTED


def _bare(number: str) -> str:
    return number.lower().removeprefix("#")


def _flat(text: str) -> str:
    words = _WORD.findall(_LINK.sub(r"\1", text).lower())
    return f" {' '.join(words)} "


def _blank(text: str, spans: Iterable[claims.Found]) -> str:
    """Return the text with spaces in the place of what was read."""
    for found in spans:
        text = text[: found.start] + " " * (found.end - found.start) + text[found.end :]
    return text
