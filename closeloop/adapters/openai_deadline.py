"""One deadline over a whole call: the client's own timeout begins anew with every byte."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

from closeloop.errors import ModelUnavailable

Result = TypeVar("Result")


def in_time(call: Callable[[], Result], model: str, seconds: float) -> Result:
    """Return what ``call`` returns, or raises, within this time.

    A call that is given up ends by itself, in a thread that keeps no process alive.

    Raises:
        ModelUnavailable: it takes longer.
    """
    future: Future[Result] = Future()
    context = copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(call))
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="model call", daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        raise ModelUnavailable(f"{model}: no answer in {seconds:g} seconds") from None
