#!/usr/bin/env python3
"""Drives the simulated carrier of a local stack with Telnyx's own SDK, unmodified, and holds the product's request against the SDK's models.

Prints a line for each check; exits with 1 when one fails. Needs target/debug/sfm.
"""

import base64
import datetime
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import typing
import urllib.error
import urllib.request
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SFM = ROOT / "target/debug/sfm"
VENV = ROOT / "target/carriers"
SAMPLES = ROOT / "shared/fax-document/samples"
FROM, TO, INBOUND = "+12025550100", "+12125550123", "+12125551234"
# What the simulator tells beyond the models of the SDK: the pages, in the resource of a fax alone, by Telnyx's release note of 17 February 2021.
BEYOND = {"Fax": {"page_count"}}
# What the models have and is told only under conditions that are not met here: media and previews that Telnyx stores.
ABSENT = {"media_name", "preview_url", "stored_media_url"}


def enter_venv():
    """Goes on in an environment of its own. -P: this file has the name of the package that it imports."""
    if pathlib.Path(sys.prefix) == VENV:
        return
    done = VENV / "installed"
    wanted = (HERE / "requirements.txt").read_text()
    if not done.exists() or done.read_text() != wanted:
        venv.create(VENV, with_pip=True, clear=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", "--requirement", HERE / "requirements.txt"], check=True)
        done.write_text(wanted)
    os.execv(VENV / "bin/python", [VENV / "bin/python", "-P", __file__])


enter_venv()

import nacl.signing  # noqa: E402
import pydantic  # noqa: E402
import telnyx  # noqa: E402
from telnyx import types  # noqa: E402

EVENTS = {
    "fax.queued": types.FaxQueued,
    "fax.media.processed": types.FaxMediaProcessed,
    "fax.sending.started": types.FaxSendingStarted,
    "fax.delivered": types.FaxDelivered,
    "fax.failed": types.FaxFailed,
}


class Far(http.server.BaseHTTPRequestHandler):
    """The far ends: the host of the document, the receiver of callbacks, and a recorder in the place of Telnyx's API."""

    document = b""
    callbacks = []
    recorded = []
    released = threading.Event()
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/held":
            self.released.wait(60)
        self.answer(200, self.document, "application/pdf")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/v2/faxes":
            self.recorded.append(json.loads(body))
            return self.answer(202, b'{"data":{}}', "application/json")
        self.callbacks.append((dict(self.headers), body))
        self.answer(200, b"", "text/plain")

    def answer(self, status, body, content_type):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


failures = 0


def check(label):
    """Runs a function as a check, at once."""

    def run(function):
        global failures
        try:
            function()
            print(f"ok      {label}")
        except Exception as error:
            failures += 1
            print(f"FAILED  {label}: {type(error).__name__}: {error}")

    return run


def same(got, expected):
    if got != expected:
        raise AssertionError(f"{got!r} is not {expected!r}")


def wait_for(what, probe):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def strictly(model, value):
    """The SDK itself takes anything; this validates, and refuses members that the model does not have, and members that are missing.

    All of the models' members are optional. What is absent only under a condition is in ABSENT; `client_state` is, if it was not sent.
    """
    parsed = model.model_validate(value)

    def members(model, path):
        unknown = set(model.model_extra or {}) - BEYOND.get(type(model).__name__, set())
        if unknown:
            raise AssertionError(f"{path} has members that the SDK does not know: {sorted(unknown)}")
        missing = set(type(model).model_fields) - model.model_fields_set - ABSENT
        if missing - {"client_state"}:
            raise AssertionError(f"{path} lacks {sorted(missing)}")
        for name in type(model).model_fields:
            if isinstance(getattr(model, name), pydantic.BaseModel):
                members(getattr(model, name), f"{path}.{name}")

    members(parsed, model.__name__)
    return parsed


def refused(error_class, code, call):
    try:
        call()
    except error_class as error:
        same(error.response.json()["errors"][0]["code"], code)
        return
    raise AssertionError(f"no {error_class.__name__}")


def params_of(body):
    """The parameters of `faxes.create` that a body on the wire stands for."""
    names = {}
    for name, hint in typing.get_type_hints(types.FaxCreateParams, include_extras=True).items():
        wire = name
        for part in typing.get_args(hint):
            for note in getattr(part, "__metadata__", ()):
                wire = getattr(note, "alias", None) or wire
        for note in getattr(hint, "__metadata__", ()):
            wire = getattr(note, "alias", None) or wire
        names[wire] = name
    unknown = set(body) - set(names)
    if unknown:
        raise AssertionError(f"the SDK knows no parameters {sorted(unknown)}")
    return {names[wire]: value for wire, value in body.items()}


def checks(folder, ready, far_url):
    data = folder / "data"
    stack = json.loads((data / "stack.json").read_text())
    carrier_url = f"http://127.0.0.1:{stack['ports']['carrier']}/v2"
    seed = base64.b64decode(stack["carrier_signing_key"])
    public_key = base64.b64encode(bytes(nacl.signing.SigningKey(seed).verify_key)).decode()
    client = telnyx.Telnyx(api_key=stack["carrier_api_key"], public_key=public_key, base_url=carrier_url, max_retries=0)
    faxes = client.faxes

    def send(to=TO, path="/letter.pdf", **more):
        return faxes.create(
            connection_id="1", from_=FROM, to=to, media_url=far_url + path, webhook_url=far_url + "/hook", **more
        ).data

    def ended(id):
        return wait_for(f"the end of {id}", lambda: (fax := faxes.retrieve(id).data).status in ("delivered", "failed") and fax)

    def callbacks(id, count):
        def of():
            return [(headers, body) for headers, body in Far.callbacks if json.loads(body)["data"]["payload"]["fax_id"] == id]

        return wait_for(f"{count} callbacks", lambda: len(of()) >= count and of())

    @check("send, retrieve: every answer fits FaxCreateResponse and FaxRetrieveResponse")
    def _():
        state = base64.b64encode(b"{}").decode()
        raw = faxes.with_raw_response.create(
            connection_id="1", from_=FROM, to=TO, media_url=far_url + "/letter.pdf", webhook_url=far_url + "/hook",
            client_state=state, quality="very_high", monochrome=True, store_media=False, from_display_name="Check",
        )
        same(raw.http_response.status_code, 202)
        sent = strictly(types.FaxCreateResponse, raw.http_response.json()).data
        same((sent.status, sent.to, sent.client_state, sent.quality), ("queued", TO, state, "very_high"))
        ended(sent.id)
        got = strictly(types.FaxRetrieveResponse, faxes.with_raw_response.retrieve(sent.id).http_response.json()).data
        same((got.id, got.status, got.failure_reason, got.direction), (sent.id, "delivered", None, "outbound"))

    @check("callbacks of a delivered fax: the SDK verifies each, and each fits its model")
    def _():
        id = send().id
        names = []
        for headers, body in callbacks(id, 4):
            event = client.webhooks.unwrap(body, headers=headers)
            model = EVENTS[event.data.event_type]
            strictly(model, json.loads(body))
            names.append(event.data.event_type)
            try:
                client.webhooks.unwrap(body + " ", headers=headers)
            except ValueError:
                continue
            raise AssertionError("a forged callback was believed")
        same(names, ["fax.queued", "fax.media.processed", "fax.sending.started", "fax.delivered"])

    @check("callbacks of a failed fax: the SDK verifies each, and each fits its model")
    def _():
        id = send(to="+15005550002").id
        headers, body = callbacks(id, 3)[-1]
        event = client.webhooks.unwrap(body, headers=headers)
        strictly(types.FaxFailed, json.loads(body))
        same((event.data.event_type, event.data.payload.failure_reason), ("fax.failed", "user_busy"))
        same(faxes.retrieve(id).data.failure_reason, "user_busy")
        same({"page_count", "call_duration_secs"} & set(json.loads(body)["data"]["payload"]), set())

    @check("every callback of every magic number has the members of its model, no more and no less")
    def _():
        for last in ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0009", "0020", "0021"):
            id = send(to=f"+1500555{last}").id
            ended(id)
            told = lambda: [body for _, body in Far.callbacks if json.loads(body)["data"]["payload"]["fax_id"] == id]
            final = lambda: any(json.loads(body)["data"]["event_type"] in ("fax.delivered", "fax.failed") for body in told())
            wait_for(f"the last callback of {last}", final)
            for body in told():
                strictly(EVENTS[json.loads(body)["data"]["event_type"]], json.loads(body))
            strictly(types.FaxRetrieveResponse, faxes.with_raw_response.retrieve(id).http_response.json())

    @check("list: filters and pages, through the SDK's own pagination")
    def _():
        number = "+12125550177"
        before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
        sent = [send(to=number).id for _ in range(5)]
        filter = {"to": {"eq": number}, "from": {"eq": FROM}, "direction": {"eq": "outbound"}, "created_at": {"gte": before}}
        page = faxes.list(filter=filter, page_size=2, page_number=1)
        same((len(page.data), page.meta.page_number, page.meta.total_pages), (2, 1, 3))
        same([fax.id for fax in page], sent[::-1])
        for other in ({"created_at": {"lt": before}}, {"from": {"eq": TO}}, {"direction": {"eq": "inbound"}}):
            same(len(faxes.list(filter={**filter, **other}).data), 0)
        raw = faxes.with_raw_response.list(filter=filter).http_response.json()
        for fax in raw["data"]:
            strictly(types.Fax, fax)

    @check("cancel: a fax under way, and none that has ended")
    def _():
        id = send(path="/held").id
        answer = faxes.actions.with_raw_response.cancel(id).http_response
        same((answer.status_code, answer.json()), (202, {"data": {"result": "ok"}}))
        Far.released.set()
        fax = ended(id)
        same((fax.status, fax.failure_reason), ("failed", "sender_canceled"))
        refused(telnyx.UnprocessableEntityError, "10015", lambda: faxes.actions.cancel(id))

    @check("delete: out of sight")
    def _():
        id = send().id
        same(faxes.delete(id), None)
        refused(telnyx.NotFoundError, "10005", lambda: faxes.retrieve(id))
        refused(telnyx.NotFoundError, "10005", lambda: faxes.delete(id))

    @check("errors: 401, 404 and 422 are the SDK's own")
    def _():
        stranger = telnyx.Telnyx(api_key="wrong", base_url=carrier_url, max_retries=0)
        refused(telnyx.AuthenticationError, "10009", lambda: stranger.faxes.list())
        refused(telnyx.NotFoundError, "10005", lambda: faxes.retrieve("none"))
        refused(telnyx.UnprocessableEntityError, "10016", lambda: send(to="5550123"))
        refused(telnyx.UnprocessableEntityError, "10015", lambda: send(media_name="both"))

    @check("an inbound fax: listed, retrieved, its document fetched, its link renewed")
    def _():
        environment = dict(line.split("=", 1) for line in pathlib.Path(ready["operator_env"]).read_text().splitlines())
        command = [SFM, "carrier", "send-in", "--to", INBOUND, "--file", SAMPLES / "letter.txt"]
        taken = json.loads(subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True).stdout)
        same((sorted(taken), taken["to"], taken["pages"]), (["carrier_fax_id", "from", "pages", "to"], INBOUND, 1))
        id = taken["carrier_fax_id"]
        fax = wait_for("the fax", lambda: (fax := faxes.retrieve(id).data).status == "received" and fax)
        same([found.id for found in faxes.list(filter={"direction": {"eq": "inbound"}, "to": {"eq": INBOUND}})], [id])
        strictly(types.FaxRetrieveResponse, faxes.with_raw_response.retrieve(id).http_response.json())
        same((fax.direction, fax.to, fax.from_), ("inbound", INBOUND, taken["from"]))
        same(urllib.request.urlopen(fax.media_url).read()[:5], b"%PDF-")
        subprocess.run([SFM, "clock", "advance", "11m"], env={**os.environ, **environment}, check=True, capture_output=True)
        try:
            urllib.request.urlopen(fax.media_url)
            raise AssertionError("the link outlived its ten minutes")
        except urllib.error.HTTPError as error:
            same(error.code, 403)
        same(faxes.actions.refresh(id).data.result, "ok")
        same(urllib.request.urlopen(faxes.retrieve(id).data.media_url).read()[:5], b"%PDF-")

    @check("the product's request: valid for FaxCreateParams, and word for word what the SDK itself would send")
    def _():
        number = "+12125550188"
        content = base64.b64encode((SAMPLES / "letter.txt").read_bytes()).decode()
        fax = {"to": number, "document": {"content": content, "content_type": "text/plain"}}
        headers = {"authorization": "Bearer " + ready["demo_key"]}
        request = urllib.request.Request(ready["base_url"] + "/v1/faxes", json.dumps(fax).encode(), headers)
        same(urllib.request.urlopen(request).status, 201)

        def accepted():
            lines = (data / "carrier/journal.jsonl").read_text().splitlines(keepends=True)
            records = [json.loads(line) for line in lines if line.endswith("\n")]
            return [r for r in records if r["record"] == "accepted" and r["fax"]["to"] == number]

        record = wait_for("the product's request", accepted)[0]
        body = {**record["request"], "media_url": record["fax"]["media_url"]}
        params = params_of(body)
        pydantic.TypeAdapter(types.FaxCreateParams).validate_python(params, strict=True)
        recorder = telnyx.Telnyx(api_key="key", base_url=far_url + "/v2", max_retries=0)
        recorder.faxes.create(**params)
        same(Far.recorded, [body])


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        letter = folder / "letter.pdf"
        subprocess.run([SFM, "document", "convert", SAMPLES / "letter.pdf", letter], check=True, capture_output=True)
        Far.document = letter.read_bytes()
        far = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Far)
        threading.Thread(target=far.serve_forever, daemon=True).start()
        command = [SFM, "local", "--port", "0", "--json", "--data", folder / "data", "--carrier-speed", "1000"]
        with open(folder / "log", "w") as log:
            stack = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            try:
                ready = json.loads(stack.stdout.readline())
                checks(folder, ready, f"http://127.0.0.1:{far.server_port}")
            finally:
                stack.terminate()
                stack.wait()
    print(f"{failures} checks failed" if failures else "all checks passed")
    sys.exit(1 if failures else 0)


main()
