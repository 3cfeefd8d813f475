"""The name that a download is saved under."""

from typing import Literal
from urllib.parse import quote

from flask import Response


def name_download(
    response: Response, name: str, kind: Literal["attachment", "inline"] = "attachment"
) -> Response:
    """Set Content-Disposition so that browsers save `name`, Chinese too (RFC 6266, RFC 8187).

    A header holds ASCII: gunicorn refuses anything else. Old programs read the plain `filename`, in which the rest is
    left out.
    """
    plain = "".join(each for each in name if each.isascii() and each.isprintable() and each not in '"\\')
    stem, dot, ending = plain.rpartition(".")
    plain = plain if stem.strip("_- ") else f"download{dot}{ending}"
    value = f'{kind}; filename="{plain}"'
    if plain != name:
        value += f"; filename*=UTF-8''{quote(name, safe='')}"
    response.headers["Content-Disposition"] = value
    return response
