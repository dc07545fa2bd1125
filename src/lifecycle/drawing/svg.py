"""What both pictures in SVG share: text that can't break out, its width, and colours for light and dark."""

from __future__ import annotations

import re
import unicodedata
from xml.sax.saxutils import escape, quoteattr

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)
FONT = 12.5
COLUMN = FONT * 0.602
"""The width of one letter of the fixed-width font."""
COLOURS = ("#93c5fd", "#86efac", "#fde68a", "#fdba74", "#c4b5fd", "#f9a8d4", "#a5f3fc", "#d9f99d")
STYLE = """
  :root { --paper: #ffffff; --ink: #1f2937; --faint: #6b7280; --rule: #d1d5db; --lit: #b45309; --now: #dc2626 }
  @media (prefers-color-scheme: dark) {
    :root { --paper: #111827; --ink: #e5e7eb; --faint: #9ca3af; --rule: #374151; --lit: #fbbf24; --now: #f87171 }
  }
  text { font: 12.5px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: var(--ink) }
  .title { font-size: 17px; font-weight: bold } .faint { fill: var(--faint) } .dark { fill: #111827 }
  .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round }
  .line { stroke: var(--ink); stroke-width: 1.3; fill: none } .rule { stroke: var(--rule); stroke-width: 1 }
  .now { stroke: var(--now); stroke-width: 2 } .lit { stroke: var(--lit); stroke-width: 4 }
"""


def document(width: float, height: float, title: str, parts: list[str]) -> str:
    """The picture: self-contained, with its title for who can't see it."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" aria-label={quoteattr(clean(title))}>',
            f"<title>{escape(clean(title))}</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="var(--paper)"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> str:
    """A line of text, whatever is in it."""
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} class="{kind}" xml:space="preserve">{escape(clean(words))}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str = "rule", more: str = "") -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"{more}/>'


def box(x: float, y: float, width: float, height: float, *, fill: str, more: str = "") -> str:
    """A rectangle with round corners."""
    size = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}"'
    return f'<rect {size} rx="5" fill="{fill}"{more}/>'


def wide(words: str) -> float:
    """How wide a line of text is."""
    return COLUMN * sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in clean(words))


def clean(words: str) -> str:
    """Without what XML forbids, and what would turn the direction of writing."""
    return _FORBIDDEN.sub("\ufffd", words)
