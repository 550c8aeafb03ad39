"""A registry with the images of real sizes, behind a connection of a given rate.

Debian's `docker-registry` serves TLS on the host; a proxy in front of it limits the
rate of what it sends. Engine and nodes reach the proxy at the gateway of the network
`kind`, so both pull the same references, and trust the registry's certificate: the
engine by a file in /etc/docker/certs.d, a node by `--ca-file`.
"""
import contextlib
import hashlib
import json
import os
import shutil
import socket
import ssl
import sys
import urllib.request

from . import images
from .host import Helper, free_ports, run, say, timed

CONFIG = """version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s}}
http: {addr: "127.0.0.1:%d", tls: {certificate: %s, key: %s}}
"""
CACHE = os.environ.get("RIG_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "clearml-local-rig")
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def accepts_connections(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def gateway():
    """Returns the host's address for containers in the network `kind`."""
    found = run("docker", "network", "inspect", "kind", "-f", "{{range .IPAM.Config}}{{.Gateway}} {{end}}", check=False)
    addresses = [address for address in found.split() if ":" not in address]
    if not addresses:
        sys.exit("by-hand: the network `kind` does not exist: it is created by the first `up`")
    return addresses[0]


class Registry:
    """A registry that runs during the `with` block."""

    def __init__(self, work):
        self.work, self.address = work, gateway()
        self.port, self.limited_port = free_ports(2)
        self.name = "%s:%d" % (self.address, self.limited_port)
        self.certificate, self.key = os.path.join(work, "registry.pem"), os.path.join(work, "registry.key")
        self.trust_directory = "/etc/docker/certs.d/" + self.name
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        for program in ["docker-registry", "openssl", "curl", "setpriv"]:
            if not shutil.which(program):
                sys.exit("by-hand: %s is not installed: apt-get install %s" % (program, program))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=by-hand", "-addext", "subjectAltName=IP:%s,IP:127.0.0.1" % self.address,
            "-keyout", self.key, "-out", self.certificate)
        with self.stack:
            self._run()
            self.images = images.from_registry(self.name, self.work)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _run(self):
        real = images.real(self.work)
        self.layer_bytes = real.bytes()
        storage = self._storage(real)
        config = os.path.join(self.work, "registry.yaml")
        with open(config, "w") as file:
            file.write(CONFIG % (storage, self.port, self.certificate, self.key))
        self.stack.enter_context(Helper("docker-registry", "serve", config, ready=lambda: accepts_connections("127.0.0.1", self.port)))
        self._fill(storage, real)
        self.stack.callback(self._distrust)
        os.makedirs(self.trust_directory, exist_ok=True)
        shutil.copy(self.certificate, os.path.join(self.trust_directory, "ca.crt"))

    def _distrust(self):
        shutil.rmtree(self.trust_directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.trust_directory))

    def _storage(self, real):
        """Returns the directory for these images, and removes those of others."""
        identifiers = run("docker", "image", "inspect", "-f", "{{.Id}}", *real.references())
        name = "registry-" + hashlib.sha256(identifiers.encode()).hexdigest()[:12]
        os.makedirs(CACHE, exist_ok=True)
        for other in os.listdir(CACHE):
            if other.startswith("registry-") and other != name:
                shutil.rmtree(os.path.join(CACHE, other))
        return os.path.join(CACHE, name)

    def _fill(self, storage, real):
        complete = os.path.join(storage, "complete")
        if os.path.exists(complete):
            return
        say("filling the registry")
        for image in images.TAGS:
            # The engine trusts any certificate on the loopback network.
            name = images.name_in("127.0.0.1:%d" % self.port, image) + ":" + images.TAGS[image]
            run("docker", "tag", real.reference(image), name)
            try:
                run("docker", "push", "-q", name)
            finally:
                run("docker", "rmi", name)
        open(complete, "w").close()

    def limited(self, megabits):
        """Returns a context in which the registry has this rate."""
        proxy = os.path.join(os.path.dirname(os.path.realpath(__file__)), "throttle.py")
        return Helper(sys.executable, proxy, "%s:%d" % (self.address, self.limited_port), "127.0.0.1:%d" % self.port,
                      str(megabits), ready=lambda: accepts_connections(self.address, self.limited_port))

    def download(self):
        """Downloads all blobs without storing them. Returns the seconds and the bytes."""
        trusted = ssl.create_default_context(cafile=self.certificate)
        blobs = {}
        for image in images.TAGS:
            base = "https://%s/v2/%s/" % (self.name, images.name_in("", image)[1:])
            request = urllib.request.Request(base + "manifests/" + images.TAGS[image], headers={"Accept": MANIFEST})
            with urllib.request.urlopen(request, context=trusted) as response:
                manifest = json.load(response)
            for blob in [manifest["config"], *manifest["layers"]]:
                blobs[blob["digest"]] = (base + "blobs/" + blob["digest"], blob["size"])
        requests = [word for url, _ in blobs.values() for word in ("-o", os.devnull, url)]
        seconds = timed(lambda: run("curl", "-sSf", "--parallel", "--parallel-max", "6", "--cacert", self.certificate,
                                    *requests))
        return seconds, sum(size for _, size in blobs.values())
