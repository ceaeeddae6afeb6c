"""Folders from the Hugging Face hub, with refusals a user understands."""

from pathlib import Path

from videollama.errors import DownloadError, ModelNotFoundError


def download_snapshot(hub_id: str, allow_patterns: list[str] | None = None) -> Path:
    """Fetch a repository of the hub, or find the copy fetched earlier.

    Args:
        hub_id: "owner/name".
        allow_patterns: glob patterns of the files wanted; all files if None.

    Returns:
        The folder in the hub's own cache ($HF_HOME).

    Raises:
        ModelNotFoundError: the hub has no such repository.
        DownloadError: no network, no permission, or the download broke off.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return Path(snapshot_download(hub_id, allow_patterns=allow_patterns))
    except GatedRepoError as error:
        raise DownloadError(
            f"{hub_id} asks for its licence to be accepted; do so at "
            f"https://huggingface.co/{hub_id} and log in with `hf auth login`."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelNotFoundError(
            f"The hub has no model {hub_id!r}; check the spelling, or log in with `hf auth login` "
            "if it is private."
        ) from error
    except LocalEntryNotFoundError as error:
        raise DownloadError(
            f"{hub_id} is not on this machine and the hub cannot be reached; check the network, or "
            "give the path of a local folder."
        ) from error
    except HfHubHTTPError as error:
        raise DownloadError(f"{hub_id} could not be fetched from the hub ({error}).") from error
    except OSError as error:
        if error.errno is not None:  # the disk's refusals keep their own sentence
            raise
        raise DownloadError(
            f"{hub_id} could not be fetched because the connection broke ({error}); try again: "
            "what has arrived is kept."
        ) from error
