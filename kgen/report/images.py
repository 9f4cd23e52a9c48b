"""Pictures as `data:` addresses, small enough for fifty of them in a page."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from kgen.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_BYTES = 131_072  # of a picture at most: fifty, in base64, are less than 9 MB
_NARROW = 320  # pixels of a picture that is shown at twice its size
_SIDE = 800  # pixels of a picture that is not kept as it is
_QUALITY = 85  # of WebP


def image(file: Path) -> dict[str, object]:
    """Gives the attributes of an `img` with the picture inside.

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
    return {"src": source, "class": "pixels" if scale > 1 else None, **size}


def _webp(picture: "Picture") -> bytes:
    picture = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
    side, content = _SIDE, b""
    while not content or len(content) > _BYTES:
        picture.thumbnail((side, side))
        out = io.BytesIO()
        picture.save(out, format="WEBP", quality=_QUALITY, method=2)
        content, side = out.getvalue(), side * 2 // 3
    return content
