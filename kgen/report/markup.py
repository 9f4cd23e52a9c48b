"""HTML and SVG whose text is escaped unless it was made here."""

from html import escape

_VOID = ("img", "input", "wbr")


class Markup(str):
    """Text that is HTML already."""


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """Gives an element.

    Args:
        name: of the element.
        children: `Markup` is taken as it is, anything else as text; None is left out.
        attributes: `class_` stands for class and `aria_label` for aria-label. True gives an attribute
            without a value; None and False leave it out.

    >>> tag("p", "1 < 2 ", tag("b", "yes"), class_="note")
    '<p class="note">1 &lt; 2 <b>yes</b></p>'
    """
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(*children)}</{name}>")


def join(*parts: object) -> Markup:
    """Puts parts one after the other, each escaped unless it is `Markup`; None is left out.

    >>> join("a & b", tag("wbr"), None)
    'a &amp; b<wbr>'
    """
    written = (
        part if isinstance(part, Markup) else escape(str(part)) for part in parts if part is not None
    )
    return Markup("".join(written))


def _attribute(key: str, value: object) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
