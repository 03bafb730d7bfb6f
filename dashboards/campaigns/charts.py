"""The report's charts: SVG without text, stretched to the page's width; what they say stands beside them in words.

Colours come from classes (`s-delivered`), lengths from attributes: a strict content policy lets both through. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dashboards.campaigns.figures import Course
from dashboards.campaigns.markup import Markup, tag

_HEIGHT = 100.0
_GAP = 0.15  # of a step, between bars


def bar(parts: Sequence[tuple[str, float]], label: str) -> Markup:
    """One bar of parts on end. `parts`: series and share in [0, 1]; what goes beyond 1 is cut off."""
    pieces, at = [], 0.0
    for series, share in parts:
        width = max(0.0, min(share, 1.0 - at))
        if width:
            pieces.append(_rect(series, 100 * at, 0, 100 * width, 10))
        at += width
    return _picture(pieces, "0 0 100 10", "bar", label)


def columns(course: Course, series: Sequence[str], label: str) -> Markup:
    """Columns over time, one for each step, the series on top of each other."""
    step_ms = course.bucket_s * 1000
    first, last = course.points[0]["time"], course.points[-1]["time"]
    most = highest(course, series) or 1
    pieces = []
    for point in course.points:
        x, top = (point["time"] - first) / step_ms, _HEIGHT
        for name in series:
            if point[name]:
                height = _HEIGHT * point[name] / most
                top -= height
                pieces.append(_rect(name, x + _GAP / 2, top, 1 - _GAP, height))
    steps = (last - first) // step_ms + 1
    return _picture(pieces, f"0 0 {max(steps, 12)} {_HEIGHT:g}", "columns", label)


def highest(course: Course, series: Sequence[str]) -> int:
    """The most that the series come to in a step."""
    return max((_sum(point, series) for point in course.points), default=0)


def _sum(point: Mapping[str, int], series: Sequence[str]) -> int:
    return sum(point[name] for name in series)


def _rect(series: str, x: float, y: float, width: float, height: float) -> Markup:
    place = {"x": f"{x:.3f}", "y": f"{y:.3f}", "width": f"{width:.3f}", "height": f"{height:.3f}"}
    return tag("rect", class_=f"s-{series}", **place)


def _picture(pieces: Sequence[Markup], view_box: str, kind: str, label: str) -> Markup:
    said = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}  # a key of colours says nothing
    return tag("svg", *pieces, class_=kind, viewBox=view_box, preserveAspectRatio="none", **said)
