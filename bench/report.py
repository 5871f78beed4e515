"""What the benchmarks mean: every cost as a multiple of its floor in the same run, the goals, the table and its JSON."""

# name, floor, what it says
ROWS = [
    ("direct/0", "floor_direct/0", "no module: an event's bytes with the host's own age"),
    *[("direct/%d" % n, "floor_direct/%d" % n, "whole hook, writer form, %d coroutines" % n) for n in (1, 3, 8)],
    *[("direct_function/%d" % n, "floor_direct/%d" % n, "whole hook, writer form, %d functions" % n) for n in (1, 3, 8)],
    *[("direct_one_by_one/%d" % n, "floor_direct/%d" % n, "the same, each field added alone, %d functions" % n) for n in (1, 3, 8)],
    *[("once_per_event/%d" % n, "floor_direct/%d" % n, "remembered fields of %d modules, copied" % n) for n in (1, 3, 8)],
    *[("object_in_arena/%d" % n, "floor_object_in_arena/%d" % n, "whole hook, objects in the arena, %d coroutines" % n) for n in (1, 3, 8)],
    *[("object/%d" % n, "floor_object/%d" % n, "whole hook, objects on the heap, %d coroutines" % n) for n in (1, 3, 8)],
    *[("uninterested/%d" % n, "direct/0", "%d modules whose interest can't match" % n) for n in (1, 3, 8)],
    *[("asio_dom/%d" % n, "direct/%d" % n, "`asio::awaitable` + DOM, %d modules" % n) for n in (0, 1, 3, 8)],
    *[("function_dom/%d" % n, "direct/%d" % n, "`std::function` + DOM, %d modules" % n) for n in (0, 1, 3, 8)],
    *[("direct_suspending/%d" % n, "asio_dom_suspending/%d" % n, "writer form, %d coroutines that suspend once" % n) for n in (1, 3, 8)],
    *[("object_suspending/%d" % n, "asio_dom_suspending/%d" % n, "objects, %d coroutines that suspend once" % n) for n in (1, 3, 8)],
    *[("dispatch_batch/function/%d" % n, "indirect_call/%d" % n, "dispatch alone, batch, %d functions" % n) for n in (1, 3, 8)],
    *[("dispatch_batch/coroutine/%d" % n, "indirect_call/%d" % n, "dispatch alone, batch, %d coroutines" % n) for n in (1, 3, 8)],
    *[("dispatch_call/function/%d" % n, "indirect_call/%d" % n, "dispatch alone, one call, %d functions" % n) for n in (1, 3, 8)],
    *[("dispatch_call/coroutine/%d" % n, "indirect_call/%d" % n, "dispatch alone, one call, %d coroutines" % n) for n in (1, 3, 8)],
    ("dispatch_limited/function/8", "dispatch_call/function/8", "the same, each with every limit but a share, 8 functions"),
    ("dispatch_limited/coroutine/8", "dispatch_call/coroutine/8", "the same, each with every limit but a share, 8 coroutines"),
    *[("host_response/%d" % n, "direct/%d" % n, "the reference homeserver's response path, %d modules, versus the bare writer" % n) for n in (0, 3)],
    ("decision/noted", "decision/logged", "a module's denial, logged and noted"),
    ("cached/hit", "flat_map_find", "cached coroutine function, hit"),
    ("cached/miss", "flat_map_find", "cached coroutine function, miss and run"),
    ("suspend_and_resume", "asio_post", "suspend and resume through the executor"),
    ("asio_awaitable_post", "asio_post", "the same with `asio::awaitable`"),
    ("single_flight/1000", "single_flight/100", "single flight, per waiter, 1,000 waiters"),
    ("single_flight/10000", "single_flight/100", "single flight, per waiter, 10,000 waiters"),
]

# What README.md shows of them.
SELECTION = ["direct/0", "direct/3", "object_in_arena/3", "asio_dom/3", "cached/hit"]

GROWTH_EVENTS = (1, 10, 100, 1000, 10000, 100000)
GROWTH_MODULES = (1, 2, 4, 8, 16, 32, 64)

# What instruction counts are taken of: those that a change may make worse without anybody seeing it.
INSTRUCTIONS = [
    "direct/0", "direct/3", "direct_function/3", "once_per_event/3", "direct_suspending/3", "object_in_arena/3", "object/3",
    "uninterested/8",
    "floor_direct/0", "floor_direct/3", "floor_object_in_arena/3", "asio_dom/3", "function_dom/3", "dispatch_batch/function/8",
    "dispatch_batch/coroutine/8", "dispatch_call/function/8", "dispatch_call/coroutine/8", "dispatch_limited/function/8", "dispatch_limited/coroutine/8",
    "indirect_call/8", "accounting", "cached/hit", "flat_map_find", "suspend_and_resume",
]
WITHOUT_ALLOCATIONS = ["direct/0", "once_per_event/3", "direct/1", "direct/3", "direct/8", "direct_function/3", "direct_suspending/3", "object_in_arena/3",
                       "object_in_arena/8", "dispatch_batch/coroutine/8", "dispatch_call/coroutine/8", "dispatch_limited/coroutine/8", "cached/hit", "suspend_and_resume"]


class Run:
    """The medians of one run of the benchmarks, by name, and instructions per turn where they were counted."""

    def __init__(self, times, instructions):
        medians = [entry for entry in times["benchmarks"] if entry.get("aggregate_name") == "median"]
        self.medians = {entry["run_name"]: entry for entry in medians}
        self.instructions = instructions

    def ns(self, name):
        return self.medians[name]["cpu_time"]

    def real_ns(self, name):
        """By the clock on the wall: of what waits."""
        return self.medians[name]["real_time"]

    def allocations(self, name):
        return self.medians[name]["allocations"]

    def ratio(self, name, floor):
        return self.ns(name) / self.ns(floor)

    def workers_processor_ratio(self):
        """The same if each worker had a core for itself: by processor time, whatever else the machine does."""
        spent = [entry["cpu_time"] for name, entry in sorted(self.medians.items()) if name.startswith("workers/")]
        return 2 * spent[0] / spent[1]

    def workers_ratio(self):
        rates = [entry["events"] for name, entry in sorted(self.medians.items()) if name.startswith("workers/")]
        return rates[1] / rates[0]


def goals(run):
    """What must be reached: text, the measured figure, the limit, whether more is better."""

    def slope(name, few, many):
        return (run.ns("%s/%d" % (name, many)) - run.ns("%s/%d" % (name, few))) / (many - few)

    per_call = run.ns("indirect_call/8") / 8
    events = [run.ns("growth/events/%d" % n) for n in GROWTH_EVENTS]
    modules = [slope("growth/modules", few, many) for few, many in zip(GROWTH_MODULES[2:], GROWTH_MODULES[3:])]
    return [
        ("whole hook, 3 functions × 2 fields, writer form, first recipient, versus the hand-written floor", run.ratio("direct_function/3", "floor_direct/3"), 1.3, False),
        ("the same, 3 ready coroutines", run.ratio("direct/3", "floor_direct/3"), 1.6, False),
        ("3 modules × 2 fields, once_per_event, further recipients, versus the floor that writes them each time",
         run.ratio("once_per_event/3", "floor_direct/3"), 0.8, False),
        ("3 modules that wait 1 ms each, 100 recipients one after the other: times faster with once_per_event",
         run.real_ns("waiting/each_time") / run.real_ns("waiting/once"), 50, True),
        ("0 modules, instructions, versus those of the floor", run.instructions["direct/0"] / run.instructions["floor_direct/0"], 1.1, False),
        ("the same in object form (in the arena) versus building and serializing the same objects by hand in an arena",
         run.ratio("object_in_arena/3", "floor_object_in_arena/3"), 1.3, False),
        ("writer form versus `asio::awaitable` + DOM: times faster", run.ratio("asio_dom/3", "direct/3"), 8, True),
        ("dispatch alone, per ready coroutine hook, versus an indirect call", run.ns("dispatch_batch/coroutine/8") / 8 / per_call, 4, False),
        ("dispatch alone, per ready function hook, versus an indirect call", run.ns("dispatch_batch/function/8") / 8 / per_call, 4, False),
        ("what limits add to a ready function hook: ns", (run.ns("dispatch_limited/function/8") - run.ns("dispatch_call/function/8")) / 8, 30, False),
        ("what limits add to a ready coroutine hook: ns", (run.ns("dispatch_limited/coroutine/8") - run.ns("dispatch_call/coroutine/8")) / 8, 30, False),
        ("what noting a decision adds to its line of the log: ns", run.ns("decision/noted") - run.ns("decision/logged"), 200, False),
        ("heap allocations per event, writer form, 8 modules", round(run.allocations("direct/8"), 1), 0, False),
        ("heap allocations per event that the framework adds in object form, 8 modules",
         round(run.allocations("object/8") - run.allocations("floor_object/8"), 1), 0, False),
        ("the reference homeserver's response path, from rows of known events to bytes, versus the bare writer, 100 events, 3 modules",
         run.ratio("host_response/3", "direct/3"), 1.5, False),
        ("0 modules versus writing the bytes with the host's own `age`", run.ratio("direct/0", "floor_direct/0"), 1.1, False),
        ("a hook whose interest can't match: ns", slope("uninterested", 1, 8), 1, False),
        ("cached hit versus `boost::unordered_flat_map::find` with the same key", run.ratio("cached/hit", "flat_map_find"), 1.5, False),
        ("single flight: 10,000 waiters, cost per waiter versus 100 waiters", run.ratio("single_flight/10000", "single_flight/100"), 2, False),
        ("suspend and resume through the executor versus `asio::post` alone", run.ratio("suspend_and_resume", "asio_post"), 1.2, False),
        ("2 workers versus 1, by the clock on the wall", run.workers_ratio(), 1.9, True),
        ("2 workers versus 1, by processor time", run.workers_processor_ratio(), 1.9, True),
        ("cost per event, 10 to 100,000 events per response: largest over smallest", max(events[1:]) / min(events[1:]), 1.1, False),
        ("the same from 1 event on", max(events) / min(events), 1.1, False),
        ("cost of one more module, 4 to 64 modules: largest over smallest", max(modules) / min(modules), 1.1, False),
    ]


def holds(figure, limit, more_is_better):
    return figure >= limit if more_is_better else figure <= limit


def markdown(run):
    lines = ["| goal | measured | limit | |", "|---|---:|---:|---|"]
    for text, figure, limit, more in goals(run):
        lines.append("| %s | %.2f | %s %g | %s |" % (text, figure, "≥" if more else "≤", limit, "held" if holds(figure, limit, more) else "**missed**"))
    lines += ["", "| what | ns | allocations | instructions | versus | ns | ratio |", "|---|---:|---:|---:|---|---:|---:|"]
    for name, floor, text in ROWS:
        count = "%.0f" % run.instructions[name] if name in run.instructions else ""
        lines.append("| %s | %.1f | %.1f | %s | %s | %.1f | %.2f |" % (
            text, run.ns(name), run.allocations(name), count, floor, run.ns(floor), run.ratio(name, floor)))
    lines += ["", "| events per response | %s |" % " | ".join("{:,}".format(n) for n in GROWTH_EVENTS), "|---|" + "---:|" * len(GROWTH_EVENTS)]
    lines.append("| ns per event, 3 modules | %s |" % " | ".join("%.1f" % run.ns("growth/events/%d" % n) for n in GROWTH_EVENTS))
    lines.append("| floor | %s |" % " | ".join("%.1f" % run.ns("floor_growth/events/%d" % n) for n in GROWTH_EVENTS))
    lines += ["", "| modules | %s |" % " | ".join(str(n) for n in GROWTH_MODULES), "|---|" + "---:|" * len(GROWTH_MODULES)]
    lines.append("| ns per event | %s |" % " | ".join("%.1f" % run.ns("growth/modules/%d" % n) for n in GROWTH_MODULES))
    lines.append("| ns per module | %s |" % " | ".join(
        "%.1f" % ((run.ns("growth/modules/%d" % n) - run.ns("direct/0")) / n) for n in GROWTH_MODULES))
    lines += ["", "Accounting, which is on in all of this, takes %.2f ns of a run of a hook." % run.ns("accounting")]
    return "\n".join(lines) + "\n"


def as_json(run):
    return {
        "goals": [{"goal": text, "measured": figure, "limit": limit, "more_is_better": more, "held": holds(figure, limit, more)}
                  for text, figure, limit, more in goals(run)],
        "rows": [{"name": name, "what": text, "ns": run.ns(name), "allocations": run.allocations(name), "versus": floor, "ratio": run.ratio(name, floor)}
                 for name, floor, text in ROWS],
        "growth": {name: run.ns(name) for name in sorted(run.medians) if "growth/" in name},
        "instructions": run.instructions,
    }


def selection(figures):
    """The short table, of what as_json gives."""
    rows = {row["name"]: row for row in figures["rows"]}
    lines = ["| what | ns | allocations | versus | ratio |", "|---|---:|---:|---|---:|"]
    for row in (rows[name] for name in SELECTION):
        lines.append("| %s | %.1f | %.1f | `%s` | %.2f |" % (row["what"], row["ns"], row["allocations"], row["versus"], row["ratio"]))
    return "\n".join(lines) + "\n"
