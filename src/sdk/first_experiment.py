"""A first experiment: trains a small model and records everything about it on the server.

    pip install clearml
    python first_experiment.py

Written by clearml-local. Change the parameters in the web app, clone the task, and an agent
runs it again with the new ones.
"""

import json
import math
import random
from pathlib import Path

from clearml import OutputModel, Task

task = Task.init(project_name="First steps", task_name="First experiment", output_uri=True)
logger = task.get_logger()

# The parameters appear under CONFIGURATION, where a clone of the task can change them.
parameters = task.connect({"learning_rate": 0.5, "epochs": 30, "seed": 1})
random.seed(parameters["seed"])

# Two clouds of points, which the model learns to tell apart.
points = [
    (random.gauss(center, 1.0), random.gauss(center, 1.0), label)
    for center, label in ((-1.0, 0), (1.0, 1))
    for _ in range(200)
]


def probability(x, y):
    return 1 / (1 + math.exp(-(weights[0] * x + weights[1] * y + weights[2])))


weights = [0.0, 0.0, 0.0]
for epoch in range(int(parameters["epochs"])):
    loss, right, gradient = 0.0, 0, [0.0, 0.0, 0.0]
    for x, y, label in points:
        p = probability(x, y)
        loss -= math.log(max(p if label else 1 - p, 1e-12))
        right += (p > 0.5) == bool(label)
        for index, value in enumerate((x, y, 1.0)):
            gradient[index] += (p - label) * value
    for index in range(3):
        weights[index] -= parameters["learning_rate"] * gradient[index] / len(points)
    # Two curves under SCALARS.
    logger.report_scalar("loss", "train", iteration=epoch, value=loss / len(points))
    logger.report_scalar("accuracy", "train", iteration=epoch, value=right / len(points))

# A plot under PLOTS.
for name, wanted in (("first cloud", 0), ("second cloud", 1)):
    logger.report_scatter2d(
        "points",
        name,
        iteration=0,
        scatter=[(x, y) for x, y, label in points if label == wanted],
        mode="markers",
    )

# A file under ARTIFACTS, and the model.
task.upload_artifact("points", artifact_object=points)
model = Path("first_model.json")
model.write_text(json.dumps({"weights": weights}))
OutputModel(task=task, name="First model", framework="Custom").update_weights(str(model))

task.close()
print("See it in the browser:", task.get_output_log_web_page())
