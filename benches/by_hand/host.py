"""Programs and measurements on the host: time, sectors written, cgroups."""
import contextlib
import glob
import os
import random
import socket
import subprocess
import sys
import time


def say(text):
    print("by-hand: " + text, file=sys.stderr, flush=True)


def run(*argv, check=True, **more):
    """Runs a program and returns its stdout. A failure ends the script."""
    process = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    if check and process.returncode != 0:
        sys.exit("by-hand: %s\n%s%s" % (" ".join(argv), process.stdout[-2000:], process.stderr[-2000:]))
    return process.stdout


def timed(work):
    started = time.monotonic()
    work()
    return time.monotonic() - started


def free_ports(count):
    """Returns free ports, so that two runs do not conflict. They are below the ports of
    outgoing connections, which could use one while a node is recreated."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
    return ports


class Helper:
    """A process that runs during the `with` block, and ends with this script even if the
    script is killed."""

    def __init__(self, *argv, ready):
        self.argv, self.ready = argv, ready

    def __enter__(self):
        self.log = open(os.devnull, "w")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.argv],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                sys.exit("by-hand: %s did not start" % " ".join(self.argv))
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()


class PeakMemory:
    """Observes the peak memory of a process while it runs. The result of `wait` would
    include the memory of the process that forked it."""

    def __init__(self, process):
        self.status, self.kilobytes = "/proc/%d/status" % process.pid, 0

    def update(self):
        try:
            with open(self.status) as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        self.kilobytes = max(self.kilobytes, int(line.split()[1]))
        except OSError:
            pass

    def megabytes(self):
        return self.kilobytes / 1000


def bytes_written(directory):
    """Returns the bytes written since boot to the device of a directory, after a flush."""
    os.sync()
    device = os.stat(directory).st_dev
    with open("/proc/diskstats") as file:
        for line in file:
            fields = line.split()
            if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
                return int(fields[9]) * 512
    sys.exit("by-hand: /proc/diskstats does not list the device of " + directory)


class Cgroup:
    """CPU and memory of a container, with either version of cgroups."""

    # The names with each cgroup driver.
    NAMES = ["docker/%s", "system.slice/docker-%s.scope"]

    def __init__(self, container):
        identifier = run("docker", "inspect", "-f", "{{.Id}}", container).strip()
        self.unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        roots = [""] if self.unified else ["cpuacct/", "memory/"]
        directories = [path for root in roots for name in self.NAMES
                   for path in glob.glob("/sys/fs/cgroup/" + root + name % identifier)]
        if len(directories) != len(roots):
            sys.exit("by-hand: no cgroup of %s below /sys/fs/cgroup" % container)
        self.processor, self.memory = directories[0], directories[-1]

    def processor_seconds(self):
        if self.unified:
            return _field(self.processor + "/cpu.stat", "usage_usec") / 1e6
        return _number(self.processor + "/cpuacct.usage") / 1e9

    def memory_bytes(self):
        """Returns the memory as `docker stats` does: without the inactive page cache."""
        usage, inactive = (("memory.current", "inactive_file") if self.unified
                           else ("memory.usage_in_bytes", "total_inactive_file"))
        return _number(self.memory + "/" + usage) - _field(self.memory + "/memory.stat", inactive)


def _number(path):
    with open(path) as file:
        return int(file.read())


def _field(path, name):
    with open(path) as lines:
        return next(int(line.split()[1]) for line in lines if line.split()[0] == name)
