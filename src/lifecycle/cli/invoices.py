"""`lifecycle invoices …`, `billing` and `pay`: what was invoiced, what is owed, and the papers that customers get."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, money, save
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.invoices import InvoiceView


def list_(
    context: typer.Context,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Only this account's.")] = None,
    drafts: Annotated[
        bool, typer.Option("--drafts", help="Also those that were never opened: of orders that were not paid.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """List invoices, oldest first.

    What became of each, what it is for, and when it is charged again.
    """
    from lifecycle.cli import bills, faces
    from lifecycle.cli.directory import Directory

    with opened(context) as lifecycle:
        found, directory = lifecycle.invoices.list(account=account, drafts=drafts), Directory(lifecycle)
        if as_json:
            emit([faces.described(one, directory.of_account(one.account_id)) for one in found])
        else:
            display(bills.invoices(found, directory, accounts=account is None))


def show(
    context: typer.Context,
    invoice: options.Invoice,
    *,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the page that the customer gets; - is stdout.")
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as PDF, with the extra [pdf]; - is stdout.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show an invoice, or a credit note.

    Its lines with how they are worked out, and each attempt to charge it; or the paper itself, in a file.
    """
    on_stdout = [str(file) == "-" for file in (html, pdf)].count(True) + as_json
    if on_stdout > 1:
        raise typer.BadParameter("Only one of --html -, --pdf - and --json fits on stdout.")
    with opened(context) as lifecycle:
        if html is not None or pdf is not None:
            _print(lifecycle, invoice, html, pdf)
        if as_json or (html is None and pdf is None):
            _tell(lifecycle, lifecycle.invoices.get(invoice), as_json)


def _print(lifecycle: Lifecycle, invoice: str, html: Path | None, pdf: Path | None) -> None:
    from lifecycle.documents.html import as_html
    from lifecycle.documents.pdf import as_pdf

    printed = lifecycle.invoices.printed(invoice)
    papers = [(as_html(printed).encode(), html)] if html else []
    papers += [(as_pdf(printed), pdf)] if pdf else []
    for paper, file in papers:
        save(paper, file)


def pay(
    context: typer.Context,
    invoice: options.Invoice,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Charge an invoice now.

    On the account's default payment method. The retries that are planned stay planned.
    """
    with opened(context) as lifecycle:
        paid = lifecycle.invoices.pay(invoice, by=by, reason=reason, key=key, version=version)
        _tell(lifecycle, paid, as_json)


def billing(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Show what an account was billed.

    Invoices and credit notes in the order in which they were issued, what is owed, and the balance.
    """
    from lifecycle.cli import bills, faces
    from lifecycle.cli.directory import Directory

    with opened(context) as lifecycle:
        found, directory = lifecycle.invoices.billing_history(account), Directory(lifecycle)
        if as_json:
            emit([faces.described(one, directory.of_account(one.account_id)) for one in found])
            return
        balance = lifecycle.balances.get(account)
        display(bills.invoices(found, directory, accounts=False))
    owed = sum(one.due for one in found if one.kind == "invoice" and one.status in bills.OWED)
    display("", f"Owed: {money(owed, balance.currency)}. On the balance: {money(balance.amount, balance.currency)}.")


def _tell(lifecycle: Lifecycle, invoice: InvoiceView, as_json: bool) -> None:
    from lifecycle.cli import bills, faces
    from lifecycle.cli.directory import Directory

    owner = Directory(lifecycle).of_account(invoice.account_id)
    attempts = [] if invoice.kind == "credit_note" else lifecycle.invoices.attempts(invoice.id)
    if as_json:
        told: dict[str, Any] = faces.described(invoice, owner)
        emit(told | {"attempts": attempts})
        return
    methods = lifecycle.payment_methods.list(invoice.account_id)
    paper = bills.Paper(lifecycle.config.catalog, invoice.currency, invoice.zone)
    display(bills.invoice(invoice, attempts, methods, owner, paper))
