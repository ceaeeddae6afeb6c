"""`videollama models`: which models can be named, and which are on this machine."""

import json

from videollama.cli import options
from videollama.cli.language import explain, say


def models(as_json: options.JsonOption = False) -> None:
    """List the known models and whether they can be used without network.

    Any folder with a model works as well, see `videollama convert --help`.

    Examples:

        videollama models

        videollama models --json
    """
    from videollama.checkpoints.known_models import known_models

    known = known_models()
    if as_json:
        print(
            json.dumps(
                [
                    {
                        "name": model.name,
                        "status": model.status,
                        "what": model.what,
                        "needs": model.needs,
                        "folder": None if model.folder is None else str(model.folder),
                    }
                    for model in known
                ],
                indent=2,
            )
        )
        return
    width = max(len(model.name) for model in known)
    for model in known:
        remedy = say(" (run: {})").format(model.needs) if model.needs else ""
        print(f"{model.name:{width}}  {say(model.status)}{remedy}")
        print(f"{'':{width}}  {explain(model.what)}")
