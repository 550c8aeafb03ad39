"""The measured sets of images, and 1 GB of images for loading."""
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
    """The four images of a release, under the names of one set."""

    def __init__(self, repositories, directory=None):
        self.repositories = repositories
        self.release = None
        if directory is not None:
            images = ['  %s: {repository: %s, tag: "%s"}' % (image, repositories[image], TAGS[image]) for image in TAGS]
            self.release = os.path.join(directory, "release-%s.yaml" % repositories["redis"].replace("/", "-"))
            with open(self.release, "w") as file:
                file.write(RELEASE % "\n".join(images))

    def reference(self, image):
        return self.repositories[image] + ":" + TAGS[image]

    def references(self):
        return [self.reference(image) for image in TAGS]

    def arguments(self):
        """Returns the arguments of `up` for this set."""
        return [] if self.release is None else ["--release", self.release]

    def bytes(self):
        """Returns the uncompressed size of all layers."""
        return sum(int(size) for size in run("docker", "image", "inspect", "-f", "{{.Size}}", *self.references()).split())

    def remove(self):
        run("docker", "rmi", "-f", *self.references(), check=False)


def small():
    """Returns the set of the tests."""
    run(STANDINS, "1.5.0")
    return ImageSet(PUBLISHED)


def name_in(registry, image):
    return registry + "/" + {"mongodb": "mongo"}.get(image, image)


def from_registry(registry, directory):
    """Returns the set with real sizes, under the names in a registry."""
    return ImageSet({image: name_in(registry, image) for image in TAGS}, directory)


def real(directory):
    """Returns the set with real sizes, and loads it into the engine if necessary."""
    run(STANDINS, "--real-sizes", "1.5.0")
    return from_registry("bench.local", directory)


def one_gigabyte(prefix, directory):
    """Builds three images of 500 + 250 + 250 MB with a common base. Half of the data is text."""
    names = ["%s/%s:1" % (prefix, part) for part in ("base", "one", "two")]
    letters = bytes(range(97, 123))
    for part, size, base in [("base", 500, None), ("one", 250, "base"), ("two", 250, "base")]:
        context = os.path.join(directory, part)
        os.mkdir(context)
        with open(os.path.join(context, part), "wb") as file:
            for _ in range(size * 2):
                file.write(os.urandom(250_000))
                line = bytes(random.choices(letters, k=2500))
                file.write(b"".join(line[i:] + line[:i] for i in range(100)))
        source = "%s/%s:1" % (prefix, base) if base else "scratch"
        with open(os.path.join(context, "Dockerfile"), "w") as file:
            file.write('FROM %s\nCOPY %s /\nCMD ["/x"]\n' % (source, part))
        run("docker", "build", "-q", "-t", "%s/%s:1" % (prefix, part), context, env={**os.environ, "DOCKER_BUILDKIT": "0"})
        shutil.rmtree(context)
    return names
