"""Whether a delivery, as it was received, is believed by PyPI standardwebhooks."""

import json
import os

from standardwebhooks import Webhook, WebhookVerificationError

received = json.loads(os.environ["RECEIVED"])
webhook = Webhook(os.environ["SECRET"])
assert webhook.verify(received["body"], received["headers"])["type"] == os.environ["TYPE"]
for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
    changed = dict(received["headers"], **{name: received["headers"][name][:-1] + "x"})
    try:
        webhook.verify(received["body"], changed)
    except (WebhookVerificationError, ValueError):
        continue
    raise AssertionError(f"{name} was changed, and it was believed")
