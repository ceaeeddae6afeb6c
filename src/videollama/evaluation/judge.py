"""A language model as judge, behind any server that speaks OpenAI's chat completions.

The procedure is that of M. Maaz et al., "Video-ChatGPT", ACL 2024: question, true and given answer
go to the judge, which says yes or no and a grade from 0 to 5. The wording is ours
(`PROMPT_VERSION`), so grades compare with those of the same version and the same judge only.
"""

import ast
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from videollama.errors import BackendError, InputError

PROMPT_VERSION = "videollama-1"
KEY_VARIABLE = "OPENAI_API_KEY"
ATTEMPTS = 4
_SECONDS_TO_WAIT = 120.0
_WORTH_RETRYING = frozenset({408, 409, 425, 429, 500, 502, 503, 504})

_ANSWER_SYSTEM = (
    "You grade answers to questions about videos. You see a question, the correct answer and the "
    "answer of a candidate, and decide whether the candidate means the same as the correct answer. "
    "Synonyms and other wordings count as the same; further details do not matter unless they "
    "contradict."
)
_ANSWER_FORM = (
    'Reply with one line of JSON and nothing else: {"pred": "yes" or "no", "score": an integer '
    "from 0 (unrelated) to 5 (the same)}."
)
_GRADE_FORM = (
    'Reply with one line of JSON and nothing else: {"score": an integer from 0 (not at all) to 5 '
    "(fully)}."
)


class JudgeError(Exception):
    """The judge gave no verdict; the message says why."""


@dataclass(frozen=True)
class Inquiry:
    """One thing that the judge is asked.

    Attributes:
        sample_id: The answer that is judged.
        aspect: In which respect.
        system: Who the judge is.
        text: The case.
        wants_yes_or_no: Whether a yes or no is asked for beside the grade.
    """

    sample_id: str
    aspect: str
    system: str
    text: str
    wants_yes_or_no: bool


@dataclass(frozen=True)
class Verdict:
    """What the judge said.

    Attributes:
        grade: From 0 to 5.
        is_right: Yes or no, where it was asked for.
    """

    grade: int
    is_right: bool | None = None


def answer_inquiry(sample_id: str, question: str, truth: str, answer: str) -> Inquiry:
    """Whether a short answer is right."""
    case = f"Question: {question}\nCorrect answer: {truth}\nCandidate: {answer}\n\n{_ANSWER_FORM}"
    return Inquiry(sample_id, "answer", _ANSWER_SYSTEM, case, wants_yes_or_no=True)


def grade_inquiry(sample_id: str, aspect: str, system: str, case: str) -> Inquiry:
    """How good an answer is in one respect."""
    return Inquiry(sample_id, aspect, system, f"{case}\n\n{_GRADE_FORM}", wants_yes_or_no=False)


class Judge:
    """Asks one model on one server; the key is taken from `OPENAI_API_KEY`, if it is set.

    Args:
        url: The address that ends in /v1.
        model: Its name there.
        wait: Sleeps for a number of seconds between attempts.

    Raises:
        InputError: The address is none.
    """

    def __init__(self, url: str, model: str, wait: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                f"--judge {url} is no address; give one like http://localhost:8000/v1."
            )
        self.url = url.rstrip("/").removesuffix("/chat/completions")
        self.model = model
        self._wait = wait

    def check(self) -> None:
        """Make sure that the server is there and lets us in, before the long work.

        Raises:
            BackendError: It is not, or does not.
        """
        try:
            self._open(urllib.request.Request(f"{self.url}/models", headers=self._headers()), 20.0)
        except urllib.error.HTTPError as error:
            if error.code in (401, 403):
                raise BackendError(
                    f"The judge at {self.url} wants a key ({error.code}); set {KEY_VARIABLE}."
                ) from error
        except (OSError, HTTPException) as error:
            raise BackendError(
                f"The judge at {self.url} does not answer ({_reason(error)}); start it, or leave "
                "--judge out."
            ) from error

    def ask(self, inquiry: Inquiry) -> Verdict:
        """The verdict, after up to four attempts.

        Raises:
            JudgeError: The server fails or its answer is no verdict, every time.
        """
        failure = JudgeError("was not asked")
        for attempt in range(ATTEMPTS):
            if attempt:
                self._wait(2.0 ** (attempt - 1))
            try:
                return read_verdict(self._complete(inquiry), inquiry)
            except urllib.error.HTTPError as error:
                failure = JudgeError(f"the server says {error.code}")
                if error.code not in _WORTH_RETRYING:
                    break
            except (OSError, HTTPException) as error:
                failure = JudgeError(_reason(error))
            except JudgeError as error:
                failure = error
        raise failure

    def _complete(self, inquiry: Inquiry) -> str:
        body = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": inquiry.system},
                {"role": "user", "content": inquiry.text},
            ],
            "temperature": 0,
            "max_tokens": 64,
        }
        request = urllib.request.Request(
            f"{self.url}/chat/completions", json.dumps(body).encode(), self._headers()
        )
        reply = self._open(request, _SECONDS_TO_WAIT)
        try:
            return str(json.loads(reply)["choices"][0]["message"]["content"])
        except (ValueError, KeyError, IndexError, TypeError):
            raise JudgeError(f"the server's reply is no chat completion: {reply[:60]!r}") from None

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(KEY_VARIABLE)
        headers = {"Content-Type": "application/json", "User-Agent": "videollama"}
        return {**headers, "Authorization": f"Bearer {key}"} if key else headers

    def _open(self, request: urllib.request.Request, seconds: float) -> bytes:
        with urllib.request.urlopen(request, timeout=seconds) as reply:
            content: bytes = reply.read()
        return content


def read_verdict(reply: str, inquiry: Inquiry) -> Verdict:
    """Reads the grade, and yes or no, from what the judge wrote: JSON or a Python dictionary.

    Raises:
        JudgeError: They are not in it.
    """
    found = re.search(r"\{[^{}]*\}", reply)
    said: Any = None
    for reader in (json.loads, ast.literal_eval):
        try:
            said = reader(found[0]) if found else None
            break
        except (ValueError, SyntaxError):
            continue
    grade = said.get("score") if isinstance(said, dict) else None
    if isinstance(grade, bool) or not isinstance(grade, int | float) or not 0 <= grade <= 5:
        raise JudgeError(f"the reply holds no grade from 0 to 5: {reply[:60]!r}")
    if not inquiry.wants_yes_or_no:
        return Verdict(int(grade))
    word = str(said.get("pred", "")).strip().lower()
    if word not in ("yes", "no"):
        raise JudgeError(f"the reply says neither yes nor no: {reply[:60]!r}")
    return Verdict(int(grade), word == "yes")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error or type(error).__name__)
