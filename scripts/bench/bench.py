"""The benchmark's flow, shared by run (this host) and run-guest (an emulated machine).

Each measurement is one shell script that makes its tree, runs `pair` on it and removes it, so that it can travel into a
throw-away guest as it is. Files for us are left in $OUT. What differs between the two places is in a Place.
"""

import json
import math
import os
import shlex
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PREFIX = "cgt-bench-"
TOOLS = ("mktree", "floor_dump", "floor_restore", "pair", "inject")

# What a dump reads at least, used for the floor only while there is no cgtree to ask.
MEMBERSHIP = "cgroup.procs"


class Trouble(Exception):
    """Something kept us from measuring."""


def find_program(build, name):
    """The executable called name in a build directory."""
    for path in sorted(Path(build).rglob(name)):
        if path.is_file() and os.access(path, os.X_OK):
            return path.resolve()
    return None


class Place:
    """Where the trees are made: parent group, settings, and how a script is run.

    run(script, seconds) -> directory with what the script left in $OUT; the time is what it may take at most, used
    where a hang is possible. A script that fails or is interrupted removes its tree itself.
    programs: name -> path as the script sees it; cgtree is missing there when it was not built.
    """

    parent = None  # directory of the group that our top is made in
    prepare = ""  # shell commands before each measurement
    controllers = None  # for the subtree control of inner groups (v2)
    dump_options = ()
    settings = ()  # KNOB=VALUE or KNOB=BASE+STEP for mktree
    other = "v2"  # the cgroup version that the tree is not of
    threads = (1,)
    dump_peer = None  # command of the peer, or None
    restore_peers = None  # commands that prepare them while the tree stands, and {name: command}, or None

    def run(self, script, seconds):
        raise NotImplementedError


class Samples:
    """What `pair --raw` wrote: figures of each run, by contestant."""

    FIGURES = ("wall", "user", "system", "peak")

    def __init__(self, path):
        self.runs = {}
        for line in Path(path).read_text().splitlines():
            _, name, *figures = line.split("\t")
            run = dict(zip(self.FIGURES, map(float, figures)))
            run["cpu"] = run["user"] + run["system"]
            self.runs.setdefault(name, []).append(run)

    def has(self, *names):
        return all(name in self.runs for name in names)

    def median(self, name, figure="wall"):
        return statistics.median(run[figure] for run in self.runs[name])

    def largest(self, name, figure):
        return max(run[figure] for run in self.runs[name])

    def ratio(self, over, under, figure="wall"):
        """Median, smallest and largest of the rounds' ratios."""
        ratios = [a[figure] / max(b[figure], 1e-9) for a, b in zip(self.runs[over], self.runs[under])]
        return statistics.median(ratios), min(ratios), max(ratios)


class Report:
    """Rows of goal and reached figure, and the samples behind them."""

    def __init__(self, title):
        self.title = title
        self.rows = []
        self.notes = []
        self.samples = {}

    def note(self, text):
        self.notes.append(text)
        print(f"  {text}", file=sys.stderr, flush=True)

    def add(self, what, value, unit="", low=None, high=None, at_most=None, at_least=None, cpu=None):
        reached = None
        if at_most is not None:
            reached = value <= at_most
        elif at_least is not None:
            reached = value >= at_least
        self.rows.append(dict(what=what, value=value, unit=unit, min=low, max=high, at_most=at_most,
                              at_least=at_least, cpu_ratio=cpu, reached=reached))

    def add_ratio(self, what, samples, over, under, **goal):
        if not samples.has(over, under):
            return
        value, low, high = samples.ratio(over, under)
        self.add(what, value, "x", low, high, cpu=samples.ratio(over, under, "cpu")[0], **goal)

    @staticmethod
    def _number(value):
        if value is None:
            return ""
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"

    def print(self):
        width = max([len(row["what"]) for row in self.rows] + [10])
        print(f"\n{self.title}")
        print(f"{'':{width}}  {'goal':>10}  {'reached':>12}  {'of rounds':>17}  {'by cpu time':>11}")
        for row in self.rows:
            goal = ""
            if row["at_most"] is not None:
                goal = "<= " + f"{row['at_most']:g}"
            elif row["at_least"] is not None:
                goal = ">= " + f"{row['at_least']:g}"
            spread = ""
            if row["min"] is not None:
                spread = f"{self._number(row['min'])} .. {self._number(row['max'])}"
            verdict = {None: "", True: "yes", False: "NO"}[row["reached"]]
            value = f"{self._number(row['value'])} {row['unit']}".strip()
            print(f"{row['what']:{width}}  {goal:>10}  {value:>12}  {spread:>17}  "
                  f"{self._number(row['cpu_ratio']):>11}  {verdict}")
        for note in self.notes:
            print(f"note: {note}")

    def save(self, path):
        data = dict(schema="cgtree.bench/1", title=self.title, kernel=os.uname().release, notes=self.notes,
                    rows=self.rows, samples=self.samples)
        Path(path).write_text(json.dumps(data, indent=1) + "\n")


class Bench:
    """Runs the measurements of one place and fills a report."""

    def __init__(self, place, report, rounds, fanout, peers):
        self.place = place
        self.report = report
        self.rounds = rounds
        self.fanout = fanout
        self.peers = peers
        self.top = f"{PREFIX}{os.getpid()}"
        self.files = []

    # --- pieces of scripts

    def program(self, name):
        return shlex.quote(str(self.place.programs[name]))

    def has_cgtree(self):
        return "cgtree" in self.place.programs

    def top_dir(self):
        return f"{self.place.parent}/{self.top}"

    def head(self, groups):
        """Defines what every script uses: $OUT/tree describes the tree; it is removed however the script ends."""
        describe = [self.program("mktree"), "--groups", str(groups)]
        if self.fanout:
            describe += ["--fanout", str(self.fanout)]
        if self.place.controllers:
            describe += ["--controllers", shlex.quote(self.place.controllers)]
        describe += [self.top, *self.place.settings]
        return "\n".join([
            "set -eu",
            f"remove() {{ {self.program('mktree')} --remove {self.top_dir()}; }}",
            "trap remove EXIT",
            "trap 'exit 130' INT TERM",
            self.place.prepare,
            f"{' '.join(describe)} > $OUT/tree",
            f"make() {{ {self.program('floor_restore')} {self.place.parent} $OUT/tree; }}",
            ""])

    def pair(self, contestants, rounds, extra=""):
        runs = " ".join(f'--run {name} "{command}"' for name, command in contestants)
        return f"{self.program('pair')} --rounds {rounds} {extra} --raw $OUT/raw {runs} >&2\n"

    def dump_command(self, threads):
        options = " ".join(self.place.dump_options)
        return (f"{self.program('cgtree')} dump -q {options} /{self.top} -o $OUT/image "
                f"--threads {threads}")

    # --- measurements

    def learn_files(self):
        """Which files a dump reads in each group: those it opens in both groups of a small tree."""
        if not self.has_cgtree():
            self.files = [setting.split("=")[0] for setting in self.place.settings] + [MEMBERSHIP]
            self.report.note("no cgtree: the dump's floor reads the changed settings and the membership only")
            return
        top = self.top_dir()
        opened = (f"awk -F '\\t' -v dir={top}/$g/ 'index($4, dir) == 1 {{ name = substr($4, length(dir) + 1); "
                  "if (name !~ \"/\") print name }' $OUT/trace")
        script = self.head(2) + f"""make >&2
{self.program('inject')} --trace $OUT/trace --only openat,openat2 -- {self.dump_command(1)}
for g in g00001 g00002; do
  {opened} | while read -r f; do if [ -f {top}/$g/"$f" ]; then echo "$f"; fi; done > $OUT/opened-$g
  sort -u $OUT/opened-$g > $OUT/files-$g
done
"""
        out = self.place.run(script, 120)
        lists = [(out / f"files-g0000{i}").read_text().split() for i in (1, 2)]
        self.files = [name for name in lists[0] if name in lists[1]]
        if not self.files:
            raise Trouble("the dump opened no file in both groups of a small tree")
        opens = min(len((out / f"opened-g0000{i}").read_text().split()) for i in (1, 2))
        self.report.note(f"a dump opens {len(self.files)} files in each group, by {opens} opens; "
                         "the floor reads the same files once")

    def measure_dump(self, groups, rounds, with_peer):
        contestants = []
        script = self.head(groups) + "make >&2\n"
        for threads in self.place.threads:
            if self.has_cgtree():
                contestants.append((f"cgtree-{threads}", self.dump_command(threads)))
            contestants.append((f"floor-{threads}", f"{self.program('floor_dump')} --threads {threads} "
                                f"{self.top_dir()} {' '.join(self.files)}"))
        if with_peer and self.place.dump_peer:
            contestants.append(("cgsnapshot", self.place.dump_peer))
        script += self.pair(contestants, rounds)
        if self.has_cgtree():
            script += f"{self.dump_command(1)} --compress none\nwc -c < $OUT/image > $OUT/size\n"
        out = self.place.run(script, 60 + groups * rounds // 20)
        samples = Samples(out / "raw")
        self.report.samples[f"dump {groups}"] = samples.runs
        size = int((out / "size").read_text()) if self.has_cgtree() else None
        return samples, size

    def measure_restore(self, groups, rounds, with_peer):
        contestants = [("floor", f"{self.program('floor_restore')} {self.place.parent} $OUT/tree")]
        script = self.head(groups) + "make >&2\n"
        if self.has_cgtree():
            script += f"{self.dump_command(1)}\n"
            contestants.insert(0, ("cgtree", f"{self.program('cgtree')} restore -q $OUT/image"))
            # 1 says that something is lost on the way, as soft limits are.
            script += (f"printf '%s\\n' '#!/bin/sh' '{self.program('cgtree')} convert -q \"$1\" --to {self.place.other} "
                       "-o \"$1.other\" 2>/dev/null || [ $? = 1 ]' > $OUT/convert\nchmod +x $OUT/convert\n")
            contestants.append(("convert", "$OUT/convert $OUT/image"))
        if with_peer and self.place.restore_peers:
            setup, peers = self.place.restore_peers(self.top)
            script += setup
            contestants += peers.items()
        script += "remove\n"
        remove = f'--after "{self.program("mktree")} --remove {self.top_dir()}"'
        script += self.pair(contestants, rounds, remove)
        out = self.place.run(script, 60 + groups * rounds // 10)
        samples = Samples(out / "raw")
        self.report.samples[f"restore {groups}"] = samples.runs
        return samples

    def rate(self, groups, samples, what, name, per_group):
        """A row with the median wall time of one group with so many files opened in it."""
        micros = samples.median(name) * 1e6 / groups
        self.report.add(f"{groups} groups: {what}, a group of {per_group} files", micros, "us")

    def compare(self, groups):
        """All comparisons at one size."""
        report = self.report
        samples, size = self.measure_dump(groups, self.rounds, self.peers)
        at = f"{groups} groups: "
        report.add_ratio(at + "dump / floor, 1 thread", samples, "cgtree-1", "floor-1", at_most=1.15)
        if 2 in self.place.threads:
            report.add_ratio(at + "dump, 1 thread / 2 threads", samples, "cgtree-1", "cgtree-2", at_least=1.7)
            report.add_ratio(at + "floor, 1 thread / 2 threads", samples, "floor-1", "floor-2")
        report.add_ratio(at + "cgsnapshot / dump, 1 thread", samples, "cgsnapshot", "cgtree-1", at_least=6)
        report.add_ratio(at + "cgsnapshot / dump, 2 threads", samples, "cgsnapshot", "cgtree-2", at_least=10)
        report.add_ratio(at + "cgsnapshot / floor, 1 thread", samples, "cgsnapshot", "floor-1")
        self.rate(groups, samples, "floor of the dump", "floor-1", len(self.files))
        if self.has_cgtree():
            goal = dict(at_most=40) if groups == 10000 else {}
            peak = max(samples.largest(f"cgtree-{threads}", "peak") for threads in self.place.threads)
            report.add(at + "peak memory of the dump", peak / 1024, "MiB", **goal)
            report.add(at + "image, uncompressed, a group", size / groups, "B", at_most=150)

        samples = self.measure_restore(groups, self.rounds, self.peers)
        report.add_ratio(at + "restore / floor", samples, "cgtree", "floor", at_most=1.2)
        if samples.has("convert", "cgtree"):
            report.add_ratio(at + "convert to the other version / restore", samples, "convert", "cgtree", at_most=0.1)
        for peer, what in (("snapshot", "cgconfigparser, its own snapshot"), ("values", "cgconfigparser, changed values only")):
            report.add_ratio(at + what + " / restore", samples, peer, "cgtree", at_least=10)
            report.add_ratio(at + what + " / floor", samples, peer, "floor")
        self.rate(groups, samples, "floor of the restore", "floor", len(self.place.settings))
        if self.has_cgtree():
            goal = dict(at_most=40) if groups == 10000 else {}
            report.add(at + "peak memory of the restore", samples.largest("cgtree", "peak") / 1024, "MiB", **goal)

    def growth(self, sizes, rounds):
        """Cost a group over sizes; the exponent is the slope of log time over log size (1: linear)."""
        times = {}
        for groups in sizes:
            samples, _ = self.measure_dump(groups, rounds, False)
            for name in ("cgtree-1", "floor-1"):
                if samples.has(name):
                    times.setdefault(f"dump, {name[:-2]}", []).append((groups, samples.median(name)))
            samples = self.measure_restore(groups, rounds, False)
            for name in ("cgtree", "floor"):
                if samples.has(name):
                    times.setdefault(f"restore, {name}", []).append((groups, samples.median(name)))
        for what, points in sorted(times.items()):
            for groups, seconds in points:
                self.report.add(f"growth: {what}, a group of {groups}", seconds * 1e6 / groups, "us")
            if len(points) > 1:
                goal = dict(at_most=1.1) if "cgtree" in what else {}
                self.report.add(f"growth: {what}, exponent", exponent(points), **goal)


def exponent(points):
    """Least squares slope of log time over log size."""
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points]
    mean_x = statistics.fmean(x for x, _ in logs)
    mean_y = statistics.fmean(y for _, y in logs)
    return (sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum((x - mean_x) ** 2 for x, _ in logs))


def numbers(text):
    """A list of sizes for argparse; "none" is the empty one."""
    return [] if text == "none" else [int(item) for item in text.split(",")]


def add_common_options(parser):
    parser.add_argument("--build", default=str(HERE.parent.parent / "build"),
                        help="CMake build directory with the programs (default: build)")
    parser.add_argument("--cgtree", help="the program to measure (default: the one in the build directory)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each comparison (default 7)")
    parser.add_argument("--fanout", type=int, default=10, help="groups below a group, 0: all flat (default 10)")
    parser.add_argument("--json", metavar="FILE", help="write rows and samples there")


def find_programs(options):
    """name -> path on this host of everything needed."""
    programs = {name: find_program(options.build, name) for name in TOOLS}
    missing = [name for name, path in programs.items() if not path]
    if missing:
        raise Trouble(f"not built in {options.build}: {', '.join(missing)}")
    cgtree = Path(options.cgtree).resolve() if options.cgtree else find_program(options.build, "cgtree")
    if options.cgtree and not cgtree.is_file():
        raise Trouble(f"no such program: {options.cgtree}")
    if cgtree:
        programs["cgtree"] = cgtree
    return programs


def measure(bench, sizes, growth_sizes, growth_rounds):
    bench.learn_files()
    for groups in sizes:
        print(f"comparing at {groups} groups", file=sys.stderr, flush=True)
        bench.compare(groups)
    if growth_sizes:
        print(f"growth over {growth_sizes}", file=sys.stderr, flush=True)
        bench.growth(growth_sizes, growth_rounds)


def main(make, arguments):
    """Runs make(arguments) -> (bench, options) and prints; exit status 0 when it was measured."""
    try:
        bench, options = make(arguments)
        try:
            measure(bench, options.sizes, options.growth, options.growth_rounds)
        finally:
            if bench.report.rows:
                bench.report.print()
                if options.json:
                    bench.report.save(options.json)
    except Trouble as trouble:
        print(f"bench: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    return 0
