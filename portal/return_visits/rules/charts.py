"""Charts as plain SVG, drawn on the server: sizes are attributes, colours are classes. Pure (R040).

The plot is 100 by 100 and stretches; every label is HTML beside it, so that text never shrinks on a phone.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

TOP = 100.0
GRID = (0, 25, 50, 75)
WIDEST = 12.0
_FRAME = Markup(
    '<svg class="plot" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{}{}</svg>'
)
_LEVEL = Markup('<line class="{}" x1="0" x2="100" y1="{}" y2="{}"/>')
_UPRIGHT = Markup('<line class="now" x1="{}" x2="{}" y1="0" y2="100"/>')
_PATH = Markup('<path class="{}" d="{}"/>')
_RECT = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>')

Point = tuple[float, float]
"""(place from the left, value from the base), both as shares from 0 to 1."""


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _at(point: Point) -> str:
    across, high = point
    kept = min(max(high, 0.0), 1.0)
    return f"{_number(across * TOP)} {_number(TOP - kept * TOP)}"


def _line(points: Sequence[Point]) -> str:
    return "M" + " L".join(_at(each) for each in points)


def _plot(inner: Iterable[Markup]) -> Markup:
    grid = Markup("").join(_LEVEL.format("grid", level, level) for level in GRID)
    base = _LEVEL.format("base", 100, 100)
    return _FRAME.format(grid, Markup("").join([*inner, base]))


def burn_up(
    done: Sequence[Point], pace: Sequence[Point], forecast: Sequence[Point] = (), now: float | None = None
) -> Markup:
    """What is done, over the pace that is needed; `forecast` goes on from today, `now` is today's place."""
    parts: list[Markup] = []
    if len(done) > 1:
        under = f"{_line(done)} L{_at((done[-1][0], 0))} L{_at((done[0][0], 0))} Z"
        parts.append(_PATH.format("area", under))
    if len(pace) > 1:
        parts.append(_PATH.format("l2", _line(pace)))
    if len(forecast) > 1:
        parts.append(_PATH.format("l3", _line(forecast)))
    if len(done) > 1:
        parts.append(_PATH.format("l1", _line(done)))
    if now is not None:
        place = _number(min(max(now, 0.0), 1.0) * TOP)
        parts.append(_UPRIGHT.format(place, place))
    return _plot(parts)


def columns(
    stacks: Sequence[Sequence[float]], classes: Sequence[str], top: float, gap: float = 0.5
) -> Markup:
    """Columns of stacked values; `classes` colour them from the base up; `top` is the value at the upper edge."""
    if not stacks or top <= 0:
        return _plot([])
    place = TOP / len(stacks)
    width = min(place * (1 - gap), WIDEST)
    parts: list[Markup] = []
    for number, stack in enumerate(stacks):
        left, base = number * place + (place - width) / 2, TOP
        for value, css in zip(stack, classes, strict=True):
            high = TOP * value / top
            base -= high
            if high > 0:
                size = (_number(left), _number(base), _number(width), _number(max(high - 0.5, 0.2)))
                parts.append(_RECT.format(css, *size))
    return _plot(parts)


def scale_top(values: Iterable[float], steps: Sequence[int] = (4, 8, 12, 20, 40, 60, 80, 100)) -> int:
    """The least of the steps that all values (in per cent) fit under: an axis that divides by four."""
    most = max(values, default=0.0)
    return next((step for step in steps if most <= step), steps[-1])
