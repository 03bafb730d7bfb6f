"""Who is told of what happens to recipients: what every such webhook has in the configuration, as a frozen model."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from schemas.signed_webhook import WebhookSecret, WebhookUrl


class Receiver(BaseModel):
    """One receiver, told of recipients of `tenant`.

    `begin`: where a webhook starts that was never started before: `now`, or the `earliest` record that the log has.
    `max_per_s`: posts a second. `give_up_after_h`: hours after which what is not taken becomes a dead letter.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    called: ClassVar[str] = "webhook"  # in messages

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")
    url: WebhookUrl
    secret: WebhookSecret
    tenant: str = "default"
    begin: Literal["now", "earliest"] = "now"
    max_per_s: float = Field(default=100.0, ge=0.1, le=1_000)
    give_up_after_h: float = Field(default=24.0, ge=0.01, le=30 * 24)  # the topics keep records for 30 days

    @property
    def label(self) -> str:
        """Its name in metrics."""
        return self.name

    @field_validator("url", "secret")
    @classmethod
    def _is_there(cls, given: SecretStr) -> SecretStr:
        if not given.get_secret_value():
            raise ValueError(f"it is empty; a {cls.called} needs an address and a secret to sign with")
        return given
