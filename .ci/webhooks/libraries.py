"""What the PyPI packages say of each case on stdin; see `run`."""

import json
import sys

import standardwebhooks
import stripe
import svix
import time_machine

REFUSALS = (stripe.SignatureVerificationError, standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError)


def accepts(verify):
    try:
        verify()
    except REFUSALS:
        return False
    return True


for line in sys.stdin:
    now, secret, sfm, identity, timestamp, signature, body = line.rstrip("\n").split("\t")
    body = bytes.fromhex(body)
    headers = {"webhook-id": identity, "webhook-timestamp": timestamp, "webhook-signature": signature}
    with time_machine.travel(float(now), tick=False):
        said = {
            "stripe": accepts(lambda: stripe.Webhook.construct_event(body, sfm, secret)),
            "standardwebhooks": accepts(lambda: standardwebhooks.Webhook(secret).verify(body, headers)),
            "svix": accepts(lambda: svix.Webhook(secret).verify(body, headers)),
        }
    print(json.dumps(said))
