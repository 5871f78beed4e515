"""The table's main rows as a bar chart, an SVG text: nanoseconds per event, three modules with two fields each."""

BARS = [
    ("by hand, direct", "floor_direct/3", "#9aa5b1"), ("framework, writer form, functions", "direct_function/3", "#2f6f4f"),
    ("framework, writer form, coroutines", "direct/3", "#2f6f4f"), ("by hand, objects in an arena", "floor_object_in_arena/3", "#9aa5b1"),
    ("framework, objects in the arena", "object_in_arena/3", "#2f6f4f"), ("framework, objects on the heap", "object/3", "#2f6f4f"),
    ("std::function + DOM", "function_dom/3", "#b3541e"), ("asio::awaitable + DOM", "asio_dom/3", "#b3541e"),
    ("framework, writer form, suspending", "direct_suspending/3", "#2f6f4f"), ("asio::awaitable + DOM, suspending", "asio_dom_suspending/3", "#b3541e"),
]
ROW, LABELS, WIDTH, TOP = 26, 260, 820, 40


def svg(run):
    longest = max(run.ns(name) for _, name, _ in BARS)
    scale = (WIDTH - LABELS - 80) / longest
    height = TOP + ROW * len(BARS) + 10
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="13">' % (WIDTH, height),
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="10" y="22" font-weight="bold">From an event to a client\'s bytes: ns per event, 3 modules with 2 fields each</text>']
    for index, (label, name, colour) in enumerate(BARS):
        top = TOP + ROW * index
        length = max(1.0, run.ns(name) * scale)
        parts.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LABELS - 10, top + 16, label))
        parts.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (LABELS, top + 3, length, ROW - 8, colour))
        parts.append('<text x="%.1f" y="%d">%.0f</text>' % (LABELS + length + 6, top + 16, run.ns(name)))
    return "\n".join(parts + ["</svg>"]) + "\n"
