"""What is configured for the webhook: where it listens, who may post, and how much."""

from datetime import tzinfo
from typing import Annotated, Final

from pydantic import Field, model_validator

from core.runtime.settings import Millis, Secret, Section
from crawlers.zones import ZoneName, zone

SHORTEST_SECRET_BYTES: Final = 32


class WebhookChannelSettings(Section):
    """One channel: `POST /events/<channel>`.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        secrets: any one of them signs; two or more while senders change from one to the next.
        default_zone: zone of times without one; empty refuses such items.
        stale_after_ms: unhealthy when nothing new came for so long; None learns it from the
            channel's habit.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:@-]{1,100}$")]
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1)]
    default_zone: ZoneName = "UTC"
    stale_after_ms: Millis | None = None

    @model_validator(mode="after")
    def _secrets_are_long(self) -> "WebhookChannelSettings":
        for secret in self.secrets:
            if len(secret.get_secret_value().encode()) < SHORTEST_SECRET_BYTES:
                raise ValueError(
                    f"a secret of {self.channel} is shorter than {SHORTEST_SECRET_BYTES} bytes: "
                    "make one with `openssl rand -hex 32`"
                )
        return self

    @property
    def zone(self) -> tzinfo | None:
        """The zone named by `default_zone`."""
        return zone(self.default_zone)


class WebhookSettings(Section):
    """The server that other tools post to.

    Attributes:
        channels: which there are; without one nothing listens.
        host: address to listen on.
        port: to listen on.
        known_hosts: names under which others reach this server, beside `host` and loopback.
        tolerance_ms: how far a request's stamp may be from our clock, either way.
        max_body_bytes: a longer body is refused.
        request_timeout_ms: for the head of a request, then for its body.
        max_connections: at once; more are answered 503 and closed.
    """

    channels: tuple[WebhookChannelSettings, ...] = ()
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8081
    known_hosts: tuple[str, ...] = ()
    tolerance_ms: Annotated[Millis, Field(ge=1_000, le=3_600_000)] = 300_000
    max_body_bytes: Annotated[int, Field(ge=1_000, le=16_000_000)] = 1_000_000
    request_timeout_ms: Annotated[Millis, Field(ge=10)] = 10_000
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 100

    @model_validator(mode="after")
    def _fits_together(self) -> "WebhookSettings":
        channels = [one.channel for one in self.channels]
        if len(set(channels)) < len(channels):
            raise ValueError(
                f"two webhook channels share a name ({', '.join(channels)}): give each its own"
            )
        secrets = [s.get_secret_value() for one in self.channels for s in one.secrets]
        if len(set(secrets)) < len(secrets):
            raise ValueError(
                "a webhook secret stands twice: give each channel its own, or what was signed "
                "for one could be posted to another"
            )
        return self

    def __bool__(self) -> bool:
        return bool(self.channels)
