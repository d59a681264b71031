"""Pages about messages: all of them for admins, the demo's outbox, and a customer's own."""

from b2c_web.notifications.views import kept, mine, outbox

__all__ = ["kept", "mine", "outbox"]
