"""Pictures as `data:` addresses, small enough for fifty of them in a page."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kgen.errors import UserError
from kgen.report.markup import Markup, tag

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_BYTES = 131_072  # of a picture at most: fifty, in base64, are less than 9 MB
_NARROW = 320  # pixels of a picture that is shown at twice its size
_SIDE = 800  # pixels of a picture that is not kept as it is
_QUALITY = 85  # of WebP
_EPOCHS = 50  # pictures of samples that a page holds of one run


def image(file: Path, alt: str, **attributes: object) -> Markup:
    """Gives an `img` with the picture inside.

    A PNG of at most 128 KiB keeps every pixel; another picture becomes WebP of at most 800 x 800
    pixels, fewer where it would be larger than that.
    One narrower than 320 pixels is shown at twice its size.
    Raises UserError where the file is no picture, or damaged.
    """
    from PIL import Image

    try:
        content = file.read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()  # reads it through: a damaged file is found here
            kind, (width, height) = "png", picture.size
            if picture.format != "PNG" or len(content) > _BYTES:
                kind, content = "webp", _webp(picture)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{file} is no picture, or a damaged one ({error}): remove it") from error
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    scale = 2 if width <= _NARROW else 1
    size = {"width": scale * width, "height": scale * height}
    return tag("img", src=source, alt=alt, class_="pixels" if scale > 1 else None, **size, **attributes)


def spread_epochs(samples: Mapping[int, Path]) -> dict[int, Path]:
    """Gives at most 50 of the pictures, evenly spaced, the first and the last among them.

    >>> list(spread_epochs({epoch: Path() for epoch in range(1, 100)}))[:3]
    [1, 3, 5]
    """
    epochs = sorted(samples)
    if len(epochs) > _EPOCHS:
        epochs = [epochs[round(i * (len(epochs) - 1) / (_EPOCHS - 1))] for i in range(_EPOCHS)]
    return {epoch: samples[epoch] for epoch in epochs}


def _webp(picture: "Picture") -> bytes:
    picture = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    side, content = _SIDE, b""
    while not content or len(content) > _BYTES:
        picture.thumbnail((side, side))
        out = io.BytesIO()
        picture.save(out, format="WEBP", quality=_QUALITY, method=2)
        content, side = out.getvalue(), side * 2 // 3
    return content
