"""A Django project in one file that sells plans.

    lifecycle db upgrade
    python django_host.py 8000

Django has connections of its own, so here each command is a transaction of its own. What belongs to rows of Django's is
sent once they are committed, with a key: sent again after a crash, it gets the first answer.

In a project of several files `lifecycle` lives in a module, and is started by what serves: never by `AppConfig.ready`,
which `manage.py migrate` runs too. Under gunicorn a worker starts it in `post_fork`; or `lifecycle run` runs beside.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from lifecycle import Lifecycle, NotFound, Refused, Step
from lifecycle.app.views import as_json

HERE = Path(__file__).parent
lifecycle = Lifecycle.from_config(HERE / "config.yaml")
news: deque[str] = deque(maxlen=100)


@lifecycle.on("subscription.*")
def tell(step: Step) -> None:
    """A hook: it hears what this process has committed."""
    news.append(step.event)


class Refusals:
    """Middleware: 409, with the code for programs and the sentences for people."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        self.respond = respond

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.respond(request)

    def process_exception(self, _: HttpRequest, error: Exception) -> HttpResponse | None:
        """What a view has raised."""
        if not isinstance(error, Refused):
            return None
        answer = {"code": error.code, "message": str(error), "instead": error.instead}
        return JsonResponse(answer, status=404 if isinstance(error, NotFound) else 409)


def sign_up(request: HttpRequest, reference: str) -> HttpResponse:
    """A new customer on trial."""
    email = json.loads(request.body)["email"]
    account = lifecycle.accounts.create(reference, email=email)
    return JsonResponse(as_json(lifecycle.subscriptions.create(account.id, plan="basic", by=email)))


def plan(_: HttpRequest, subscription: str) -> HttpResponse:
    """The customer's plan: its state, what is pending, and what comes next."""
    return JsonResponse(as_json(lifecycle.subscriptions.get(subscription)))


def change(request: HttpRequest, subscription: str) -> HttpResponse:
    """Another plan from the next cycle on."""
    asked = json.loads(request.body)
    return JsonResponse(as_json(lifecycle.subscriptions.change(subscription, plan=asked["plan"], by=asked["by"])))


def cancel(request: HttpRequest, subscription: str) -> HttpResponse:
    """The command is sent once the farewell is committed."""
    asked = json.loads(request.body)
    answers: list[dict[str, object]] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO farewells (words) VALUES (%s) RETURNING id", [asked["words"]])
        [farewell] = cursor.fetchone()
        transaction.on_commit(partial(_cancel, subscription, asked, f"farewell-{farewell}", answers))
    return JsonResponse(answers[0])


def _cancel(subscription: str, asked: dict[str, str], key: str, answers: list[dict[str, object]]) -> None:
    when = asked.get("when", "period_end")
    answers.append(as_json(lifecycle.subscriptions.cancel(subscription, when=when, by=asked["by"], key=key)))


def farewells(_: HttpRequest) -> HttpResponse:
    """What they said."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM farewells ORDER BY id")
        return JsonResponse([words for [words] in cursor.fetchall()], safe=False)


def latest(_: HttpRequest) -> HttpResponse:
    """What the hook has heard."""
    return JsonResponse(list(news), safe=False)


def health(_: HttpRequest) -> HttpResponse:
    """503 where something is wrong that is needed."""
    found = lifecycle.health()
    return JsonResponse(as_json(found), status=200 if found.ok else 503)


urlpatterns = [
    path("accounts/<str:reference>", sign_up),
    path("subscriptions/<str:subscription>", plan),
    path("subscriptions/<str:subscription>/change", change),
    path("subscriptions/<str:subscription>/cancel", cancel),
    path("farewells", farewells),
    path("news", latest),
    path("health", health),
]

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[f"{__name__}.Refusals"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "django.db"}},
)
django.setup()

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # signals are the host's: so this one unwinds the block below
    call_command("check")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS farewells (id integer PRIMARY KEY, words text)")
    with lifecycle.start(), make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application()) as server:
        server.serve_forever()
    lifecycle.close()
