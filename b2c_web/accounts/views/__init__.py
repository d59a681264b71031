"""Routes of accounts: signing in and out, and a person's own pages."""

from b2c_web.accounts.views import account, addresses, login, security

__all__ = ["account", "addresses", "login", "security"]
