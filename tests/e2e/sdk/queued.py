"""A task that moves itself to a queue, and continues where an agent executes it."""

from clearml import Task

task = Task.init(project_name="queued", task_name="queued", auto_resource_monitoring=False)
print(f"task={task.id}", flush=True)
task.execute_remotely(queue_name="default")
task.get_logger().report_scalar("loss", "train", 0.5, 0)
