"""Chooses the key for each request: which are free, which are spent, and until when."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Final

from core.contracts.errors import Rejected, Retryable

SECOND_NS: Final = 1_000_000_000

_EVERYWHERE: Final = "*"
_REFUSED_NS: Final = 3_600 * SECOND_NS
_LEAST_NS: Final = SECOND_NS  # X tells resets in whole seconds
_LONGEST_DOUBLING: Final = 20
_JITTER: Final = 0.1


class Failure(Enum):
    """What went wrong with a key, and how long X wants it left alone.

    The waits are those of docs.x.com, "Handling disconnections": linear for network errors, from
    5 s doubling to 320 s for HTTP errors, from a minute doubling where there were too many
    requests and no reset time came along.
    """

    NETWORK = "network"
    SERVER = "server"
    LIMITED = "limited"
    FORBIDDEN = "forbidden"  # for this endpoint
    UNAUTHORISED = "unauthorised"  # anywhere

    @classmethod
    def of(cls, status: int) -> "Failure | None":
        """Classify an HTTP status; None where another key would get the same answer."""
        if status in (420, 429):
            return cls.LIMITED
        if status in (401, 402):  # 402: no credits left
            return cls.UNAUTHORISED
        if status == 403:  # noqa: PLR2004 - HTTP's own number
            return cls.FORBIDDEN
        return cls.SERVER if status >= 500 or status in (408, 409) else None  # noqa: PLR2004


class _State:
    """One key at one endpoint."""

    __slots__ = ("failures", "refused", "until_ns", "why")

    def __init__(self) -> None:
        self.failures = 0
        self.until_ns = 0
        self.refused = False
        self.why = ""


class KeyPool:
    """The keys by label; it never sees their secrets, and reads no clock.

    A key is used until it fails, then the next one that is free; each key's limits are kept for
    each endpoint apart, as X counts them.

    Args:
        labels: in the order of the configuration; at least one.
        jitter: makes waits up to a tenth longer, so that not all come back at once.
    """

    def __init__(self, labels: Sequence[str], jitter: Random) -> None:
        self.labels: Final = tuple(labels)
        self._jitter = jitter
        self._states: dict[tuple[str, str], _State] = {}
        self._current: dict[str, int] = {}

    def pick(self, endpoints: Sequence[str], now_ns: int) -> str | None:
        """Give a key that is free at all these endpoints; None while all are spent."""
        first = self._current.get(endpoints[0], 0)
        for step in range(len(self.labels)):
            index = (first + step) % len(self.labels)
            label = self.labels[index]
            if self._until_ns(label, endpoints) <= now_ns:
                self._current[endpoints[0]] = index
                return label
        return None

    def answered(self, label: str, endpoint: str, now_ns: int, wait_ns: int | None = None) -> None:
        """Hear that a key works, and until when to wait where its window is used up."""
        self._state(label, _EVERYWHERE).failures = 0
        state = self._state(label, endpoint)
        state.failures = 0
        if wait_ns:
            state.until_ns = now_ns + self._longer(wait_ns)
            state.why = "its window is used up"

    def failed(
        self,
        label: str,
        endpoint: str,
        failure: Failure,
        why: str,
        now_ns: int,
        wait_ns: int | None = None,
    ) -> None:
        """Set a key aside.

        Args:
            label: which.
            endpoint: where it failed.
            failure: decides how long, where X does not say it.
            why: for messages.
            now_ns: UTC ns.
            wait_ns: how long X asks to wait, until its window begins anew.
        """
        everywhere = failure is Failure.UNAUTHORISED
        state = self._state(label, _EVERYWHERE if everywhere else endpoint)
        usual_ns = _wait_ns(failure, min(state.failures, _LONGEST_DOUBLING))
        said = wait_ns is not None and failure in (Failure.LIMITED, Failure.SERVER)
        state.failures += 1
        state.why = why
        state.refused = failure in (Failure.FORBIDDEN, Failure.UNAUTHORISED)
        state.until_ns = now_ns + self._longer(wait_ns or _LEAST_NS if said else usual_ns)

    def pace(self, label: str, endpoint: str, until_ns: int) -> None:
        """Leave a key alone for a moment, as an endpoint with a limit by the second asks for."""
        state = self._state(label, endpoint)
        state.until_ns = max(state.until_ns, until_ns)

    def free_ns(self, endpoints: Sequence[str]) -> int:
        """Tell when the first key is free at all these endpoints (UTC ns)."""
        return min(self._until_ns(label, endpoints) for label in self.labels)

    def spent(self, endpoints: Sequence[str], now_ns: int) -> Retryable | Rejected:
        """Say that no key is free, why, and until when.

        Returns:
            `Rejected` where X refuses all of them, `Retryable` with the wait otherwise.
        """
        free_ns = self.free_ns(endpoints)
        until = datetime.fromtimestamp(-(-free_ns // SECOND_NS), UTC).strftime("%H:%M:%S")
        why = "; ".join(
            f"{label}: {state.why}"
            for label in self.labels
            for state in [max(self._of(label, endpoints), key=lambda one: one.until_ns)]
        )
        count = len(self.labels)
        keys = "the only key is" if count == 1 else f"all {count} keys are"
        message = f"{keys} spent for {endpoints[0]} until {until} UTC ({why})"
        if all(
            any(state.refused and state.until_ns > now_ns for state in self._of(one, endpoints))
            for one in self.labels
        ):
            return Rejected(f"{message}: check the apps' tokens, access level and credits")
        return Retryable(message, retry_after_ns=max(0, free_ns - now_ns))

    def note(self, now_ns: int) -> str | None:
        """Name the keys that are set aside now, and until when; None while none is."""
        said = [
            f"key {label} is set aside for {endpoint if endpoint != _EVERYWHERE else 'everything'}"
            f" until {datetime.fromtimestamp(-(-state.until_ns // SECOND_NS), UTC):%H:%M:%S} UTC"
            f" ({state.why})"
            for (label, endpoint), state in self._states.items()
            if state.until_ns > now_ns + SECOND_NS
        ]
        return "; ".join(said) or None

    def _longer(self, wait_ns: int) -> int:
        return round(wait_ns * (1 + _JITTER * self._jitter.random()))

    def _until_ns(self, label: str, endpoints: Iterable[str]) -> int:
        return max(state.until_ns for state in self._of(label, endpoints))

    def _of(self, label: str, endpoints: Iterable[str]) -> list[_State]:
        return [self._state(label, endpoint) for endpoint in (_EVERYWHERE, *endpoints)]

    def _state(self, label: str, endpoint: str) -> _State:
        return self._states.setdefault((label, endpoint), _State())


def _wait_ns(failure: Failure, failures: int) -> int:
    """How long a key is left alone after so many failures before this one."""
    if failure is Failure.NETWORK:
        return min(SECOND_NS // 4 * (failures + 1), 16 * SECOND_NS)
    if failure is Failure.SERVER:
        return min(5 * SECOND_NS << failures, 320 * SECOND_NS)
    if failure is Failure.LIMITED:
        return min(60 * SECOND_NS << failures, 900 * SECOND_NS)
    return _REFUSED_NS
