# pyright: reportMissingTypeStubs=false
"""Which language a customer writes, read without a server."""

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from closeloop.offline.text import core

SURE: Final = 0.5
"""Measured on the 735 English texts of taxonomy, scenarios and held-out utterances: one is taken
for another language (it is Latin), 57 for none; of 28 sentences in twelve others 26 are found.
"""
_REFERENCE: Final = re.compile(r"\S*[\d@#/]\S*")
"""Order numbers, amounts, addresses: of no language."""
_LATIN_ENDS: Final = "\u024f"
_NO_LANGUAGE: Final = frozenset({"zxx", "und"})
_SPOKEN_LIKE: Final = {"pcm": "en", "yue": "zh"}
"""What whoever serves the one reads of the other."""
_LEAST_WORDS: Final = 3
_LEAST_LETTERS: Final = 12


class OfflineLanguages:
    """The port ``Languages`` by character n-grams (``py3langid``)."""

    def __init__(self) -> None:
        """Load the model, which takes some hundredths of a second."""
        identifier: Any = LanguageIdentifier
        self._model: Any = identifier.from_model_file(MODEL_FILE, norm_probs=True)

    def detect(self, texts: Sequence[str]) -> str | None:
        """Return the language of the newest text that is long enough to tell, or of all together.

        None where nothing is sure: names, numbers, a word or two.
        """
        newest = [core(text) for text in reversed(texts)]
        for text in (*newest[:1], " ".join(reversed(newest))):
            found = self._read(text)
            if found is not None:
                return found
        return None

    def _read(self, text: str) -> str | None:
        plain = _REFERENCE.sub(" ", text)
        letters = [character for character in plain if character.isalpha()]
        latin = sum(character <= _LATIN_ENDS for character in letters)
        other_script = latin * 2 < len(letters)  # enough to see that it is none of the Latin ones
        few = len(plain.split()) < _LEAST_WORDS or len(letters) < _LEAST_LETTERS
        if few and not other_script:
            return None
        language, chance = cast("tuple[str, float]", self._model.classify(plain))
        if language in _NO_LANGUAGE or (chance < SURE and not other_script):
            return None
        return _SPOKEN_LIKE.get(language, language)
