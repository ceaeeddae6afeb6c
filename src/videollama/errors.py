"""The errors a user can meet.

    VideoLlamaError
    ├── InputError            a value given by the caller cannot be used
    │   └── LanguageError     a question is in a language that the model does not know
    ├── MediaError            a file cannot be read as video, image or sound
    ├── ModelNotFoundError    a model reference leads nowhere
    ├── CheckpointError       files that exist, but do not form a working model
    ├── DownloadError         weights could not be fetched
    ├── RecipeError           a training recipe is not valid
    ├── DataError             training or evaluation data is not usable
    ├── OutputError           a result could not be written
    ├── BusyError             more is asked at once than can be answered
    ├── BackendError          the server that writes the words does not
    └── RefusedError          a guard objects to what is asked or written

Every message is one sentence that holds the offending value and what to do about it.
"""


class VideoLlamaError(Exception):
    """Base of all errors that are the user's to fix; the command prints them and exits with 2."""


class InputError(VideoLlamaError):
    """A value given by the caller cannot be used."""


class LanguageError(InputError):
    """A question is in a language that the model does not know; said in that language."""


class MediaError(VideoLlamaError):
    """A file cannot be read as video, image or sound."""


class ModelNotFoundError(VideoLlamaError):
    """A model reference leads nowhere."""


class CheckpointError(VideoLlamaError):
    """Files exist, but do not form a working model."""


class DownloadError(VideoLlamaError):
    """Weights could not be fetched."""


class RecipeError(VideoLlamaError):
    """A training recipe is not valid."""


class DataError(VideoLlamaError):
    """Training or evaluation data is not usable."""


class OutputError(VideoLlamaError):
    """A result could not be written."""


class BusyError(VideoLlamaError):
    """More is asked at once than can be answered; the same request may succeed a moment later."""


class BackendError(VideoLlamaError):
    """The server that writes the words in our place does not; it may be back a moment later."""


class RefusedError(VideoLlamaError):
    """A guard objects to what is asked or written; the message is what is said instead of it.

    Args:
        message: In the language of the question.
        guard: Who objects.
        reason: Why, in a word.
    """

    def __init__(self, message: str, guard: str, reason: str) -> None:
        super().__init__(message)
        self.guard, self.reason = guard, reason
