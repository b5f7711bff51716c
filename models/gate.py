"""The gate before use: no figure may be worse than the one in use by more than its interval."""

from collections.abc import Mapping
from typing import Final

from models.manifest import Figure

LOWER_IS_BETTER: Final = frozenset(("false_signals", "calibration_error"))


def objections(candidate: Mapping[str, Figure], used: Mapping[str, Figure]) -> list[str]:
    """Say which figures speak against a candidate, one text each; none: it may be used.

    A figure objects when it is outside the confidence interval of the one in use, on the bad
    side, or is missing.
    """
    if not used:
        return [] if candidate else ["it has no figures"]
    found: list[str] = []
    for name, standard in used.items():
        figure = candidate.get(name)
        if figure is None:
            found.append(f"{name} is not measured")
        elif name in LOWER_IS_BETTER:
            if figure.value > standard.high:
                found.append(
                    f"{name} is {figure.value:.3f}, above the {standard.value:.3f} in use"
                    f" (up to {standard.high:.3f})"
                )
        elif figure.value < standard.low:
            found.append(
                f"{name} is {figure.value:.3f}, below the {standard.value:.3f} in use"
                f" (down to {standard.low:.3f})"
            )
    return found
