"""Writes an artifact outside of the cluster."""

from clearml import Task

task = Task.init(project_name="in the cluster", task_name="outside", auto_resource_monitoring=False)
assert task.upload_artifact("rate", {"rate": 0.25}, wait_on_upload=True)
print(f"task={task.id}", flush=True)
task.close()
