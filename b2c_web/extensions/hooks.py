"""What happens to the right of extensions, in the transaction that causes it. Each takes Booking and Extension."""

from b2c_web.hooks import HookList

captured = HookList("extensions.captured")  # its money came, once per extension
refunded = HookList("extensions.refunded")  # some of its captured money went back, once per refund

ALL = (captured, refunded)
