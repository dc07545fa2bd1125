"""A Stripe of our own on this machine, as far as the gateway uses it: HTTP, form-encoded requests, answers in JSON.

Like the real one it keeps the answer to a key, an error too, and gives it to whoever sends the key with the same
content. `next` says what goes wrong with the next requests that would change something, one after the other:

- a decline code, such as `insufficient_funds`: the card is declined
- `error`: 500, and nothing is done; `conflict`: 409, as while the first request with a key is still at work;
  `busy`: 429
- `cut`: it is done, and the connection is cut; `slow`: it is done, and the answer never comes
- `processing`, `requires_action`, `pending`: what is made stays in that state
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

KEY = "sk_test_1"
NOW = 1767268800
"""Noon on 1 January 2026, in seconds since 1970."""

Json = dict[str, Any]
Answer = tuple[int, Json]


class StripeServer:
    """The server, while it is entered; `requests` are those that came: method, path, headers and form."""

    def __init__(self) -> None:
        self.next: list[str] = []
        self.requests: list[tuple[str, str, dict[str, str], Json]] = []
        self.page = 100
        self.cards: dict[str, Json] = {}
        self.things: dict[str, list[Json]] = {
            "customers": [],
            "setup_intents": [],
            "payment_intents": [],
            "refunds": [],
        }
        self._answers: dict[str, tuple[str, Json, Answer]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> StripeServer:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def card(self, customer: str, name: str = "pm_1", kind: str = "card") -> str:
        """A payment method that somebody has entered on the host's page."""
        card = {"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030}
        self.cards[name] = {"id": name, "object": "payment_method", "type": kind, "customer": customer, kind: card}
        return name

    def answer(self, method: str, path: str, headers: dict[str, str], form: Json) -> Answer | None:
        """The answer to a request; None for one that is done and gets none."""
        with self._lock:
            self.requests.append((method, path, headers, form))
            if headers.get("Authorization") != f"Bearer {KEY}":
                return _error(401, "invalid_request_error", "Invalid API Key provided: sk_test_********")
            if method == "GET":
                return self._read(path.removeprefix("/v1/").split("/"), form)
            trouble = self.next.pop(0) if self.next else ""
            if trouble in ("conflict", "busy"):
                return _TROUBLE[trouble]
            answer = self._once(headers["Idempotency-Key"], path, form, trouble)
        if trouble == "slow":
            self._over.wait()
        return None if trouble in ("cut", "slow") else answer

    def _once(self, key: str, path: str, form: Json, trouble: str) -> Answer:
        """Do it, unless the key has come before."""
        if key in self._answers:
            before, content, answer = self._answers[key]
            if (before, content) == (path, form):
                return answer
            return _error(400, "idempotency_error", "Keys for idempotent requests can only be used with the same.")
        answer = _TROUBLE["error"] if trouble == "error" else self._write(path.removeprefix("/v1/"), form, trouble)
        if answer[1].get("error", {}).get("code") not in ("resource_missing", "parameter_missing"):
            self._answers[key] = path, form, answer
        return answer

    def _write(self, kind: str, form: Json, trouble: str) -> Answer:
        made: Json = {
            "id": f"{_PREFIX[kind]}_{len(self.things[kind]) + 1}",
            "object": kind.removesuffix("s"),
            "created": NOW,
            "metadata": form.get("metadata", {}),
        }
        if kind == "setup_intents":
            made |= {
                "client_secret": f"{made['id']}_secret_x",
                "customer": form["customer"],
                "status": "requires_payment_method",
            }
        if kind == "payment_intents":
            return self._pay(made, form, trouble)
        if kind == "refunds":
            return self._give_back(made, form, trouble)
        self.things[kind].append(made)
        return 200, made

    def _pay(self, made: Json, form: Json, trouble: str) -> Answer:
        card = self.cards.get(form["payment_method"])
        if card is None or card["customer"] != form["customer"]:
            return _error(
                400, "invalid_request_error", f"No such PaymentMethod: '{form['payment_method']}'", "resource_missing"
            )
        made |= {
            "amount": int(form["amount"]),
            "currency": form["currency"],
            "customer": form["customer"],
            "payment_method": card["id"],
            "status": "succeeded",
            "last_payment_error": None,
        }
        self.things["payment_intents"].append(made)
        if trouble in ("processing", "requires_action"):
            made["status"] = trouble
        elif trouble not in ("", "cut", "slow"):
            return self._decline(made, trouble)
        return 200, dict(made)

    def _decline(self, made: Json, reason: str) -> Answer:
        """A decline comes as an error, with the payment in it; its card is taken off the payment."""
        code = reason if reason in ("expired_card", "authentication_required") else "card_declined"
        error = {"type": "card_error", "code": code, "message": "Your card was declined."}
        if reason != "card_declined":
            error["decline_code"] = reason
        card = self.cards[made["payment_method"]]
        made |= {
            "status": "requires_payment_method",
            "payment_method": None,
            "last_payment_error": {**error, "payment_method": card},
        }
        return 402, {"error": {**error, "payment_intent": dict(made)}}

    def _give_back(self, made: Json, form: Json, trouble: str) -> Answer:
        paid = next(
            (intent for intent in self.things["payment_intents"] if intent["id"] == form["payment_intent"]), None
        )
        if paid is None:
            return _error(404, "invalid_request_error", "No such payment_intent", "resource_missing")
        earlier = [one for one in self.things["refunds"] if one["payment_intent"] == paid["id"]]
        if int(form["amount"]) > paid["amount"] - sum(one["amount"] for one in earlier):
            return _error(400, "invalid_request_error", "Refund amount is greater than unrefunded amount on charge")
        made |= {"amount": int(form["amount"]), "currency": paid["currency"], "payment_intent": paid["id"]}
        made["status"] = trouble if trouble in ("pending", "failed") else "succeeded"
        if trouble == "failed":
            made["failure_reason"] = "lost_or_stolen_card"
        self.things["refunds"].append(made)
        return 200, dict(made)

    def _read(self, path: list[str], form: Json) -> Answer:
        if path[0] == "customers":
            card = self.cards.get(path[3])
            if card is None or card["customer"] != path[1]:
                return _error(404, "invalid_request_error", f"No such PaymentMethod: '{path[3]}'", "resource_missing")
            return 200, card
        name = "customer" if path[0] == "payment_intents" else "payment_intent"
        things = [thing for thing in reversed(self.things[path[0]]) if thing[name] == form[name]]
        ids = [thing["id"] for thing in things]
        start = ids.index(form["starting_after"]) + 1 if "starting_after" in form else 0
        end = start + min(self.page, int(form["limit"]))
        return 200, {
            "object": "list",
            "url": f"/v1/{path[0]}",
            "has_more": end < len(things),
            "data": things[start:end],
        }


_PREFIX = {"customers": "cus", "setup_intents": "seti", "payment_intents": "pi", "refunds": "re"}


def _error(status: int, kind: str, message: str, code: str = "") -> Answer:
    error = {"type": kind, "message": message} | ({"code": code} if code else {})
    return status, {"error": error}


_TROUBLE = {
    "error": _error(500, "api_error", "An unknown error occurred"),
    "conflict": _error(409, "invalid_request_error", "There is currently another in-progress request using this key."),
    "busy": _error(429, "invalid_request_error", "Too many requests", "rate_limit"),
}


def _nested(pairs: list[tuple[str, str]]) -> Json:
    """`a[b]=c` as {"a": {"b": "c"}}."""
    form: Json = {}
    for name, value in pairs:
        outer, _, inner = name.partition("[")
        if inner:
            form.setdefault(outer, {})[inner.removesuffix("]")] = value
        else:
            form[outer] = value
    return form


def _handler(stripe: StripeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer in one piece, or its second half waits

        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, encoded: str) -> None:
            path = urlsplit(self.path).path
            answer = stripe.answer(self.command, path, dict(self.headers), _nested(parse_qsl(encoded)))
            self.close_connection = answer is None
            if answer is None:
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Request-Id", "req_1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The report of the tests is no place for it."""

    return Handler
