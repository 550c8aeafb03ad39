"""A task that moves itself to a queue, reads an artifact of another task, and writes one.

The other task ran outside of the cluster.
"""

from clearml import Task
from clearml.backend_api.session.client import APIClient

NAME = "in the cluster"


def create_queue(name):
    if Task.running_locally():
        APIClient().queues.create(name=name)


task = Task.init(project_name=NAME, task_name=NAME, auto_resource_monitoring=False)
given = {"task": ""}
if Task.running_locally():
    outside = Task.create(project_name=NAME, task_name="outside")
    outside.mark_started()
    assert outside.upload_artifact("rate", {"rate": 0.25}, wait_on_upload=True)
    outside.mark_completed()
    given["task"] = outside.id
task.connect(given)
print(f"task={task.id}", flush=True)
task.execute_remotely(queue_name="default")
rate = Task.get_task(task_id=given["task"]).artifacts["rate"].get()["rate"]
assert task.upload_artifact("weights", {"rate": rate}, wait_on_upload=True)
