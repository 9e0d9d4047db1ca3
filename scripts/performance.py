#!/usr/bin/env python3
"""Figures of the benches → performance.md with its plots; `scripts/bench` calls it.

    scripts/performance.py FIGURES PAGE     reads FIGURES/{cost,latency,room}.json, writes PAGE/performance.md and PAGE/performance/*.png

What stands in docs/performance/others.md, written by hand, is put into the page as it is.
"""
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

FIGURES, PAGE = map(pathlib.Path, sys.argv[1:3])
COST = json.loads((FIGURES / "cost.json").read_text())
LATENCY = json.loads((FIGURES / "latency.json").read_text())
ROOM = json.loads((FIGURES / "room.json").read_text())
OTHERS = pathlib.Path("docs/performance/others.md")
PROFILES = {
    "dense": "every name and word of the rules occurs in the stream",
    "sparse": "97 % of them never do, as where rare things are looked for",
    "fan-out": "rules follow the popular accounts, as where many owners watch the same",
}
# Name, colour and dash of what is drawn.
LINES = {
    "D": ("D: decode only", "#888888", ":"),
    "N": ("N: D and one check after another", "#222222", "--"),
    "evaluate, every rule": ("birdcall, evaluate every rule", "#88aadd", "-."),
    "evaluate, what the index finds": ("birdcall, evaluate what the index finds", "#7744aa", "-."),
    "decode + join + match": ("birdcall, decode + join + match", "#2a9d8f", "-"),
    "decode + step": ("birdcall, decode + step", "#1f5fbf", "-"),
    "decode + step with messages": ("birdcall, with messages", "#d9632b", "-"),
}
MEASURED = {row["name"] for row in LATENCY["rows"]}
CONTENDERS = {
    "floor": "#888888",
    "birdcall": "#8db3e8",
    "birdcall, orders": "#f0b090",
    "release": "#1f5fbf",
    "release, orders": "#d9632b",
}


def rows(**having):
    """Of one that was measured twice, D in the company of others, the latter."""
    found = [row for row in COST["rows"] if all(row[key] == value for key, value in having.items())]
    return list({(row["table"], row["profile"], row["rules"], row["name"]): row for row in found}.values())


def room(table):
    return [row for row in ROOM["rows"] if row["table"] == table]


def time(ns):
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:,.3g} {unit}" if ns / size < 1000 else f"{ns / size:,.0f} {unit}"
    return f"{ns:,.0f} ns"


def ratio(value):
    return "" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def table(head, body):
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for line in body:
        yield "| " + " | ".join(line) + " |"
    yield ""


def said(command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{sum(line.startswith('processor') for line in lines)} × {model}"


def cost_plot(file):
    figure, panels = plt.subplots(1, len(PROFILES), figsize=(13, 4.6), sharey=True)
    for panel, profile in zip(panels, PROFILES):
        for name, (label, colour, dash) in LINES.items():
            found = rows(table="by rules", profile=profile, name=name)
            panel.loglog([row["rules"] for row in found], [row["ns"] / 1000 for row in found], dash, color=colour, marker="o", ms=3.5, label=label)
        counts = sorted({row["rules"] for row in rows(table="by rules", profile=profile)})
        panel.set_xticks(counts, [f"{count:,}" for count in counts])
        panel.minorticks_off()
        panel.set_title(profile)
        panel.set_xlabel("rules")
        panel.grid(alpha=0.3, which="major")
    panels[0].yaxis.set_major_formatter(lambda us, _: f"{us / 1000:g} ms" if us >= 1000 else f"{us:g} µs")
    panels[0].set_ylabel("of one core, for each envelope")
    panels[0].legend(fontsize=8, loc="upper left")
    figure.suptitle("What an envelope costs, by the number of rules")
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def latency_plot(file):
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.4))
    for panel, kind, title in zip(panels, ("paced", "burst"), ("one after the other, 200 a second", "50 at once")):
        for row in LATENCY["rows"]:
            if "curve" in row:
                # Nines on an axis of their own: 90, 99 and 99.9 % stand equally far apart.
                nines = [1 / (1 - percent / 100) for percent in row["curve"]]
                panel.plot(nines, row[kind], color=CONTENDERS[row["name"]], marker="o", ms=3, label=row["name"])
        panel.set_xscale("log")
        panel.set_xticks([2, 10, 100, 1000], ["50 %", "90 %", "99 %", "99.9 %"])
        panel.minorticks_off()
        panel.set_ylim(bottom=0)
        panel.set_title(title)
        panel.set_xlabel("so many of the alerts are there")
        panel.set_ylabel("after µs")
        panel.grid(alpha=0.3)
        panel.legend()
    figure.suptitle("From the feed's socket to the receiver's")
    figure.tight_layout()
    figure.savefig(file, dpi=110)


def latency_table():
    def cells(name):
        yield name
        for row in LATENCY["rows"]:
            if row["name"] == name and "measure" in row:
                yield f"{row['us']:,.0f} µs ({row['x_floor']:.2f})"
        wrong = next(row for row in LATENCY["rows"] if row["name"] == name and "missing" in row)
        yield f"{wrong['missing']} / {wrong['duplicated']} / {wrong['false']}"

    measures = [row["measure"] for row in LATENCY["rows"] if row["name"] == "floor" and "measure" in row]
    return table(["", *measures, "missing / doubled / false"], [list(cells(name)) for name in CONTENDERS if name in MEASURED])


def stage_table(title):
    return table(["", "time", "x D"], [[row["name"], time(row["ns"]), ratio(row["x_d"])] for row in rows(table=title)])


def rules_table(profile):
    counts = sorted({row["rules"] for row in rows(table="by rules", profile=profile)})
    found = {(row["rules"], row["name"]): row for row in rows(table="by rules", profile=profile)}
    names = [name for name in dict.fromkeys(row["name"] for row in rows(table="by rules"))]

    def cell(count, name):
        row = found[count, name]
        against = f"{ratio(row['x_d'])} D" if name == "N" else f"{ratio(row['x_d'])} D, {ratio(row['x_n'])} N"
        return time(row["ns"]) if name == "D" else f"{time(row['ns'])} ({against})"

    return table(["", *(f"{count:,}" for count in counts)], [[name, *(cell(count, name) for count in counts)] for name in names])


def room_tables():
    yield from table(
        ["", "rules", "text → checked rules", "rules → index", "a rule", "its share of the index"],
        [
            [row["profile"], f"{row['rules']:,}", time(row["load_ms"] * 1e6), time(row["index_ms"] * 1e6), f"{row['rule_bytes']:,.0f} B", f"{row['index_bytes']:,.0f} B"]
            for row in room("rules")
        ],
    )
    tweets = room("tweets")[0]
    yield f"A tweet that may still be completed takes {tweets['bytes']:,.0f} B, with {tweets['tweets']:,} of them remembered."
    yield ""
    yield "The program itself, with its journal, sent envelopes as fast as it reads them:"
    yield ""
    yield from table(
        ["", "envelopes", "most memory ever", "envelopes a second"],
        [[row["name"], f"{row['envelopes']:,}", f"{row['peak_mib']:.0f} MiB", f"{row['rate']:,.0f}"] for row in room("program")],
    )


def page():
    d = rows(table="decode and join", name="D")[0]["ns"]
    yield "# What it costs and how long it takes"
    yield ""
    yield "Written by `scripts/bench`; do not edit. `scripts/bench quick` measures less and writes to `target/performance`."
    yield ""
    yield f"- {datetime.date.today()}, commit {said(['git', 'rev-parse', '--short', 'HEAD'])}, {said(['rustc', '--version'])}, release build"
    yield f"- {processor()}, {platform.system()} {platform.release()}; load average {os.getloadavg()[2]:.1f}"
    yield f"- To compare machines: **D, the decode that ratios are made against, takes {d:,.0f} ns for an envelope here.**"
    yield ""
    yield "Times are of one machine on one day, and a shared machine moves by a factor of two. The ratios are what to look at: whatever"
    yield "is compared takes turns in one process, stretch by stretch, and each ratio is the median of those of single stretches."
    yield ""
    yield "## From socket to socket"
    yield ""
    yield "From the moment before a frame is written to the feed's socket until the request is complete at the receiver, on one machine,"
    yield "without TLS. In brackets: times what the *floor* takes in the same round, a client of some 100 lines that searches the frame for"
    yield "substrings, writes raw HTTP to a warm connection and does not wait for the answer. Every fifth envelope is a decoy."
    yield "Orders are in the journal before they leave."
    yield "*birdcall* is as `cargo build --release` makes it" + (", *release* as `scripts/release` does." if "release" in MEASURED else ".")
    yield "Both rehearse an alert every 2 ms, as they do by default."
    yield ""
    yield from latency_table()
    yield "![Percentiles of the time from socket to socket](performance/latency.png)"
    yield ""
    yield "## One envelope, without rules"
    yield ""
    yield f"Processor time of one thread. {COST['corpus']}."
    yield "D is serde_json's derived decoder for the ten fields that rules need most, everything else passed over."
    yield "*decode* keeps every field."
    yield ""
    yield from stage_table("decode and join")
    yield "One message, from a firing to the bytes that are sent:"
    yield ""
    yield from stage_table("render, for each message")
    yield "## By the number of rules"
    yield ""
    yield "N is D with a naive loop behind it: one compiled regex and one set of handles for each rule, every rule tried on every envelope."
    yield "It neither joins nor remembers. *decode + join + match* ends at the rules that are true, as N does; *decode + step* is the whole"
    yield "engine (decode, join, match, suppress) on the same bytes; *with messages* it also renders each webhook's body. Before anything is"
    yield "timed, all of them must find the same (tweet, rule) pairs."
    yield ""
    for profile, words in PROFILES.items():
        yield f"### {profile}: {words}"
        yield ""
        yield from rules_table(profile)
    yield "![Cost against the number of rules](performance/cost.png)"
    yield ""
    yield "The quick ones take turns apart from N and the others that try every rule, each group with a D of its own: after a loop over all rules"
    yield "the caches hold nothing but rules."
    yield ""
    yield "## Room"
    yield ""
    yield "Bytes that live, by the allocator's word."
    yield ""
    yield from room_tables()
    if OTHERS.exists():
        yield OTHERS.read_text().strip()


(PAGE / "performance").mkdir(parents=True, exist_ok=True)
(PAGE / "performance.md").write_text("\n".join(page()) + "\n")
cost_plot(PAGE / "performance/cost.png")
latency_plot(PAGE / "performance/latency.png")
print(f"written: {PAGE / 'performance.md'}")
