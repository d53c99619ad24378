"""The one place where what ports raise becomes what Temporal understands.

=====================  ================  =========  ======================================
raised by a port       type on the wire  retried    details
=====================  ================  =========  ======================================
``BackendRefused``     backend_refused   no         the backend's code
``BackendUnavailable`` unavailable       yes        next delay from the backend's own wish
``ModelRefused``       model_refused     no         its code, and the calls that were paid for
``ModelUnavailable``   model_unavailable yes        next delay from the endpoint's own wish
``EffectUnknown``      effect_unknown    yes        the next attempt reads before it writes
anything else          its class name    yes        a bug: bounded by schedule-to-close
=====================  ================  =========  ======================================
"""

from datetime import timedelta
from typing import Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from closeloop.errors import (
    BackendRefused,
    BackendUnavailable,
    EffectUnknown,
    ModelRefused,
    ModelUnavailable,
)
from closeloop.models.base import clip

REFUSED: Final = "backend_refused"
UNAVAILABLE: Final = "unavailable"
UNKNOWN: Final = "effect_unknown"
MODEL_REFUSED: Final = "model_refused"
MODEL_UNAVAILABLE: Final = "model_unavailable"

_EXPECTED: Final = (REFUSED, UNAVAILABLE, UNKNOWN, MODEL_REFUSED, MODEL_UNAVAILABLE)
"""Failures whose trace says nothing that their text does not."""

MAX_ERROR_CHARS: Final = 500
"""Failures travel through histories: their text is bounded."""


def translate(error: Exception) -> ApplicationError:
    """Return the Temporal failure for what an activity raised."""
    text = clip(str(error) or type(error).__name__, MAX_ERROR_CHARS)
    match error:
        case ApplicationError():
            return error
        case ModelRefused(code=code, calls=calls):
            paid = [call.model_dump(mode="json") for call in calls]
            return ApplicationError(text, code, paid, type=MODEL_REFUSED, non_retryable=True)
        case BackendRefused(code=code):
            benign = ApplicationErrorCategory.BENIGN  # an answer: no line in the log, no alarm
            return ApplicationError(text, code, type=REFUSED, non_retryable=True, category=benign)
        case BackendUnavailable(retry_after_seconds=float() | int() as seconds):
            delay = timedelta(seconds=seconds)
            return ApplicationError(text, type=_unavailable(error), next_retry_delay=delay)
        case BackendUnavailable():
            return ApplicationError(text, type=_unavailable(error))
        case EffectUnknown():
            return ApplicationError(text, type=UNKNOWN)
        case _:
            return ApplicationError(text, type=type(error).__name__)


def _unavailable(error: BackendUnavailable) -> str:
    return MODEL_UNAVAILABLE if isinstance(error, ModelUnavailable) else UNAVAILABLE


class FailureInterceptor(Interceptor):
    """Translates the failures of every activity of a worker."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the next interceptor."""
        return _Translating(super().intercept_activity(next))


class _Translating(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except CancelledError:
            raise
        except Exception as error:
            failure = translate(error)
            info = activity.info()
            activity.logger.warning(
                "activity failed",
                extra={"failure_type": failure.type, "attempt": info.attempt},
                exc_info=failure.type not in _EXPECTED and error,
            )
            if failure is error:
                raise
            raise failure from error
