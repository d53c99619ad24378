"""How an agent asks a language model: a prompt file, one JSON document, one typed answer.

What the model reads has two parts that never mix. The instructions are ours, a file under
``prompts/``. Everything else (customers' words, passages, records, results) is one JSON document in
the message after them: inside its strings nothing can end the data and begin an instruction.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from closeloop.errors import ModelRefused
from closeloop.models.base import clip
from closeloop.models.spending import ModelCall
from closeloop.policy.redaction import redact

PROMPTS: Final = Path(__file__).parent / "prompts"
MALFORMED: Final = "malformed"
_PROBLEM_CHARS: Final = 600

Document = Mapping[str, Any]
"""JSON: what an agent tells its model."""


class Answer(BaseModel):
    """Base of what models answer: every field is required and none may be added (strict mode)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Output = TypeVar("Output", bound=Answer)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """An agent's instructions; ``version`` is the hash of the file's text."""

    agent: str
    instructions: str
    version: str


def load_prompt(agent: str) -> Prompt:
    """Return the agent's prompt, ``prompts/<agent>.md``."""
    text = (PROMPTS / f"{agent}.md").read_text(encoding="utf-8")
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Prompt(agent=agent, instructions=text, version=version)


class LanguageModel(Protocol):
    """A model that answers in a given shape; ``adapters/openai.py`` is one."""

    def answer(
        self, prompt: Prompt, document: str, output: type[Output]
    ) -> tuple[Output, ModelCall]:
        """Return the answer to the document, and what it cost.

        Raises:
            ModelRefused: there is none, and asking again would not help; see its codes.
            ModelUnavailable: the model does not answer now.
        """
        ...


class Asking:
    """The questions that one agent asks for one ticket's step; keeps what they cost."""

    def __init__(self, model: LanguageModel, prompt: Prompt) -> None:
        """Begin with nothing asked."""
        self._model = model
        self._prompt = prompt
        self.calls: tuple[ModelCall, ...] = ()

    @property
    def model_id(self) -> str:
        """The model that answered last, as its endpoint names it."""
        return self.calls[-1].model if self.calls else ""

    def ask(self, document: Document, output: type[Output]) -> Output:
        """Return the model's answer; one that is not in shape is sent back once, with the reason.

        Raises:
            ModelRefused: with everything that this agent has paid for.
            ModelUnavailable: the model does not answer now.
        """
        try:
            return self._ask(document, output)
        except ModelRefused as refusal:
            if refusal.code != MALFORMED:
                raise
            problem = clip(str(refusal), _PROBLEM_CHARS)
        return self._ask({**document, "your_last_answer_was_not_valid": problem}, output)

    def _ask(self, document: Document, output: type[Output]) -> Output:
        text = redact(json.dumps(document, ensure_ascii=False)).encode(errors="replace").decode()
        try:
            answer, call = self._model.answer(self._prompt, text, output)
        except ModelRefused as refusal:
            self.calls += refusal.calls
            raise ModelRefused(str(refusal), code=refusal.code, calls=self.calls) from refusal
        self.calls += (call,)
        return answer
