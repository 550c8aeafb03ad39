"""A task that moves itself to a queue. There it reads the artifact of another task, and writes one."""

from clearml import Task

task = Task.init(project_name="in the cluster", task_name="inside", auto_resource_monitoring=False)
print(f"task={task.id}", flush=True)
task.execute_remotely(queue_name="default")
rate = Task.get_task(task_id="OUTSIDE").artifacts["rate"].get()["rate"]
assert task.upload_artifact("weights", {"rate": rate}, wait_on_upload=True)
