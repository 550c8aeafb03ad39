"""The sets of images that are measured, and images of 1 GB for loading."""
import os
import random
import shutil

from .host import run

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
STANDINS = os.path.join(REPOSITORY, "tests/rig/standins")
TAGS = {"clearml": "1.5.0", "mongodb": "4.4.29", "redis": "6.2", "elasticsearch": "7.17.29"}
PUBLISHED = {"clearml": "allegroai/clearml", "mongodb": "mongo", "redis": "redis",
             "elasticsearch": "docker.elastic.co/elasticsearch/elasticsearch"}
RELEASE = """name: bench
server: 1.5.0
images:
%s
databases: {mongodb: "4.4", elasticsearch: "7", redis: "6"}
"""


class ImageSet:
    """The four images of a release, under names that tell the set."""

    def __init__(self, repositories, folder=None):
        self.repositories = repositories
        self.release = None
        if folder is not None:
            images = ['  %s: {repository: %s, tag: "%s"}' % (image, repositories[image], TAGS[image]) for image in TAGS]
            self.release = os.path.join(folder, "release-%s.yaml" % repositories["redis"].replace("/", "-"))
            with open(self.release, "w") as file:
                file.write(RELEASE % "\n".join(images))

    def reference(self, image):
        return self.repositories[image] + ":" + TAGS[image]

    def references(self):
        return [self.reference(image) for image in TAGS]

    def arguments(self):
        """What `up` needs to use this set."""
        return [] if self.release is None else ["--release", self.release]

    def bytes(self):
        """The uncompressed size of all layers."""
        return sum(int(size) for size in run("docker", "image", "inspect", "-f", "{{.Size}}", *self.references()).split())

    def remove(self):
        run("docker", "rmi", "-f", *self.references(), check=False)


def small():
    """The tests' own set."""
    run(STANDINS, "1.5.0")
    return ImageSet(PUBLISHED)


def name_in(registry, image):
    return registry + "/" + {"mongodb": "mongo"}.get(image, image)


def from_registry(registry, folder):
    """The set of real sizes, named by where it is pulled from."""
    return ImageSet({image: name_in(registry, image) for image in TAGS}, folder)


def real(folder):
    """The set of real sizes, loaded into the engine if it is not there."""
    run(STANDINS, "--real-sizes", "1.5.0")
    return from_registry("bench.local", folder)


def one_gigabyte(prefix, folder):
    """Builds three images of 500 + 250 + 250 MB that share their base, half of it text."""
    names = ["%s/%s:1" % (prefix, part) for part in ("base", "one", "two")]
    letters = bytes(range(97, 123))
    for part, size, below in [("base", 500, None), ("one", 250, "base"), ("two", 250, "base")]:
        context = os.path.join(folder, part)
        os.mkdir(context)
        with open(os.path.join(context, part), "wb") as file:
            for _ in range(size * 2):
                file.write(os.urandom(250_000))
                line = bytes(random.choices(letters, k=2500))
                file.write(b"".join(line[i:] + line[:i] for i in range(100)))
        source = "%s/%s:1" % (prefix, below) if below else "scratch"
        with open(os.path.join(context, "Dockerfile"), "w") as file:
            file.write('FROM %s\nCOPY %s /\nCMD ["/x"]\n' % (source, part))
        run("docker", "build", "-q", "-t", "%s/%s:1" % (prefix, part), context, env={**os.environ, "DOCKER_BUILDKIT": "0"})
        shutil.rmtree(context)
    return names
