"""All measurements, and their table."""
import datetime
import json
import os
import statistics

HEAD = ["what", "clearml-local", "against", "ratio", "target"]


class Record:
    """Measurements by name, written to a file, if there is one, after each measurement."""

    def __init__(self, path=None, about=None, measurements=None):
        self.path, self.about, self.measurements = path, about or {}, measurements or []

    @classmethod
    def read(cls, path):
        with open(path) as file:
            stored = json.load(file)
        return cls(about=stored["about"], measurements=stored["measurements"])

    def add(self, name, value, **details):
        at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        self.measurements.append({"name": name, "value": round(value, 4), "at": at, **details})
        if self.path:
            with open(self.path + ".tmp", "w") as file:
                json.dump({"about": self.about, "measurements": self.measurements}, file, indent=1)
            os.rename(self.path + ".tmp", self.path)

    def values(self, name):
        return [one["value"] for one in self.measurements if one["name"] == name]

    def median(self, name):
        return statistics.median(self.values(name))

    def all_of(self, *names):
        return all(self.values(name) for name in names)


def number(value):
    if value >= 100:
        return "%.0f" % value
    return ("%.3f" if value < 1 else "%.1f") % value


def spread(values, unit):
    """Formats the median, and the range of several values."""
    shown = number(statistics.median(values))
    if len(values) > 1:
        shown += " (%s to %s)" % (number(min(values)), number(max(values)))
    return (shown + " " + unit).strip()


def row(title, ours, against=None, target="", unit="s"):
    """Returns a row with one measurement, or with the ratio of two."""
    def cells(record):
        if not record.all_of(*filter(None, [ours, against])):
            return None
        own = spread(record.values(ours), unit)
        if against is None:
            return [title, own, "", "", target]
        ratio = record.median(ours) / record.median(against)
        return [title, own, spread(record.values(against), unit), "%.2f" % ratio, target]
    return cells


def first_use(rate, ratio_target):
    """Compares with the same work by hand, and with only the download."""
    ours, download = "first %s" % rate, "download %s" % rate

    def limit(record):
        if not record.all_of(ours, download):
            return None
        base, most = record.median(download), 1.1 * record.median(download) + 25
        target = "≤ 1.1 × the download + 25 s = %s s" % number(most) if rate == 100 else ""
        return ["first use at %s Mbit/s, against only the download" % rate, spread(record.values(ours), "s"),
                spread(record.values(download), "s"), "%.2f" % (record.median(ours) / base), target]
    title = "first use at %s Mbit/s, against docker pull, kind create, load, apply" % rate
    return [row(title, ours, ours + " by hand", ratio_target), limit]


def slowest(title, name, target):
    def cells(record):
        values = record.values(name)
        if len(values) < 2:
            return None
        ratio = max(values) / statistics.median(values)
        return [title % len(values), number(max(values)) + " s", number(statistics.median(values)) + " s", "%.2f" % ratio, target]
    return cells


ROWS = [
    row("cold `up`, small images, against kind, `kind load` and kubectl", "cold", "cold by hand", "≤ 0.65"),
    row("cold `up`, real sizes, against the same by hand", "real", "real by hand", "≤ 0.4"),
    row("cold `up`, small images, against six plain containers", "cold", "plain", "≤ 1.5"),
    row("`start` after `stop`, against cold `up`", "start", "cold", "≤ 0.4"),
    row("`down` and `up` again, against cold `up`", "again", "cold", "≤ 0.6"),
    *first_use(100, "≤ 0.6"),
    *first_use(1000, "≤ 0.6"),
    row("disk written on first use, per byte of image layers", "first disk", "first disk by hand", "≤ 1.2", ""),
    row("disk written by a cold `up`, small images", "cold disk", "cold disk by hand", "", "GB"),
    row("loading 1 GB into a running node, against `kind load`", "load", "load by hand", "≤ 0.35"),
    slowest("%d cold `up`s in sequence: the slowest against the median", "twenty", "≤ 1.25"),
    row("a changed value that restarts the API server, beyond its own start", "change", None, "≤ 3 s"),
    row("`up --context` on a cluster of three nodes, against `helm install --wait`", "cluster", "cluster by hand", "≤ 1"),
    row("`up` with nothing to do", "nothing", None, "≤ 1 s"),
    row("`status`", "status", None, "≤ 0.150 s"),
    row("`--help`", "help", None, "≤ 0.005 s"),
    row("peak memory while 1 GB is loaded", "load memory", None, "≤ 64 MB", "MB"),
    row("the published binary", "binary", None, "≤ 15 MB", "MB"),
    row("CPU of the idle node, of one core, against kind's node", "idle processor", "idle processor by hand", "≤ 1", "%"),
    row("memory of the idle node, against kind's node", "idle memory", "idle memory by hand", "≤ 1", "MB"),
]


def table(record):
    """Returns the rows of all measurements as Markdown."""
    rows = filter(None, (cells(record) for cells in ROWS))
    lines = ["| " + " | ".join(cells) + " |" for cells in [HEAD, *rows]]
    lines.insert(1, "|" + "---|" * len(HEAD))
    return "\n".join(lines)


def steps(record):
    """Returns the median of each step by hand, by the name of the measurement."""
    found = {}
    for one in record.measurements:
        for step, seconds in one.get("steps", {}).items():
            found.setdefault(one["name"], {}).setdefault(step, []).append(seconds)
    return "\n".join("- %s: %s" % (name, ", ".join("%s %s s" % (step, number(statistics.median(values)))
                                                   for step, values in of.items())) for name, of in found.items())
