"""The measured parts. In each, clearml-local and the work by hand alternate, so that noise
of the host affects both."""
import itertools
import os
import sys
import time

from . import images
from .cluster import ExistingCluster
from .containers import plain_containers
from .host import Cgroup, bytes_written, free_ports, run, say, timed
from .manual import Kind
from .product import Product
from .registry import Registry

# The seconds that the stand-in of the API server needs with existing data.
API_SERVER_START = 4.0
# Parts that need a running instance, in the order in which they are measured.
ON_INSTANCE = ["small", "change", "restart", "again", "idle"]
AROUND_INSTANCE = ["cold", "plain"]
NAMES = AROUND_INSTANCE + ON_INSTANCE + ["twenty", "load", "real", "first", "cluster"]


class Bench:
    """Runs the parts."""

    def __init__(self, options, record, binary, work):
        name = "bench-%d" % os.getpid()
        ports = dict(zip(["web", "api", "files"], free_ports(3)))
        self.options, self.record, self.work = options, record, work
        self.ours = Product(binary, name, ports, work)
        self.hand = Kind(name + "-hand", os.environ.get("CLEARML_LOCAL_NODE_IMAGE", ""), ports, work)
        self.docker_root = run("docker", "info", "-f", "{{.DockerRootDir}}").strip()

    def run(self, parts):
        instance = [part for part in AROUND_INSTANCE + ON_INSTANCE if part in parts]
        if instance:
            small = images.small()
            for number in self.rounds("small images: " + ", ".join(instance), self.options.runs):
                self.small_round(small, instance, number)
        if "twenty" in parts:
            self.twenty(images.small())
        if "load" in parts:
            self.load()
        if "real" in parts:
            real = images.real(self.work)
            for _ in self.rounds("real sizes", self.options.runs):
                self.cold(real, "real")
                self.ours.purge()
                self.cold_by_hand(real, "real by hand")
                self.hand.delete()
        if "first" in parts:
            self.first()
        if "cluster" in parts:
            self.cluster()
        self.record.add("binary", os.path.getsize(self.ours.binary) / 1e6)

    def rounds(self, title, count):
        for number in range(count):
            say("%s, %d of %d" % (title, number + 1, count))
            yield number

    def clean_up(self):
        self.ours.purge()
        self.hand.delete()

    def cold(self, used, name):
        self.ours.purge()
        before = bytes_written(self.docker_root)
        up = self.ours.cold(used)
        self.record.add(name, up.seconds, **up.details())
        self.record.add(name + " disk", (bytes_written(self.docker_root) - before) / 1e9)
        self.ours.store_manifests()

    def cold_by_hand(self, used, name):
        before = bytes_written(self.docker_root)
        steps = self.hand.server(used.references(), self.ours.manifests, self.ours.credentials)
        self.record.add(name, sum(steps.values()), steps=steps)
        self.record.add(name.replace(" by hand", " disk by hand"), (bytes_written(self.docker_root) - before) / 1e9)

    def small_round(self, small, parts, number):
        self.cold(small, "cold")
        for part in ON_INSTANCE:
            if part in parts:
                getattr(self, part)(number)
        self.ours.purge()
        if {"cold", "idle"} & set(parts):
            self.cold_by_hand(small, "cold by hand")
            if "idle" in parts:
                self.idle_node(self.hand.node, " by hand")
            self.hand.delete()
        if "plain" in parts:
            self.record.add("plain", plain_containers(self.hand.name, small, self.ours.ports))

    def small(self, _):
        self.record.add("nothing", self.ours.up().seconds)
        for _ in range(5):
            self.record.add("status", self.ours.timed("status"))
        for _ in range(20):
            self.record.add("help", timed(lambda: run(self.ours.binary, "--help")))

    def change(self, number):
        up = self.ours.change("apiserver.podAnnotations.round=r%d" % number)
        self.record.add("change", up.seconds - API_SERVER_START, **up.details())

    def restart(self, _):
        stop = self.ours.timed("stop")
        self.record.add("start", self.ours.timed("start"), stop=stop)

    def again(self, _):
        down = self.ours.timed("down")
        up = self.ours.up()
        self.record.add("again", down + up.seconds, steps={"down": down, "up": up.seconds}, **up.details())

    def idle(self, _):
        self.idle_node(self.ours.node, "")

    def idle_node(self, node, suffix):
        """Measures an idle node for a minute, after another minute."""
        cgroup, seconds = Cgroup(node), self.options.idle_seconds
        time.sleep(seconds)
        before, started = cgroup.processor_seconds(), time.monotonic()
        time.sleep(seconds)
        percent = 100 * (cgroup.processor_seconds() - before) / (time.monotonic() - started)
        self.record.add("idle processor" + suffix, percent)
        self.record.add("idle memory" + suffix, cgroup.memory_bytes() / 1e6)

    def twenty(self, small):
        for _ in self.rounds("cold ups in sequence", self.options.cold_runs):
            up = self.ours.cold(small)
            self.record.add("twenty", up.seconds, **up.details())
            self.ours.purge()

    def load(self):
        """Loads 1 GB into a running node: the step `images` of an `up`, and `kind load`."""
        small = images.small()
        say("building 1 GB of images")
        names = images.one_gigabyte(self.ours.name, self.work)
        sets = [word for component, name in zip(["redis", "mongodb", "elasticsearch"], names) for word in
                ("--set", "{0}.image.repository={1},{0}.image.tag={2}".format(component, *name.split(":")))]

        def loaded(event):
            return event.get("step") == "images" and event["event"] == "step-finished"
        try:
            for _ in self.rounds("loading 1 GB", self.options.runs):
                self.ours.cold(small)
                up = self.ours.up(*sets, until=loaded)
                if up.step("images") is None:
                    sys.exit("by-hand: `up` did not load the images: %s" % up.events[-1:])
                self.record.add("load", up.step("images"))
                self.record.add("load memory", up.megabytes)
                self.ours.purge()
                self.hand.create()
                self.record.add("load by hand", timed(lambda: self.hand.load(names)))
                self.hand.delete()
        finally:
            run("docker", "rmi", "-f", *names, check=False)

    def first(self):
        """First use: an engine without the images, and a registry behind a slow connection."""
        # Creates the network `kind`, and stores the manifests with their keys.
        self.ours.cold(images.small())
        self.ours.purge()
        with Registry(self.work) as registry:
            images.real(self.work).remove()
            try:
                rounds = self.rounds("first use", self.options.first_runs or self.options.runs)
                for _, megabits in itertools.product(rounds, self.options.rates):
                    with registry.limited(megabits):
                        self.first_round(registry, megabits)
            finally:
                registry.images.remove()

    def first_round(self, registry, megabits):
        say("first use at %d Mbit/s" % megabits)
        seconds, size = registry.download()
        self.record.add("download %d" % megabits, seconds, bytes=size)
        self.ours.purge()
        registry.images.remove()
        name, more = "first %d" % megabits, ["--ca-file", registry.certificate, *self.options.first_arguments]
        with self.written(registry, "first disk", megabits):
            up = self.ours.cold(registry.images, *more)
        self.record.add(name, up.seconds, **up.details())
        self.ours.store_manifests()
        self.ours.purge()
        registry.images.remove()

        def pull():
            for reference in registry.images.references():
                run("docker", "pull", "-q", reference)
        with self.written(registry, "first disk by hand", megabits):
            steps = {"docker pull": timed(pull)}
            steps.update(self.hand.server(registry.images.references(), self.ours.manifests, self.ours.credentials))
        self.record.add(name + " by hand", sum(steps.values()), steps=steps)
        self.hand.delete()
        registry.images.remove()

    def cluster(self):
        """The same objects on an existing cluster, which has the images."""
        with ExistingCluster(self.ours.binary, self.ours.name + "-cluster", self.work) as existing:
            for _ in self.rounds("existing cluster", self.options.runs):
                self.record.add("cluster", existing.up())
                existing.purge()
                self.record.add("cluster by hand", existing.install())
                existing.uninstall()

    def written(self, registry, name, megabits):
        return Written(self, name, registry.layer_bytes, megabits)


class Written:
    """Records what is written to the engine's disk, per byte of image layers."""

    def __init__(self, bench, name, layer_bytes, megabits):
        self.bench, self.name, self.layer_bytes, self.megabits = bench, name, layer_bytes, megabits

    def __enter__(self):
        self.before = bytes_written(self.bench.docker_root)

    def __exit__(self, kind, *_):
        if kind is None:
            written = bytes_written(self.bench.docker_root) - self.before
            self.bench.record.add(self.name, written / self.layer_bytes, bytes=written,
                                  layerBytes=self.layer_bytes, megabits=self.megabits)
