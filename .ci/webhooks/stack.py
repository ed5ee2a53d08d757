"""A local stack with a receiver of webhooks beside it."""

import base64
import collections
import datetime
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "target/debug/sfm"
LETTER = ROOT / "shared/fax-document/samples/letter.pdf"

Delivery = collections.namedtuple("Delivery", "path headers body at")


def wait_for(what, look):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.05)
    raise SystemExit(f"WRONG  waited in vain for {what}")


class Stack:
    def __init__(self, folder):
        self.log = open(folder / "log", "w+")
        command = [BINARY, "local", "--json", "--port", "0", "--data", folder / "data", "--allow-loopback", "--carrier-speed", "1000"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.ahead = 0
        self.arrived, self.taken, self.down, self.wrong = [], set(), set(), 0
        self.receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())

    def __enter__(self):
        ready = json.loads(self.process.stdout.readline())
        self.base_url = ready["base_url"]
        lines = pathlib.Path(ready["operator_env"]).read_text().splitlines()
        self.env = {**os.environ, **dict(line.split("=", 1) for line in lines)}
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        return self

    def __exit__(self, failure, *_):
        self.process.terminate()
        self.process.wait()
        self.receiver.shutdown()
        if failure:
            self.log.seek(0)
            sys.stderr.writelines(self.log.readlines()[-30:])

    def handler(stack):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                stack.arrived.append(Delivery(self.path, headers, body, stack.now()))
                self.send_response(503 if self.path in stack.down else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def now(self):
        """The stack's time, in seconds since 1970."""
        return time.time() + self.ahead

    def sfm(self, *arguments):
        done = subprocess.run([BINARY, *arguments], env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"WRONG  sfm {' '.join(arguments)}: {done.stderr}")
        return json.loads(done.stdout)

    def advance(self, duration):
        units = {"h": 3600, "m": 60, "s": 1}
        self.ahead += sum(int(part[:-1]) * units[part[-1]] for part in duration.split())
        self.sfm("clock", "advance", duration)

    def check(self, what, holds):
        self.wrong += not holds
        print(f"{'ok' if holds else 'WRONG':5}  {what}")

    def delivery(self, path, kind, event=None):
        """The next delivery of a type, or of one event, to a path."""
        def look():
            for index, delivery in enumerate(self.arrived):
                body = json.loads(delivery.body)
                if index not in self.taken and delivery.path == path and body["type"] == kind and event in (None, body["id"]):
                    self.taken.add(index)
                    return delivery
        return wait_for(f"{kind} at {path}", look)

    def entries(self, endpoint):
        return self.sfm("webhook", "deliveries", endpoint["id"])["data"]

    def test_event(self, endpoint, path):
        event = self.sfm("webhook", "test", endpoint["id"])["event_id"]
        delivery = self.delivery(path, "webhook.test", event)
        # Should the clock be advanced before that is written down, the event would come again.
        wait_for("the log of all", lambda: all(entry["status"] == "succeeded" for entry in self.entries(endpoint)))
        return delivery

    def customer(self, number):
        return Customer(self, number)

    def outage(self, customer, endpoint, hours):
        """An endpoint that is down for so long gets its event in the end, each attempt in its time. Returns the attempts."""
        path = endpoint["url"].removeprefix(f"http://127.0.0.1:{self.receiver.server_port}")
        attempts = lambda: [delivery for delivery in self.arrived if delivery.path == path]
        logged = lambda: [entry for entry in self.entries(endpoint) if len(entry["attempts"]) == len(attempts())]
        self.down.add(path)
        customer.send("+15005550001")
        began = wait_for("a first attempt", attempts)[0].at
        while True:
            entry = wait_for("the log of an attempt", logged)[0]
            tried = len(entry["attempts"])
            if entry["status"] != "pending":
                break
            due = datetime.datetime.fromisoformat(entry["next_attempt_at"].replace("Z", "+00:00")).timestamp()
            if due > began + hours * 3600:
                self.down.discard(path)
            self.advance(f"{max(0, int(due - self.now())) + 1}s")
            wait_for(f"attempt {tried + 1}", lambda: len(attempts()) > tried)
        made = attempts()
        spent = (made[-1].at - began) / 3600
        self.check(f"an endpoint that was down for {hours} hours got its event at attempt {len(made)}, after {spent:.1f} hours",
                   (entry["status"], len(made)) == ("succeeded", 10) and spent > hours)
        self.check("every attempt had the same id and bytes", len({(attempt.headers["webhook-id"], attempt.body) for attempt in made}) == 1)
        listed = self.sfm("webhook", "list", customer.account)["data"]
        self.check("it counts as failing no more", all(found["failing_since"] is None and found["status"] == "enabled" for found in listed))
        return made


class Customer:
    def __init__(self, stack, number):
        self.stack = stack
        self.account = stack.sfm("account", "create", "--name", "Law firm", "--plan", "business")["id"]
        self.number = stack.sfm("number", "add", self.account, number)["id"]
        self.key = stack.sfm("key", "create", self.account, "--scope", "faxes:send", "--scope", "scheduled:write")["key"]

    def endpoint(self, path, *arguments):
        return self.stack.sfm("webhook", "add", self.account, f"http://127.0.0.1:{self.stack.receiver.server_port}{path}", *arguments)

    def post(self, path, body):
        document = {"content": base64.b64encode(LETTER.read_bytes()).decode(), "content_type": "application/pdf"}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = json.dumps({"document": document, **body}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.stack.base_url + path, data, headers)) as answer:
            return json.load(answer)

    def send(self, to):
        return self.post("/v1/faxes", {"to": to})

    def schedule_and_lose(self, to):
        """A scheduled fax whose account has no number any more when its time has come."""
        at = datetime.datetime.fromtimestamp(self.stack.now() + 120, datetime.timezone.utc)
        self.post("/v1/scheduled", {"to": to, "send_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")})
        self.stack.sfm("number", "release", self.number)
        self.stack.advance("3m")
