"""A payment provider to develop and test against: the part of Stripe's HTTP API that we call, in its own process.

    python -m b2c_web.payments.simulator --port 8012 --state instance/payments.sqlite3 \\
        --webhook-url http://127.0.0.1:8000/webhooks/payments --webhook-secret whsec_demo

The official library works against it unchanged:

    stripe.StripeClient("sk_test_demo", base_addresses={"api": "http://127.0.0.1:8012"})

It refuses to start with B2C_ENV=production. Every key that begins with `sk_test_` opens the same account. Objects,
events, webhooks still owed and idempotency records survive a kill; faults and webhook rules do not. Full card
numbers are never kept, and numbers other than the published test cards are refused.

The control API, JSON, from this machine or with the header `X-Simulator-Token` (see --control-token):

    GET    /_simulator/                        ready, clock, counts, faults, rules
    POST   /_simulator/reset                   forget everything
    POST   /_simulator/clock                   {"advance_seconds": 3600}: sessions expire, holds lapse, debits settle
    POST   /_simulator/settings                {"webhook_url", "webhook_secret", "debit_seconds", "retry_seconds"}
    POST   /_simulator/faults                  one fault, see `faults.Fault`:
        {"kind": "delay", "times": null, "milliseconds": 800}      every answer is slow; "when": "after" acts first
        {"kind": "drop", "method": "POST", "path": "/v1/refunds"}  acts, then closes the connection unanswered
        {"kind": "error", "status": 500, "path": "/v1/payment_intents/*/capture"}  500, 429 or 402 instead of acting
        {"kind": "decline", "decline_code": "insufficient_funds"}  the bank refuses the next payment attempt
    DELETE /_simulator/faults
    POST   /_simulator/webhooks                one rule for the events to come, see `faults.WebhookRule`:
        {"kind": "twice", "event": "checkout.session.*", "times": 1}  or "late" with "seconds", or "never"
        {"kind": "out_of_order", "times": 3}                          the next three in the opposite order
    DELETE /_simulator/webhooks
    POST   /_simulator/webhooks/flush          send all that is owed now; {"withheld": false} leaves the "never" ones
    GET    /_simulator/deliveries              the last 200 deliveries and what was answered
    POST   /_simulator/events/<id>/delivery    send one event again
    POST   /_simulator/sessions/<id>/pay       {"card": "visa"} (a name of cards.py), {"number": "4242..."},
                                               {"account": "sepa"} or {"iban": "DE89..."}; "confirm": true | false
                                               answers the bank; -> {"outcome", "url", "decline_code", "session"}
    POST   /_simulator/payment_methods         {"customer": "cus_...", "card": "visa"}: a method as if saved on the page
    POST   /_simulator/payment_intents/<id>/dispute   the customer's bank takes the money back

When not given, a fault's `times` is 1 and a rule's is null (until cleared); `path` is a prefix, or a pattern with `*`.

Where it is stricter or simpler than the provider: only EUR, cards and SEPA debits; parameters that it does not
know are refused; webhooks are retried after 1, 2, 4 ... 300 seconds for three days; a SEPA debit settles after
`--debit-seconds`; the intent of a completed Checkout Session can be cancelled while it waits for capture.
"""
