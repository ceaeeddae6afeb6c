"""What each of two processes does for test_several_processes.py: run after run of a JSON list."""

import json
import sys
from pathlib import Path

import torch

from videollama.errors import VideoLlamaError
from videollama.training.processes import end_processes
from videollama.training.recipe_file import check_recipe
from videollama.training.run import train


def main(file: Path) -> None:
    """Each run is [recipe, data folder, out folder]; goes on where one is; notes what is told."""
    torch.set_num_threads(1)
    for content, data, out in json.loads(file.read_text()):
        told = []
        try:
            recipe = check_recipe(content, "test")
            train(recipe, Path(data), Path(out), resume=True, report=told.append)
        except VideoLlamaError as error:
            told.append(str(error))
        with Path(out, "told.txt").open("a") as stream:
            stream.writelines(f"{line}\n" for line in told)
    end_processes()


main(Path(sys.argv[1]))
