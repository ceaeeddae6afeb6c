"""Fine-tune on a folder with questions.csv, and compare answers before and after.

    python examples/make_shapes.py shapes/
    python examples/finetune_on_own_data.py shapes/ runs/shapes

Three passes over the samples, a few minutes on two cores with make_shapes.py's. Further
words replace values of the recipe: training.epochs=8 model.load=FOLDER
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch; its threads else spin

from videollama import VideoLlama
from videollama.cli.own_questions import read_own_questions
from videollama.evaluation.answering import EngineAnswerer
from videollama.evaluation.runner import run_task
from videollama.training.recipe_file import load_recipe
from videollama.training.run import train

RECIPE = Path(__file__).parents[1] / "recipes" / "finetune.yaml"


def main() -> None:
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    recipe = load_recipe(RECIPE, ["training.epochs=3", *sys.argv[3:]])
    questions = read_own_questions(data)
    show("before", questions, recipe.model.load)
    finished = train(recipe, data, out)
    show("after", questions, finished.model)


def show(when: str, questions, model) -> None:
    summary = run_task(questions, EngineAnswerer(VideoLlama.load(model)))
    numbers = ", ".join(f"{name} {value:.0f} %" for name, value in summary.numbers.items())
    print(f"{when}: {numbers} of {summary.num_answers} questions of {questions.source}")
    for record in summary.records[:3]:
        print(f"  {record.question} {record.answer} (wanted: {record.truth})")


if __name__ == "__main__":
    main()
