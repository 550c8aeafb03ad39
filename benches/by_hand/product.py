"""The work with clearml-local."""
import json
import os
import subprocess
import sys
import tempfile
import time

from .host import PeakMemory, run, timed

COMPONENTS = ["apiserver", "fileserver", "webserver", "elasticsearch", "mongodb", "redis"]
REAL_TIMES = "".join("%s:\n  extraEnvs:\n  - name: STANDIN_REAL_TIMES\n    value: \"1\"\n" % one for one in COMPONENTS)


class Up:
    """A finished `up`: its seconds, events and peak memory."""

    def __init__(self, seconds, events, megabytes):
        self.seconds, self.events, self.megabytes = seconds, events, megabytes

    def details(self):
        """Returns details that explain the duration."""
        ready = next((event for event in self.events if event.get("event") == "ready"), {})
        return {"timings": ready.get("timings", []), "phases": ready.get("phases", {}), "gaps": ready.get("gaps", []),
                "peakMB": self.megabytes}

    def step(self, name):
        """Returns the seconds of a step, or None if it did not finish."""
        found = (event for event in self.events if event.get("step") == name and event["event"] == "step-finished")
        return next((event["seconds"] for event in found), None)


class Product:
    def __init__(self, binary, name, ports, work):
        self.binary, self.name, self.ports = binary, name, ports
        self.node = name + "-control-plane"
        self.values = os.path.join(work, "values.yaml")
        self.manifests = os.path.join(work, "manifests.yaml")
        self.credentials = None
        with open(self.values, "w") as file:
            file.write(REAL_TIMES)

    def run(self, command, *more, **options):
        return run(self.binary, command, "--name", self.name, *more, **options)

    def cold(self, images, *more):
        """Runs `up` for a new instance. The stand-ins take as long as the real servers."""
        self.purge()
        return self.up("-f", self.values, *images.arguments(), *more)

    def change(self, value):
        """Runs `up` with one more value. Values replace all earlier ones, so the file is needed again."""
        return self.up("-f", self.values, "--set-string", value)

    def up(self, *more, until=None):
        """Runs `up` to its end, or until an event matches."""
        ports = [word for port in self.ports.items() for word in ("--%s-port" % port[0], str(port[1]))]
        argv = [self.binary, "up", "--name", self.name, "-o", "json", "--timings", *ports, *more]
        events = []
        with tempfile.TemporaryFile("w+") as errors:
            started = time.monotonic()
            with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
                try:
                    memory = PeakMemory(process)
                    for line in process.stdout:
                        memory.update()
                        events.append(json.loads(line))
                        if until is not None and until(events[-1]):
                            break
                    else:
                        process.wait()
                finally:
                    process.terminate()
            seconds = time.monotonic() - started
            if until is None and process.returncode != 0:
                errors.seek(0)
                shown = "\n".join(json.dumps(event) for event in events[-5:])
                sys.exit("by-hand: %s\n%s\n%s" % (" ".join(argv), shown, errors.read()[-2000:]))
        return Up(seconds, events, memory.megabytes())

    def store_manifests(self):
        """Stores the objects and keys of the instance for the same work by hand."""
        with open(self.manifests, "w") as file:
            file.write(self.run("render", "--show-secrets"))
        keys = json.loads(self.run("credentials", "-o", "json"))
        self.credentials = keys["accessKey"], keys["secretKey"]

    def timed(self, command, *more):
        return timed(lambda: self.run(command, *more))

    def purge(self):
        self.run("down", "--purge", "--yes", check=False)
