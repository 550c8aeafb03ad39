"""The same work by hand: with kind and kubectl, or with plain containers."""
import base64
import json
import os
import sys
import time
import urllib.request

from .host import run, timed

NODE_PORTS = {"web": 30080, "api": 30008, "files": 30081}
OWNERS = {"redis": "999:999", "mongodb": "999:999", "elasticsearch": "1000:0", "fileserver": "0:0"}
CONFIG = """kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
nodes:
- role: control-plane
  extraPortMappings:
%s"""


def await_login(address, port, key, secret):
    """Polls like `up` until a login returns a token."""
    basic = base64.b64encode(("%s:%s" % (key, secret)).encode()).decode()
    request = urllib.request.Request("http://%s:%d/auth.login" % (address, port), b"{}",
                                     {"Authorization": "Basic " + basic, "Content-Type": "application/json"})
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            if json.load(urllib.request.urlopen(request, timeout=10))["data"]["token"]:
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit("by-hand: no login in 300 s")


class Kind:
    """The steps in the chart's README, with kind and kubectl."""

    def __init__(self, name, node_image, ports, work):
        self.name, self.node_image, self.ports = name, node_image, ports
        self.node = name + "-control-plane"
        self.kubeconfig = os.path.join(work, "kubeconfig")
        self.config = os.path.join(work, "kind.yaml")
        with open(self.config, "w") as file:
            file.write(CONFIG % "".join("  - {containerPort: %d, hostPort: %d, listenAddress: 127.0.0.1}\n"
                                        % (NODE_PORTS[one], ports[one]) for one in ports))

    def kubectl(self, *argv, **more):
        return run("kubectl", "--kubeconfig", self.kubeconfig, *argv, **more)

    def create(self):
        image = ["--image", self.node_image] if self.node_image else []
        run("kind", "create", "cluster", "--name", self.name, *image, "--config", self.config,
            "--kubeconfig", self.kubeconfig, "--wait", "120s")

    def load(self, references):
        run("kind", "load", "docker-image", "--name", self.name, *references)

    def apply(self, manifests):
        for directory, owner in OWNERS.items():
            path = "/var/local-path-provisioner/" + directory
            run("docker", "exec", self.node, "sh", "-c", "mkdir -p %s && chown %s %s" % (path, owner, path))
        self.kubectl("create", "namespace", "clearml", check=False)
        self.kubectl("apply", "-f", manifests)

    def wait(self, credentials):
        self.kubectl("-n", "clearml", "wait", "--for=condition=Ready", "pods", "--all", "--timeout=300s")
        await_login("127.0.0.1", self.ports["api"], *credentials)

    def server(self, references, manifests, credentials):
        """Creates a cluster with a server until a login. Returns the seconds of each step."""
        return {"kind create": timed(self.create),
                "kind load": timed(lambda: self.load(references)),
                "kubectl apply": timed(lambda: self.apply(manifests)),
                "wait and login": timed(lambda: self.wait(credentials))}

    def delete(self):
        run("kind", "delete", "cluster", "--name", self.name, "--kubeconfig", self.kubeconfig, check=False)
