#!/usr/bin/env python3
"""A receiver for birdcall's webhooks that believes nobody. Python's standard library only.

    WEBHOOK_SECRET=whsec_... python3 examples/webhook_receiver.py 8090

It checks the signature (Standard Webhooks), the age, and whether it has seen the id before, and only then acts.
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

TOLERANCE = 300  # seconds: older or newer is a replay or a wrong clock
LONGEST_BODY = 1024 * 1024


def key_of(secret):
    """`whsec_...` is base64, anything else is taken as it is."""
    if secret.startswith("whsec_"):
        return base64.b64decode(secret[len("whsec_"):], validate=True)
    return secret.encode()


def verify(key, headers, body, now):
    """None if the request is what the owner of the key sent just now, else why not."""
    ident, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not ident or not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE:
        return "too old, too new, or without an id"
    signed = b".".join([ident.encode(), timestamp.encode(), body])  # over bytes: parse nothing before it is checked
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(right.encode(), one.encode()) for one in given):
        return "no signature is right"
    return None


class Receiver(http.server.BaseHTTPRequestHandler):
    key = b""
    seen = set()  # keep it on disk if acting twice costs money
    timeout = 5

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if not 0 <= length <= LONGEST_BODY:
            return self.answer(413)
        body = self.rfile.read(length)
        why_not = verify(self.key, self.headers, body, time.time())
        if why_not:
            print("refused:", why_not, flush=True)
            return self.answer(401)
        ident = self.headers["webhook-id"]
        if ident not in self.seen:  # the same id again is the same alert again: say yes, do nothing
            self.seen.add(ident)
            # Here you would act. Look at "expires_at" in the body first.
            print(ident, json.dumps(json.loads(body)), flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    Receiver.key = key_of(os.environ.get("WEBHOOK_SECRET", ""))
    if not Receiver.key:
        sys.exit("set WEBHOOK_SECRET to the action's secret (whsec_ and base64, or any text that is not empty)")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8090
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
