"""An experiment with the SDK from PyPI: scalars, an artifact up and down, search, delete.

Copy it out of the checkout first: in a repository, the SDK analyses all files.
"""

import pathlib
import tempfile

from clearml import Task

CONTENT = b"weights" * 1000
NAME = "experiment of the SDK"

task = Task.init(project_name=NAME, task_name=NAME, auto_resource_monitoring=False)
task.connect({"rate": 0.1})
for iteration in range(3):
    task.get_logger().report_scalar("loss", "train", 1.0 / (iteration + 1), iteration)
file = pathlib.Path(tempfile.mkdtemp()) / "weights.bin"
file.write_bytes(CONTENT)
assert task.upload_artifact("weights", file, wait_on_upload=True)
task.close()

[found] = Task.get_tasks(project_name=NAME, task_name=NAME)
assert found.id == task.id
assert found.get_status() == "completed", found.get_status()
assert found.get_parameters() == {"General/rate": "0.1"}, found.get_parameters()
scalars = found.get_reported_scalars()["loss"]["train"]
assert scalars["x"] == [0, 1, 2], scalars
copy = found.artifacts["weights"].get_local_copy(force_download=True)
assert pathlib.Path(copy).read_bytes() == CONTENT
assert found.delete(), "not deleted"
assert not Task.get_tasks(project_name=NAME, task_name=NAME)
print("done")
