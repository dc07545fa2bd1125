"""docs/benchmarks.md and its picture, made of what is stored: ratios of one run, with the machine named.

`python -m bench.report` writes both; a test holds them to bench/results.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bench.results import Results, read, shown

DOCS = Path(__file__).parents[1] / "docs"
PEERS = {"apscheduler": "APScheduler's own store", "dbos": "DBOS", "procrastinate": "Procrastinate", "harel": "harel"}


def median_of(results: Results, section: str, what: str, figure: str) -> float:
    """What was measured; a KeyError names what was not."""
    return results.figures[section][what][figure].median


@dataclass(frozen=True)
class Bar:
    """What was aimed at: the figure it is about, the least or the most that it may be, and its unit."""

    name: str
    figure: Callable[[Results], float]
    aim: float
    unit: str
    at_least: bool

    def row(self, results: Results) -> str:
        """A row of the table."""
        value = self.figure(results)
        reached = value >= self.aim if self.at_least else value < self.aim
        sign = "at least" if self.at_least else "under"
        aim, measured = (f"{shown(number)}{self.unit}" for number in (self.aim, value))
        return f"| {self.name} | {sign} {aim} | {measured} | {'yes' if reached else '**no**'} |"


def _of(section: str, what: str, figure: str) -> Callable[[Results], float]:
    return lambda results: median_of(results, section, what, figure)


def _fall(results: Results) -> float:
    few, many = (median_of(results, "growth", f"postgresql, {n}", "renewals a second") for n in ("10,000", "1,000,000"))
    return 100 * (1 - many / few)


def _slowest(results: Results) -> float:
    figures = results.figures["commands"]["postgresql"]
    return max(spread.median for name, spread in figures.items() if name.endswith("times plain SQL"))


BARS: Sequence[Bar] = (
    Bar("renewals on PostgreSQL, one daemon, as a share of plain SQL",
        _of("firing", "postgresql", "share of plain SQL"), 0.5, "", True),
    Bar("renewals on SQLite, as a share of plain SQL", _of("firing", "sqlite", "share of plain SQL"), 0.5, "", True),
    Bar("two daemons on PostgreSQL, times one", _of("firing", "postgresql", "two daemons, times one"), 1.5, "", True),
    *(
        Bar(f"{what}, times {PEERS[peer]}", _of("peers", "postgresql", f"{what}, times {peer}"),
            5 if peer == "apscheduler" else 10, "", True)
        for what in ("smallest transitions", "renewals")
        for peer in PEERS
    ),
    Bar("rate lost from 10,000 to 1,000,000 subscriptions on PostgreSQL", _fall, 25, " %", False),
    Bar("daemon's memory with 1,000,000", _of("growth", "postgresql, 1,000,000", "daemon's memory, MB"),
        200, " MB", False),
    *(
        Bar(f"due to recorded on {kind}, {part}", _of("punctuality", kind, f"{part} ms"), most, " ms", False)
        for kind in ("PostgreSQL".lower(), "sqlite")
        for part, most in (("p50", 10), ("p99", 50))
    ),
    Bar("the slowest command on PostgreSQL, times plain SQL", _slowest, 6, "", False),
    Bar("ten years of one subscription by the month, nothing to charge",
        _of("travel", "one", "ten years of one, nothing to charge, ms"), 200, " ms", False),
    Bar("… with its 120 charges at the sandbox", _of("travel", "one", "ten years of one, charged, ms"),
        200, " ms", False),
    Bar("`lifecycle --help`", _of("start", "processes", "lifecycle --help, s"), 0.3, " s", False),
    Bar("`import lifecycle`", _of("start", "processes", "import lifecycle, s"), 0.5, " s", False),
)  # fmt: skip


def rendered(results: Results) -> str:
    """The page."""
    return "\n".join(_page(results)) + "\n"


def _page(results: Results) -> Iterator[str]:
    yield from (
        "# Benchmarks",
        "",
        f"Measured on {results.measured_on}: {results.machine}; PostgreSQL and SQLite write durably (`fsync`,",
        "`synchronous=FULL`). Everything is a median of several runs, side by side on one machine; read ratios, for",
        "another machine has other rates. This page is written from `bench/results.json`.",
        "",
        "    make bench                                        # all of it: most of an hour",
        '    make bench ARGS="--only firing,peers --runs 1"    # some of it; --help shows the sections and sizes',
        "    .venv/bin/python -m bench.report                  # write this page anew",
        "",
        "![Renewals and the smallest transitions beside plain SQL and other engines](benchmarks.svg)",
        "",
        "A *renewal* is a full one: a step of the subscription's machine and one of its invoice's, two rows of the log",
        "with their hashes, the deferrals of the next cycle and of its reminder, the invoice with its line and number,",
        "four entries of the ledger, and a message to the gateway: thirteen rows. *Plain SQL* reads and writes the",
        "same rows in batches of 500, handed to the driver ready-made: what the machine can do at most. A *smallest",
        "transition* is that of a machine which falls due once: state, log row with its hash, and its deferral gone.",
        "Peers do one small write for each thing that is due, as their pages recommend; in DBOS, Procrastinate and",
        "harel it commits apart from their own records.",
        "",
        "## What was aimed at",
        "",
        "| figure | aim | measured | reached |",
        "|---|---|---|---|",
        *(bar.row(results) for bar in BARS),
        "",
        "Where the time of a renewal goes, and why the shares that are not reached are not, is in",
        "[architecture](architecture.md#speed).",
        "",
    )
    yield from _firing(results)
    yield from _growth(results)
    for section, title in (("commands", "Commands"), ("punctuality", "Punctuality")):
        yield from _beside(results, section, title)
    yield from _travel(results)
    yield from _list("Start", {name: spread.median for name, spread in results.figures["start"]["processes"].items()})


def _firing(results: Results) -> Iterator[str]:
    plain = {kind: median_of(results, "firing", kind, "the same in plain SQL") for kind in ("postgresql", "sqlite")}
    yield from ("## Firing", "", "Rates as shares of plain SQL on the same database.", "", "| | PostgreSQL | SQLite |")
    yield "|---|---|---|"
    one = {kind: median_of(results, "firing", kind, "share of plain SQL") for kind in plain}
    steps = {kind: median_of(results, "firing", kind, "stepped by python-statemachine") for kind in plain}
    two = median_of(results, "firing", "postgresql", "two daemons, times one")
    charged = {kind: median_of(results, "charging", kind, "renewed and charged, a second") for kind in plain}
    first, second = plain
    yield f"| one daemon | {one[first]:.2f} | {one[second]:.2f} |"
    yield f"| two daemons | {one[first] * two:.2f} | |"
    stepped = " | ".join(f"{one[kind] * steps[kind]:.2f}" for kind in plain)
    yield f"| one, stepped by python-statemachine | {stepped} |"
    until_paid = " | ".join(f"{charged[kind] / plain[kind]:.3f}" for kind in plain)
    yield f"| one, until the sandbox has charged them too | {until_paid} |"
    for figure in ("daemon's µs a renewal", "server's µs a renewal", "daemon's memory, MB"):
        cells = (shown(median_of(results, "firing", kind, figure)) for kind in plain)
        told = figure.replace("µs", "processor time, µs") if "µs" in figure else figure
        yield f"| {told} | {' | '.join(cells)} |"
    yield from ("", "| beside peers on PostgreSQL | renewals | smallest transitions |", "|---|---|---|")
    for peer, name in PEERS.items():
        ratios = (f"{what}, times {peer}" for what in ("renewals", "smallest transitions"))
        cells = (f"{median_of(results, 'peers', 'postgresql', ratio):.1f} ×" for ratio in ratios)
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _growth(results: Results) -> Iterator[str]:
    figures = results.figures["growth"]
    yield from ("## Growth", "", "Renewals, among so many subscriptions; the rate with 10,000 is 1.", "")
    yield "| subscriptions | PostgreSQL | daemon, MB | ready after, s | SQLite | daemon, MB | ready after, s |"
    yield "|---|---|---|---|---|---|---|"
    totals = list(dict.fromkeys(what.partition(", ")[2] for what in figures))
    for total in totals:
        cells = [total]
        for kind in ("postgresql", "sqlite"):
            here, first = figures[f"{kind}, {total}"], figures[f"{kind}, {totals[0]}"]
            cells.append(f"{here['renewals a second'].median / first['renewals a second'].median:.2f}")
            cells += [shown(here[name].median) for name in ("daemon's memory, MB", "daemon ready after, s")]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _beside(results: Results, section: str, title: str) -> Iterator[str]:
    postgresql, sqlite = (results.figures[section][kind] for kind in ("postgresql", "sqlite"))
    yield from (f"## {title}", "", "| | PostgreSQL | SQLite |", "|---|---|---|")
    for name, spread in postgresql.items():
        yield f"| {name} | {shown(spread.median)} | {shown(sqlite[name].median)} |"
    yield ""


def _travel(results: Results) -> Iterator[str]:
    figures = results.figures["travel"]
    rows = {name: spread.median for name, spread in figures["one"].items()}
    for number in figures.keys() - {"one"}:
        name = f"a year of {number}, charged, in strides of a day: transitions a second"
        rows[name] = figures[number]["a year of many: transitions a second"].median
    yield from _list("Travel", rows)


def _list(title: str, rows: Mapping[str, float]) -> Iterator[str]:
    yield from (f"## {title}", "", "| | median |", "|---|---|")
    yield from (f"| {name} | {shown(median)} |" for name, median in rows.items())
    yield ""


# The picture

WIDTH, LABEL, ROW, BAR = 760, 270, 26, 400
OURS, THEIRS = "#2563eb", "#94a3b8"


def pictured(results: Results) -> str:
    """Two sets of bars, each to a scale of its own."""
    share = median_of(results, "firing", "postgresql", "share of plain SQL")
    two = share * median_of(results, "firing", "postgresql", "two daemons, times one")
    small = median_of(results, "peers", "postgresql", "smallest transitions a second")
    full = median_of(results, "peers", "postgresql", "renewals a second")
    ours = [("plain SQL, the same rows", 1.0, THEIRS), ("two daemons", two, OURS), ("one daemon", share, OURS)]
    peers = [
        (name, 1 / median_of(results, "peers", "postgresql", f"smallest transitions, times {peer}"), THEIRS)
        for peer, name in PEERS.items()
    ]
    beside = [("our smallest transitions", 1.0, OURS), ("our renewals, thirteen rows each", full / small, OURS), *peers]
    groups = [("Renewals on PostgreSQL, plain SQL = 1", ours), ("Beside one small write by peers, ours = 1", beside)]
    lines, y = list[str](), 34
    for title, bars in groups:
        lines.append(f'<text x="16" y="{y}" font-weight="600">{escape(title)}</text>')
        y += 14
        for name, value, colour in bars:
            width = max(2.0, BAR * value / max(one for _, one, _ in bars))
            lines.append(f'<text x="{LABEL - 10}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
            lines.append(f'<rect x="{LABEL}" y="{y + 2}" width="{width:.0f}" height="16" rx="2" fill="{colour}"/>')
            lines.append(f'<text x="{LABEL + width + 8:.0f}" y="{y + 14}">{value:.2f}</text>')
            y += ROW
        y += 30
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}"'
    style = 'font-family="system-ui, sans-serif" font-size="13" fill="#0f172a"'
    ground = f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>'
    machine = f'<text x="16" y="{y - 10}" font-size="11" fill="#64748b">{escape(results.machine)}</text>'
    return "\n".join([f"{head} {style}>", ground, *lines, machine, "</svg>"]) + "\n"


def main() -> None:
    """Write both."""
    results = read()
    (DOCS / "benchmarks.md").write_text(rendered(results), encoding="utf-8")
    (DOCS / "benchmarks.svg").write_text(pictured(results), encoding="utf-8")


if __name__ == "__main__":
    main()
