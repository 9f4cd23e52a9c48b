"""The templates of the page: what they are given is text, unless one of them made it."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kgen.metrics.card import format_value
from kgen.report.images import image


def spread(items: Iterable[Any], most: int) -> list[Any]:
    """Gives at most `most` of the items, evenly spaced, the first and the last among them.

    >>> spread(range(1, 100), 50)[:3]
    [1, 3, 5]
    """
    items = list(items)
    if len(items) <= most:
        return items
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def digest(text: str) -> str:
    """Gives what a Content-Security-Policy calls this style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
"""The `.html` files beside this one."""
TEMPLATES.filters |= {"digest": digest, "image": image, "number": format_value, "spread": spread}
