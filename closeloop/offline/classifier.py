"""Reads what a customer wants, without a language model and without a network."""

import re
from collections.abc import Mapping, Sequence

from closeloop.models.triage import (
    OTHER_INTENT,
    PERSON_INTENT,
    Alternative,
    Classification,
    ClassifyRequest,
    Confirmation,
    Sentiment,
    Urgency,
)
from closeloop.offline.confirmation import read_confirmation
from closeloop.offline.entities import ORDER_ID, find_entities
from closeloop.offline.intents import IntentModel, shorten
from closeloop.offline.labelled import Labelled
from closeloop.offline.taxonomy import Taxonomy
from closeloop.offline.text import core, fold, own_words, sentences

MAX_SCANNED = 24_000
"""Characters of a conversation that are searched for cues and entities, the latest first."""
_SURE_OF_A_PERSON = 0.95
"""Confidence in a wish for a person that stands there in plain words."""
_WORDS_FOR_HALF_WEIGHT = 2
"""A latest message of this many words weighs as much as everything before it."""
_PLAINLY_ANOTHER_WISH = 0.9
"""How sure a reading of an answer to our question must be to count as a wish of its own."""
_SURE = 0.55
"""From here on a reading stands by itself; below, one sentence has to say the same."""
_LEAST_SAY = 0.01
"""Small, so that no part weighs nothing."""

_ORDER_MENTION = re.compile(
    rf"(?:\b(?:my )?order (?:number |no\.? ?)?)?{ORDER_ID.pattern}", re.IGNORECASE
)
_LETTERS = re.compile(r"[^\W\d_]+")
_SHOUT = re.compile(r"!{3,}")


class OfflineClassifier:
    """The ``Classifier`` port by authored examples and cues; needs no key and no server.

    Safe to share between threads.
    """

    def __init__(self, taxonomy: Taxonomy, labelled: Sequence[Labelled] = ()) -> None:
        """Train on the taxonomy's examples and on labelled tickets; takes a few seconds."""
        self._taxonomy = taxonomy
        examples = {
            intent.id: [_readable(core(example)) for example in intent.examples]
            for intent in taxonomy.intents
        }
        for ticket in labelled:
            examples[ticket.intent].append(_readable(core(ticket.text)))
        self.model = IntentModel(
            examples,
            outside=OTHER_INTENT,
            cues=[intent.hints for intent in taxonomy.intents],
        )

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        """Return intent, urgency, sentiment, priority, entities and confidence.

        Every tenant shares the one taxonomy. The latest message counts most: a plain wish for a
        person in it wins, and a few words ("the blue one") keep the intent of what came before.
        """
        *before, latest = (request.subject, *map(own_words, request.messages))
        newest_first = _bounded([latest, *reversed(before)])
        everything = fold("\n".join(reversed(newest_first)))

        probabilities, nearest = self._read(
            core(latest), core("\n".join(before)), answers=request.answers_question
        )
        if self._taxonomy.person.found_in(fold(newest_first[0])):
            intent = PERSON_INTENT
            confidence = max(_SURE_OF_A_PERSON, probabilities[PERSON_INTENT])
        else:
            intent = self._decide(probabilities, newest_first)
            confidence = probabilities[intent] if nearest else 0.0

        urgency = self._urgency(everything)
        sentiment = self._sentiment(newest_first)
        topics = tuple(t.id for t in self._taxonomy.topics if t.found_in(everything))
        return Classification(
            intent=intent,
            urgency=urgency,
            sentiment=sentiment,
            priority=self._taxonomy.priority_of(intent, urgency, sentiment, topics),
            language=self._language(everything),
            entities=find_entities(newest_first, request.order_ids),
            topics=topics,
            injection_suspected=self._taxonomy.injection.found_in(everything),
            confidence=confidence,
            alternatives=_alternatives(probabilities, besides=intent),
            why=f"closest to the example {nearest!r}" if nearest else "no words to read",
        )

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        """Return what the customer's word after a resolution means."""
        return read_confirmation(text)

    def _read(self, latest: str, before: str, *, answers: bool) -> tuple[dict[str, float], str]:
        """Return a probability by intent for the conversation, and the nearest example.

        Without any word to read everything is ``other`` and there is no example.
        """
        parts = [(_count_words(text), _readable(text)) for text in (latest, before)]
        readable = [text for words, text in parts if words]
        if not readable:
            return {i: float(i == OTHER_INTENT) for i in self.model.intents}, ""
        readings, nearest = self.model.read(readable)
        if len(readings) == 1:
            return readings[0], nearest[0]
        now, earlier = readings
        if answers and _wish(now) < _PLAINLY_ANOTHER_WISH:
            return earlier, nearest[1]
        # A part that asks nothing clear of the shop ("Mug", "the blue one") has little say.
        weight_now = parts[0][0] * (_wish(now) ** 2 + _LEAST_SAY)
        weight_earlier = _WORDS_FOR_HALF_WEIGHT * (_wish(earlier) ** 2 + _LEAST_SAY)
        share = weight_now / (weight_now + weight_earlier)
        mixed = {i: share * now[i] + (1 - share) * earlier[i] for i in self.model.intents}
        return mixed, nearest[0 if share >= 1 / 2 else 1]

    def _decide(self, probabilities: Mapping[str, float], texts: Sequence[str]) -> str:
        """Return the intent; an unsure one only where one sentence by itself has it.

        A letter's sentences may add up to a wish that none of them says, and then any sentence more
        tips the scales: what stands beside a wish, put there by whom it may be, must not make one.
        """
        intent = self.model.decide(probabilities)
        if intent == OTHER_INTENT or probabilities[intent] >= _SURE:
            return intent
        parts = [(text, sentences(text)) for text in texts]
        alone = [core(text) for text, own in parts if len(own) < 2]
        among = [sentence for _, own in parts if len(own) > 1 for sentence in own]
        readings, _ = self.model.read([_readable(text) for text in (*alone, *among)])
        said = [(self.model.decide(reading), reading[intent]) for reading in readings]
        borne_out = any(
            read == intent and (place < len(alone) or chance >= _SURE)
            for place, (read, chance) in enumerate(said)
        )
        return intent if borne_out else OTHER_INTENT

    def _urgency(self, text: str) -> Urgency:
        cues = self._taxonomy.urgency
        rest, calm = cues.low.subn(" ", text)
        pressing = cues.high.search(rest) is not None
        if pressing == bool(calm):
            return "normal"
        return "high" if pressing else "low"

    def _sentiment(self, newest_first: list[str]) -> Sentiment:
        """Return the tone of the latest message that has one."""
        for text in newest_first:
            tone = self._tone(fold(text))
            if tone != "neutral":
                return tone
        return "neutral"

    def _tone(self, text: str) -> Sentiment:
        cues = self._taxonomy.sentiment
        rest = cues.neither.sub(" ", text)
        if cues.very_negative.search(rest):
            return "very_negative"
        rest, hits = cues.negative.subn(" ", rest)
        if hits:
            return "very_negative" if _is_shouted(text) else "negative"
        if cues.positive.search(rest):
            return "positive"
        return "negative" if _is_shouted(text) else "neutral"

    def _language(self, text: str) -> str:
        """Return the language whose small words are most frequent; ``und`` for other scripts."""
        words = [word.lower() for word in _LETTERS.findall(text)]
        if words and sum(word[0] <= "\u024f" for word in words) * 2 < len(words):
            return "und"
        counts = {
            language: sum(word in small for word in words)
            for language, small in self._taxonomy.languages.items()
        }
        best = max(counts, key=counts.__getitem__, default="en")
        return best if counts.get(best, 0) > counts.get("en", 0) else "en"


def _wish(reading: Mapping[str, float]) -> float:
    """Return how clearly a text wants one thing that the shop handles."""
    return max(probability for intent, probability in reading.items() if intent != OTHER_INTENT)


def _readable(text: str) -> str:
    """Return a folded text as the model reads it: bounded, and any order id is "my order"."""
    return _ORDER_MENTION.sub("my order", shorten(text))


def _count_words(text: str) -> int:
    return len(_LETTERS.findall(_ORDER_MENTION.sub(" ", text)))


def _bounded(texts: list[str]) -> list[str]:
    """Return the texts as far as they fit into what is scanned; a long one keeps both ends."""
    room = MAX_SCANNED
    kept: list[str] = []
    for text in texts:
        if len(text) > room:
            text = f"{text[: room // 2]} {text[len(text) - room // 2 :]}"
        room = max(0, room - len(text))
        kept.append(text)
    return kept


def _is_shouted(text: str) -> bool:
    words = [word for word in _LETTERS.findall(ORDER_ID.sub(" ", text)) if len(word) > 1]
    capitals = sum(word.isupper() for word in words)
    return _SHOUT.search(text) is not None or (len(words) >= 3 and capitals > 0.7 * len(words))


def _alternatives(probabilities: Mapping[str, float], *, besides: str) -> tuple[Alternative, ...]:
    others = [(p, intent) for intent, p in probabilities.items() if intent != besides]
    return tuple(Alternative(intent=i, probability=p) for p, i in sorted(others, reverse=True)[:3])
