"""Reading the pictures that we draw."""

from __future__ import annotations

from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    """The picture's root; fails for what is not well-formed."""
    return ET.fromstring(svg.encode())  # noqa: S314  # our own, and drawn a moment ago


def texts(svg: str) -> list[str]:
    """Every text in the picture."""
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}text")]
