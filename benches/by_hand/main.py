"""Arguments, prerequisites and output."""
import argparse
import datetime
import os
import shutil
import signal
import sys
import tempfile

from .host import run
from .parts import NAMES, Bench
from .record import Record, steps, table


def arguments(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="runs of each part (default 3)")
    parser.add_argument("--quick", action="store_true", help="one run of each part, and two consecutive cold ups")
    parser.add_argument("--only", default=",".join(NAMES), metavar="PART,…", help="parts to measure (default all)")
    parser.add_argument("--cold-runs", type=int, default=20, metavar="N", help="number of consecutive cold ups (default 20)")
    parser.add_argument("--first-runs", type=int, metavar="N", help="runs of `first` at each rate (default --runs)")
    parser.add_argument("--rates", default="100,1000", metavar="MBIT,…",
                        help="rates of the connection in `first`, in Mbit/s (default 100,1000)")
    parser.add_argument("--first-arguments", default="", metavar="TEXT", help="additional arguments of `up` in `first`")
    parser.add_argument("--idle-seconds", type=float, default=60, metavar="S",
                        help="seconds to wait for the node to settle, and to measure it (default 60)")
    parser.add_argument("--keep-json", metavar="FILE", help="write all measurements to FILE")
    parser.add_argument("--table", metavar="FILE", help="print the table of measurements kept by --keep-json, without measuring")
    options = parser.parse_args()
    options.parts = options.only.split(",")
    unknown = set(options.parts) - set(NAMES)
    if unknown:
        parser.error("unknown part %s; parts: %s" % (", ".join(sorted(unknown)), ", ".join(NAMES)))
    options.rates = [int(rate) for rate in options.rates.split(",")]
    options.first_arguments = options.first_arguments.split()
    if options.quick:
        options.runs, options.first_runs, options.cold_runs = 1, 1, 2
    return options


def find_programs(binary, work):
    """Ends the script if a program is missing. A missing kubectl is copied from the node image."""
    os.environ["PATH"] += os.pathsep + os.path.expanduser("~/go/bin") + os.pathsep + work
    for program in [binary, "docker", "kind"]:
        if not shutil.which(program):
            sys.exit("by-hand: %s is not installed" % program)
    if not shutil.which("kubectl"):
        container = run("docker", "create", os.environ["CLEARML_LOCAL_NODE_IMAGE"]).strip()
        try:
            # In the rig's node image, kubectl is a link to kubelet; kind's image has a binary.
            for path in ["/usr/bin/kubectl", "/usr/bin/kubelet"]:
                run("docker", "cp", "-L", container + ":" + path, work + "/kubectl", check=False)
                if shutil.which("kubectl"):
                    break
        finally:
            run("docker", "rm", container)
    if not shutil.which("kubectl"):
        sys.exit("by-hand: kubectl is not installed")


def about(options):
    return {"date": datetime.date.today().isoformat(), "cores": os.cpu_count(), "runs": options.runs,
            "docker": run("docker", "version", "-f", "{{.Server.Version}}").strip(),
            "commit": run("git", "-C", os.path.dirname(os.path.realpath(__file__)), "describe", "--always", "--dirty",
                          check=False).strip()}


def show(record):
    head = "{date}, {cores} cores, Docker {docker}, commit {commit}; medians of {runs}, with their ranges\n"
    print(head.format(**record.about))
    print(table(record))
    if steps(record):
        print("\nSteps, medians:\n" + steps(record))


def main(description):
    options = arguments(description)
    if options.table:
        show(Record.read(options.table))
        return
    # Like Ctrl-C: everything that was started is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = tempfile.mkdtemp(prefix="by-hand-")
    binary = os.path.abspath(os.environ.get("CLEARML_LOCAL", "target/dist/clearml-local"))
    record, bench = Record(options.keep_json), None
    try:
        find_programs(binary, work)
        record.about = about(options)
        bench = Bench(options, record, binary, work)
        bench.run(options.parts)
    except KeyboardInterrupt:
        print("by-hand: interrupted", file=sys.stderr)
    finally:
        if bench:
            bench.clean_up()
        shutil.rmtree(work, ignore_errors=True)
        if record.measurements:
            show(record)
