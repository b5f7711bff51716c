"""The three kinds of failure, and the few that name themselves.

Every error says what happened, to what, and what to do about it. Code that handles an error
decides by its kind: `Retryable` may be tried again, `Rejected` is an answer, `Fatal` stops.
"""


class TidingsError(Exception):
    """Anything that Tidings itself reports as wrong."""


class Retryable(TidingsError):  # noqa: N818 - the kind's name is the design's word
    """It may work later.

    Attributes:
        retry_after_ns: the least time to wait, in nanoseconds; None leaves it to the caller.
    """

    def __init__(self, message: str, *, retry_after_ns: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ns = retry_after_ns


class Rejected(TidingsError):  # noqa: N818 - the kind's name is the design's word
    """The other side (a venue, the gate, a server) said no; the same again gets the same."""


class Fatal(TidingsError):  # noqa: N818 - the kind's name is the design's word
    """Going on would be guessing: stop the process."""


class DecodeError(Rejected):
    """Bytes that are not what they should be.

    Attributes:
        raw: the bytes themselves, for the dead-letter topic.
    """

    def __init__(self, message: str, raw: bytes) -> None:
        super().__init__(message)
        self.raw = raw


class ConfigurationError(Fatal):
    """A setting is missing, unknown or malformed; the message names the key and the fix."""
