"""Reads the artifact that a task in the cluster has written."""

from clearml import Task

weights = Task.get_task(task_id="TASK").artifacts["weights"]
print(f"url={weights.url}")
print(f"rate={weights.get(force_download=True)['rate']}")
