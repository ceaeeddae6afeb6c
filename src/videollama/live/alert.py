"""Something that is watched for, and when it is sure to be there."""

from videollama.errors import InputError

LOOKS_TO_BE_SURE = 2
"""An alert is given when so many looks in a row say yes, and again only after one that says no."""


class Alert:
    """Something that is watched for, and how often it was there just now.

    Args:
        text: A thing ("a dog"), or a question that yes or no answers.

    Attributes:
        text: The same, without spaces around it.
        question: What a look is asked.

    Raises:
        InputError: The text is empty.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        if not self.text:
            raise InputError("An alert is empty; name what to watch for, for example 'a dog'.")
        is_question = self.text.endswith("?")
        self.question = self.text if is_question else f"Is there {self.text} in the video?"
        self._in_a_row = 0

    def is_due(self, answer: str) -> bool:
        """Takes the answer of a look, and says whether it is the one that makes sure."""
        self._in_a_row = self._in_a_row + 1 if answer.lower().startswith("yes") else 0
        return self._in_a_row == LOOKS_TO_BE_SURE
