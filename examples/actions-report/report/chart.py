"""A bar chart as SVG: no script, no font and no picture from elsewhere."""

from html import escape

from report.table import Group

WIDTH, ROW, TOP, LABELS, FIGURES = 720, 26, 44, 190, 110
_NAME_CHARS_MAX = 24
_INK, _BAR, _BELOW = "#1f2933", "#3b7a9e", "#b3542e"


def chart_of(title: str, groups: list[Group]) -> str:
    """The groups as horizontal bars, the first on top; negative sums in another colour."""
    height = TOP + ROW * len(groups) + 12
    longest = max((abs(group.sum) for group in groups), default=0) or 1
    room = WIDTH - LABELS - FIGURES
    bars = [
        _bar(TOP + ROW * place, group, float(abs(group.sum) / longest) * room)
        for place, group in enumerate(groups)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img" font-family="sans-serif"'
            f' font-size="13" fill="{_INK}">',
            f"<title>{escape(title)}</title>",
            f'<text x="0" y="24" font-size="17" font-weight="600">{escape(title)}</text>',
            *bars,
            "</svg>\n",
        ]
    )


def figure(number: object) -> str:
    """A number as people read it."""
    return f"{float(str(number)):,.2f}".removesuffix(".00")


def _bar(top: int, group: Group, length: float) -> str:
    name = group.name if len(group.name) <= _NAME_CHARS_MAX else group.name[:_NAME_CHARS_MAX] + "…"
    colour = _BAR if group.sum >= 0 else _BELOW
    middle = top + ROW // 2 + 4
    return (
        f'<text x="{LABELS - 10}" y="{middle}" text-anchor="end">{escape(name or "(empty)")}</text>'
        f'<rect x="{LABELS}" y="{top + 4}" width="{max(length, 1):.1f}" height="{ROW - 8}" rx="3"'
        f' fill="{colour}"/>'
        f'<text x="{LABELS + max(length, 1) + 8:.1f}" y="{middle}">{figure(group.sum)}</text>'
    )
