"""Settings of the platform's processes, from the environment (prefix `SPELL_`).

The embedded platform sets the same variables that a deployment does; no other code path exists.
The runner has its own, smaller settings in `runner/settings.py`: it must not see these.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretBytes, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schema import limits
from schema.contracts.advisories import AdvisoryPolicy
from schema.contracts.notifications import ChannelKind
from schema.contracts.plans import Mode
from schema.contracts.supply_chain import Severity
from schema.mode_choice import ModePolicy


def _names(value: Any) -> Any:
    """The names in a text that separates them by commas."""
    return (
        [name.strip() for name in value.split(",") if name.strip()]
        if isinstance(value, str)
        else value
    )


class PlatformSettings(BaseSettings):
    """What api, worker and operator commands need. Every secret is masked when printed."""

    model_config = SettingsConfigDict(env_prefix="SPELL_", frozen=True, extra="ignore")

    database_url: SecretStr
    """`postgresql://user:password@host:port/database`, or with `?host=/socket/folder`."""
    database_pool_size: Annotated[int, Field(ge=1, le=200)] = 10
    database_statement_cache: Annotated[int, Field(ge=0)] = 100
    """Prepared statements kept per connection; 0 behind a transaction pooler (decision 26)."""

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_tls: bool = False
    """Connect to Temporal with TLS, as an API key needs."""
    temporal_api_key: SecretStr | None = None
    temporal_ui_url: str = ""
    """Where operators open the Temporal UI; also the one origin that may call the codec server."""

    nats_url: SecretStr
    """`nats://user:password@host:port` of the platform's bus user."""
    bus_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Copies of every stream; 3 on a JetStream cluster."""
    queued_runs_per_lane_max: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Runs of one caster and module that are queued or run at a time; more wait their turn."""
    queued_runs_max: Annotated[int, Field(ge=1)] = 10_000
    """Above this depth of the queue the api refuses new casts (SERVICE_UNAVAILABLE)."""
    open_casts_max: Annotated[int, Field(ge=1)] = 1_000
    """Casts of one account that may be open at a time; more are refused (TOO_MANY_CASTS)."""
    streams_max: Annotated[int, Field(ge=1, le=50_000)] = 4_000
    """Event streams that one api process serves at a time (SERVICE_UNAVAILABLE beyond)."""
    streams_per_account_max: Annotated[int, Field(ge=1)] = 200
    """Event streams of one account in one api process (TOO_MANY_STREAMS beyond)."""
    schedules_max: Annotated[int, Field(ge=0)] = 100
    """Schedules of one account; more are refused (TOO_MANY_SCHEDULES)."""
    schedule_seconds_min: Annotated[int, Field(ge=1)] = 60
    """The shortest interval of a schedule."""
    redis_url: SecretStr
    object_store_url: str
    """`file:///folder`, `s3://bucket`, `gs://bucket` … (obstore)."""

    master_key: Annotated[SecretBytes, Field(description="base64 of 32 random bytes")]
    """Base64 text of 32 random bytes; all platform keys are derived from it."""
    runner_public_key: str
    """Base64 X25519 public key of the runner fleet."""

    accept_unsigned_packages: bool = False
    """Local platform only: publish without a signature, and say so loudly."""
    advisory_url: str = ""
    """Where advisories come from: a bucket laid out as OSV's, `https://…`; empty is none."""
    advisory_api_url: str = ""
    """OSV's API, `https://…`, asked at each scan instead of what was imported; empty is none."""
    advisory_ecosystems: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = (
        *("PyPI", "npm", "crates.io", "Go", "Maven", "RubyGems", "NuGet", "Packagist"),
    )
    """Folders of that bucket that are imported, with commas between them."""
    advisory_refuse_score: Annotated[float, Field(ge=0, le=10)] = 7.0
    """CVSS base score from which a component's vulnerability refuses a package."""
    advisory_warn_score: Annotated[float, Field(ge=0, le=10)] = 5.0
    """CVSS base score from which it warns."""
    advisory_unscored: Literal["warn", "refuse"] = "warn"
    """What a vulnerability does that no source scores."""

    advisory_grace_days: Annotated[int, Field(ge=0, le=365)] = 14
    """From a finding on a published version until the version is delisted."""

    smtp_url: SecretStr | None = None
    """Where e-mail is handed in: `smtps://user:password@host:465`, `smtp+starttls://…:587`, or
    `smtp://` on loopback. None: no e-mail is sent."""
    notifications_from: str = "Spell Platform <notifications@spell.localhost>"
    """Whom e-mail comes from."""
    webhook_loopback: bool = False
    """Local platform only: webhooks may lead to this machine."""
    webhook_ca_file: Path | None = None
    """Authorities, PEM, that receivers of webhooks may have beside the public ones."""

    public_url: str = "http://127.0.0.1:8080"
    """Where the api is reached from outside: what links and addresses in runs begin with."""
    artifact_days: Annotated[int, Field(ge=1, le=3_650)] = limits.ARTIFACT_LIFETIME.days
    """How long results and artifacts are kept after their cast ended."""
    modes_allowed: Annotated[tuple[Mode, ...], NoDecode, BeforeValidator(_names)] = tuple(Mode)
    """How casts may run on this installation, with commas between."""

    github_api_url: str = "https://api.github.com"
    """GitHub's REST API; of GitHub Enterprise Server `https://host/api/v3`."""
    github_url: str = "https://github.com"
    """GitHub's pages, where people install the App and sign in."""
    github_app_id: str = ""
    """The platform's GitHub App; empty: no workflow mode and no clone mode here."""
    github_app_slug: str = ""
    """The App's name in addresses: `https://github.com/apps/<slug>/installations/new`."""
    github_app_key: SecretStr | None = None
    """The App's private key, PEM."""
    github_client_id: str = ""
    """The App's client id, by which accounts connect with their GitHub user."""
    github_client_secret: SecretStr | None = None
    github_webhook_secret: SecretStr | None = None
    """What GitHub signs its deliveries with; None refuses all of them."""

    stripe_url: str = "https://api.stripe.com"
    stripe_key: SecretStr | None = None
    """Stripe's secret key; None: nothing is sold for money here."""
    stripe_webhook_secret: SecretStr | None = None
    """What Stripe signs its deliveries with; the old and the new one, with a comma between, while
    it is changed. None refuses all of them."""

    trust_root_file: Path | None = None
    """Sigstore's trusted root as JSON; without it, the one of the pinned sigstore package."""
    licenses_denied: Annotated[frozenset[str], NoDecode, BeforeValidator(_names)] = frozenset(
        {
            "BUSL-1.1",
            "CC-BY-NC-4.0",
            "CC-BY-NC-ND-4.0",
            "CC-BY-NC-SA-4.0",
            "Elastic-2.0",
            "PolyForm-Noncommercial-1.0.0",
            "SSPL-1.0",
        }
    )
    """SPDX ids, by commas, under which no component may come: these do not let it be hosted."""
    platform_fee_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 2_000
    """The platform's share of a cast's cost; the maker gets the rest."""

    codec_open_to_ui: bool = False
    """Local platform only: the Temporal UI's origin may decode payloads without a key."""
    log_level: str = "INFO"

    @model_validator(mode="after")
    def _scores_in_order(self) -> Self:
        if self.advisory_warn_score > self.advisory_refuse_score:
            raise ValueError("SPELL_ADVISORY_WARN_SCORE is above SPELL_ADVISORY_REFUSE_SCORE")
        return self

    @property
    def advisory_policy(self) -> AdvisoryPolicy:
        """What scores do to decisions here."""
        return AdvisoryPolicy(
            refuse_score=self.advisory_refuse_score,
            warn_score=self.advisory_warn_score,
            unscored=Severity(self.advisory_unscored),
        )

    @property
    def mode_policy(self) -> ModePolicy:
        """How casts may run here, and what this installation is set up for."""
        with_github = (Mode.WORKFLOW, Mode.CLONE) if self.github_app_id else ()
        return ModePolicy(allowed=self.modes_allowed, available=(Mode.SERVICE, *with_github))

    @property
    def stripe_webhook_secrets(self) -> list[str]:
        """What Stripe may sign with."""
        given = self.stripe_webhook_secret
        return [] if given is None else [one.strip() for one in given.get_secret_value().split(",")]

    @property
    def told_by(self) -> frozenset[ChannelKind]:
        """The ways in which this installation can tell people."""
        return frozenset({ChannelKind.EMAIL} if self.smtp_url is not None else ())

    @property
    def advisory_grace(self) -> timedelta:
        """How long a maker has."""
        return timedelta(days=self.advisory_grace_days)

    @property
    def artifact_lifetime(self) -> timedelta:
        """From a cast's end until its result and its artifacts are deleted."""
        return timedelta(days=self.artifact_days)

    @property
    def codec_origins(self) -> frozenset[str]:
        """The Temporal UI by both names of this machine: its own banner says `localhost`."""
        if not (self.codec_open_to_ui and self.temporal_ui_url):
            return frozenset()
        url = self.temporal_ui_url
        return frozenset({url, url.replace("//127.0.0.1", "//localhost")})
