"""Names of time zones in the configuration."""

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def zone(name: str) -> tzinfo | None:
    """Give the zone of an IANA name; the empty name is no zone.

    Raises:
        ValueError: there is no such zone.
    """
    if not name:
        return None
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"no time zone {name!r}: use an IANA name such as Europe/Berlin, or UTC"
        ) from error


def _checked(name: str) -> str:
    zone(name)
    return name


ZoneName = Annotated[str, AfterValidator(_checked)]
"""An IANA time zone name, checked when the configuration is read; empty for none."""
