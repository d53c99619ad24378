"""What language models were asked, and what it cost."""

from closeloop.models.base import Wire


class ModelCall(Wire):
    """One answer of a language model, as the endpoint counts it.

    ``prompt`` is the content hash of the instructions and the answer's schema. ``usd_micros`` are
    millionths of a US dollar, 0 where the model has no price in the settings.
    """

    agent: str
    model: str
    prompt: str
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    usd_micros: int = 0
