"""What settings must say together; above all, what production must not start without."""

from typing import Any

from click import ClickException

STANDING_LIMITS_CENTS = (0, 5_000, 10_000, 20_000, 50_000)  # what customers choose from


class ConfigError(ClickException):
    """A setting is missing or wrong; the message names the setting and the way out.

    `flask` shows it as one line instead of a traceback.
    """


def check_together(values: dict[str, Any]) -> None:
    """Fill in what depends on other settings, and raise ConfigError for what does not go together."""
    if values["DEMO_MODE"] == "":
        values["DEMO_MODE"] = values["B2C_ENV"] != "production"
    _check_store(values)
    _check_standing_limit(values)
    if values["B2C_ENV"] != "production":
        return
    if len(values["SECRET_KEY"]) < 32:
        raise ConfigError("SECRET_KEY: production needs at least 32 characters of it. Make one: openssl rand -hex 32.")
    if not values["STRIPE_SECRET_KEY"]:
        raise ConfigError("STRIPE_SECRET_KEY: production needs it; the demo payment page is never used there.")
    if not values["STRIPE_SECRET_KEY"].startswith(("sk_live_", "rk_live_")):
        raise ConfigError(
            "STRIPE_SECRET_KEY: production takes real money; set one that begins with sk_live_ or rk_live_."
        )
    if not values["STRIPE_WEBHOOK_SECRET"]:
        raise ConfigError("STRIPE_WEBHOOK_SECRET: production needs it, or no webhook can be verified.")
    if values["STRIPE_API_BASE"]:
        raise ConfigError("STRIPE_API_BASE: production talks to Stripe alone; unset it.")
    if values["DEMO_MODE"]:
        raise ConfigError("DEMO_MODE: production shows no demo logins; unset it.")
    if not values["B2C_TRUSTED_PROXIES"]:
        raise ConfigError(
            "B2C_TRUSTED_PROXIES: production stands behind a proxy that ends https; say how many, or everybody counts "
            "as one network for the limits."
        )
    if not values["B2C_BASE_URL"].startswith("https://"):
        raise ConfigError("B2C_BASE_URL: production needs an https:// address.")


def _check_store(values: dict[str, Any]) -> None:
    needed = ("MEDIA_S3_BUCKET", "MEDIA_S3_KEY_ID", "MEDIA_S3_SECRET")
    missing = [name for name in needed if not values[name]]
    if values["MEDIA_STORE"] == "s3" and missing:
        raise ConfigError(f"{missing[0]}: MEDIA_STORE=s3 needs it. Set it, or leave MEDIA_STORE at local.")


def _check_standing_limit(values: dict[str, Any]) -> None:
    most = values["STANDING_LIMIT_MAX_CENTS"]
    choices = [cents for cents in STANDING_LIMITS_CENTS if cents <= most]
    if values["STANDING_LIMIT_CENTS"] not in choices:
        raise ConfigError(
            f"STANDING_LIMIT_CENTS: must be one of {', '.join(map(str, choices))}, from which customers choose,"
            f" none of them above STANDING_LIMIT_MAX_CENTS={most}."
        )
