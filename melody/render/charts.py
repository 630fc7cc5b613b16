"""Small charts as SVG text, drawn by hand: lines and bars. Their colours are the classes of a page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

MARGIN = (44, 10, 10, 34)  # left, right, top, bottom
TICKS = 5
COLOURS = 8  # classes s0.. and f0.. of the style sheet
LETTER = 6.4  # pixels a letter of the legend takes, about

Points = Sequence[tuple[float, float]]


def text(value: object) -> str:
    """Any text, escaped; characters that cannot be seen are left out, and so is what no UTF-8 file can hold."""
    plain = "".join(c for c in str(value) if c.isprintable())
    return escape(plain.encode("utf-8", "ignore").decode())


def number(value: object) -> str:
    """A value as it is read: three digits behind the point, thousands apart, a dash for None."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers between ``low`` and ``high``, about ``count`` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def lines(
    series: Mapping[str, Points],
    title: str,
    *,
    x: str = "",
    size: tuple[int, int] = (480, 230),
    span: tuple[float, float] | None = None,
    log: bool = False,
    dots: bool = False,
    ideal: bool = False,
) -> str:
    """Curves over a common axis. ``span``: lowest and highest y; ``log``: powers of ten; ``ideal``: the diagonal.

    Points that are not finite (and on a log axis those not above 0) are left out.
    """
    kept = {k: [(a, b) for a, b in v if math.isfinite(a) and math.isfinite(b) and (b > 0 or not log)] for k, v in series.items()}
    every = [p for v in kept.values() for p in v]
    if not every:
        return ""
    left, right = min(p[0] for p in every), max(p[0] for p in every)
    low, high = span or (min(p[1] for p in every), max(p[1] for p in every))
    if log:
        low, high = math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1)
    elif span is None:
        room = 0.05 * (high - low) or 0.5
        low, high = low - room, high + room
    if ideal:
        left, right = low, high
    at = _Scale(size, (left, right), (low, high))
    marks = [float(i) for i in range(int(low), int(high) + 1)] if log else ticks(low, high)
    parts = [_frame(at, size, title, x), _y_axis(at, size, marks, log)]
    parts += [f'<text x="{at.x(t):.1f}" y="{size[1] - 19}" text-anchor="middle">{_short(t)}</text>' for t in ticks(left, right)]
    if ideal:
        parts.append(f'<path class="ideal" d="M{at.x(left):.1f} {at.y(left):.1f}L{at.x(right):.1f} {at.y(right):.1f}"/>')
    for i, points in enumerate(kept.values()):
        place = [(at.x(a), at.y(math.log10(b) if log else b)) for a, b in points]
        if not place:
            continue
        parts.append(f'<path class="curve s{i % COLOURS}" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in place)}"/>')
        if dots or len(place) == 1:
            parts += [f'<circle class="f{i % COLOURS}" cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in place]
    return _svg(size, [*parts, _legend(list(series), size)])


def bars(labels: Sequence[str], series: Mapping[str, Sequence[float | None]], title: str, *, size: tuple[int, int] = (480, 200)) -> str:
    """Groups of bars from 0 up, one group a label; values that are None are left out."""
    known = [v for values in series.values() for v in values if v is not None]
    if not known or not labels:
        return ""
    at = _Scale(size, (0, len(labels)), (0, max(*known, 1e-9) * 1.05))
    parts = [_frame(at, size, title, ""), _y_axis(at, size, ticks(*at.ys), False)]
    every = -(-len(labels) * 30 // (size[0] - MARGIN[0] - MARGIN[1]))  # labels that stand in each other's way are not written
    named = [(at.x(i + 0.5), n) for i, n in enumerate(labels) if i % every == 0]
    parts += [f'<text x="{x:.1f}" y="{size[1] - 19}" text-anchor="middle">{text(n)}</text>' for x, n in named]
    wide = 0.8 / len(series)
    for s, (name, values) in enumerate(series.items()):
        for i, value in enumerate(values):
            if value is None:
                continue
            x, y = at.x(i + 0.1 + s * wide), at.y(value)
            shape = f'x="{x:.1f}" y="{y:.1f}" width="{at.x(wide) - at.x(0):.1f}" height="{at.y(0) - y:.1f}"'
            parts.append(f'<rect class="f{s % COLOURS}" {shape}><title>{text(f"{name}, {labels[i]}: {value:.3f}")}</title></rect>')
    return _svg(size, [*parts, _legend(list(series), size)])


def points(clouds: Mapping[str, Points], title: str, *, x: str = "", size: tuple[int, int] = (480, 300)) -> str:
    """Clouds of points over common axes, one colour each."""
    every = [p for cloud in clouds.values() for p in cloud]
    if not every:
        return ""
    spans = [_widened(min(p[axis] for p in every), max(p[axis] for p in every)) for axis in (0, 1)]
    at = _Scale(size, spans[0], spans[1])
    parts = [_frame(at, size, title, x), _y_axis(at, size, ticks(*spans[1]), False)]
    parts += [f'<text x="{at.x(t):.1f}" y="{size[1] - 19}" text-anchor="middle">{_short(t)}</text>' for t in ticks(*spans[0])]
    for i, cloud in enumerate(clouds.values()):
        dots = "".join(f'<circle cx="{at.x(a):.1f}" cy="{at.y(b):.1f}" r="3"/>' for a, b in cloud)
        parts.append(f'<g class="f{i % COLOURS}" opacity=".55">{dots}</g>')
    return _svg(size, [*parts, _legend(list(clouds), size)])


def _widened(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def deviations(values: Mapping[str, float], title: str, *, farthest: float, width: int = 1000) -> str:
    """A bar a line to the left or the right of 0, with its label; what lies farther off than ``farthest`` ends there."""
    if not values:
        return ""
    row, top, middle = 20, 22, width * 4 // 5
    per = (width - middle - MARGIN[1]) / farthest
    height = top + row * len(values) + 6
    parts = [f'<text x="0" y="12" style="font-weight:600">{text(title)}</text>', f'<path class="axis" d="M{middle} {top}V{height}"/>']
    for i, (label, value) in enumerate(values.items()):
        long, y = per * min(abs(value), farthest), top + row * i
        left = middle - long if value < 0 else middle
        parts.append(f'<rect class="f{int(value < 0)}" x="{left:.1f}" y="{y + 3}" width="{long:.1f}" height="{row - 6}"/>')
        edge = middle - (width - middle - MARGIN[1]) - 6
        parts.append(f'<text x="{edge:.0f}" y="{y + 14}" text-anchor="end">{text(label)}</text>')
    return _svg((width, height), parts)


class _Scale:
    """From values to pixels."""

    def __init__(self, size: tuple[int, int], xs: tuple[float, float], ys: tuple[float, float]) -> None:
        self.xs, self.ys = xs, ys
        left, right, top, bottom = MARGIN
        self._x = left, (size[0] - left - right) / ((xs[1] - xs[0]) or 1)
        self._y = size[1] - bottom, (size[1] - top - bottom - 32) / ((ys[1] - ys[0]) or 1)

    def x(self, value: float) -> float:
        return self._x[0] + (value - self.xs[0]) * self._x[1]

    def y(self, value: float) -> float:
        return self._y[0] - (min(max(value, self.ys[0]), self.ys[1]) - self.ys[0]) * self._y[1]


def _svg(size: tuple[int, int], parts: list[str]) -> str:
    shape = f'viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}"'
    return f'<figure><svg xmlns="http://www.w3.org/2000/svg" {shape} role="img">{"".join(parts)}</svg></figure>'


def _frame(at: _Scale, size: tuple[int, int], title: str, x: str) -> str:
    base = at.y(at.ys[0])
    out = f'<text x="0" y="12" style="font-weight:600">{text(title)}</text>'
    out += f'<path class="axis" d="M{MARGIN[0]} {base:.1f}H{size[0] - MARGIN[1]}"/>'
    return out + (f'<text x="{size[0] - MARGIN[1]}" y="{size[1] - 5}" text-anchor="end">{text(x)}</text>' if x else "")


def _y_axis(at: _Scale, size: tuple[int, int], values: list[float], log: bool) -> str:
    out = ""
    for v in values:
        y = at.y(v)
        out += f'<path class="axis" d="M{MARGIN[0]} {y:.1f}H{size[0] - MARGIN[1]}"/>'
        out += f'<text x="{MARGIN[0] - 5}" y="{y + 4:.1f}" text-anchor="end">{_short(10**v if log else v)}</text>'
    return out


def _legend(names: list[str], size: tuple[int, int]) -> str:
    if len(names) < 2:
        return ""
    out, x = "", float(MARGIN[0])
    for i, name in enumerate(names):
        shown = name if len(name) <= 24 else name[:22] + "..."
        if x + 16 + LETTER * len(shown) > size[0]:
            break
        out += f'<rect class="f{i % COLOURS}" x="{x:.0f}" y="20" width="10" height="10"/>'
        out += f'<text x="{x + 14:.0f}" y="29">{text(shown)}</text>'
        x += 26 + LETTER * len(shown)
    return out


def _short(value: float) -> str:
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:g}M"
    if size >= 1e4:
        return f"{value / 1e3:g}k"
    return f"{value:.4g}" if size >= 1e-3 or not size else f"{value:.0e}"
