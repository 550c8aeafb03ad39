"""The same objects on an existing cluster: with `up --context`, and as a chart with Helm."""
import json
import os
import shutil
import sys
import time

from .host import run, timed
from .manual import await_login
from .product import REAL_TIMES

THREE_NODES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tests/rig/three-nodes")
API_NODE_PORT = 30008


class ExistingCluster:
    """A cluster of three nodes that has the images, and an instance in it."""

    def __init__(self, binary, name, work):
        self.binary, self.name, self.work = binary, name, work
        self.kubeconfig = os.path.join(work, "existing-kubeconfig")
        self.values = os.path.join(work, "existing-values.yaml")
        self.chart = os.path.join(work, "chart")
        self.credentials = None
        with open(self.values, "w") as file:
            file.write(REAL_TIMES)

    def __enter__(self):
        if not shutil.which("helm"):
            sys.exit("by-hand: helm is not installed: go install helm.sh/helm/v4/cmd/helm@v4.3.1")
        run(THREE_NODES, self.name, self.kubeconfig)
        self.node = run("docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                        self.name + "-control-plane").strip()
        return self

    def __exit__(self, *_):
        run(THREE_NODES, "--delete", self.name, check=False)

    def ours(self, command, *more):
        # The node image is for local nodes.
        environment = {name: value for name, value in os.environ.items() if name != "CLEARML_LOCAL_NODE_IMAGE"}
        return run(self.binary, command, "--name", self.name, *more, env=environment)

    def up(self):
        """Returns the seconds until a login, and stores the objects as a chart."""
        place = ["--context", "kind-" + self.name, "--kubeconfig", self.kubeconfig, "-f", self.values]
        seconds = timed(lambda: self.ours("up", *place))
        self.store_chart()
        keys = json.loads(self.ours("credentials", "-o", "json"))
        self.credentials = keys["accessKey"], keys["secretKey"]
        return seconds

    def purge(self):
        self.ours("down", "--purge", "--yes")
        self.await_empty()

    def store_chart(self):
        os.makedirs(os.path.join(self.chart, "templates"), exist_ok=True)
        with open(os.path.join(self.chart, "Chart.yaml"), "w") as file:
            file.write("apiVersion: v2\nname: by-hand\nversion: 1.0.0\n")
        with open(os.path.join(self.chart, "templates", "all.yaml"), "w") as file:
            file.write(self.ours("render", "--show-secrets").replace("{{", '{{ "{{" }}'))

    def helm(self, *argv):
        return run("helm", "--kubeconfig", self.kubeconfig, "--kube-context", "kind-" + self.name,
                   "--namespace", "clearml", *argv)

    def install(self):
        """Returns the seconds that Helm takes until a login."""
        def work():
            self.helm("install", "by-hand", self.chart, "--create-namespace", "--wait", "--timeout", "5m")
            await_login(self.node, API_NODE_PORT, *self.credentials)
        return timed(work)

    def uninstall(self):
        self.helm("uninstall", "by-hand", "--wait")
        self.await_empty()

    def await_empty(self):
        """Waits until nothing of the last server runs any more."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            if not run("kubectl", "--kubeconfig", self.kubeconfig, "-n", "clearml", "get", "pods,pvc", "-o", "name").strip():
                return
            time.sleep(0.5)
