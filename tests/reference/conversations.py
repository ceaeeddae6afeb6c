"""Recorded conversations of the original, read back from its prompts."""

from itertools import pairwise

from videollama.prompts import Medium, Turn

AUDIO_VIDEO_MARK = "Close your eyes"


def read_medium(message):
    """The medium that a recorded first message of the original was about, and the question."""
    if message.startswith("<Image>"):
        return Medium("image"), message.split("</Image>  ")[1]
    if message.startswith(AUDIO_VIDEO_MARK):
        return Medium("video", audio_status="present"), message.split("seen and heard. ")[1]
    if message.startswith("<Video>"):
        times, question = message.split("frames sampled at ")[1].split(" seconds.  ")
        return Medium("video", frame_times_seconds=tuple(map(float, times.split(", ")))), question
    return None, message


def turns_before_each_answer(chat):
    """The conversations of a recorded chat, read back from its prompts."""
    first = chat["turns"][0]["prompt"]
    start = min(first.find(mark) for mark in ("<Video>", AUDIO_VIDEO_MARK) if mark in first)
    opening, end = ("Human: ", "###Assistant:")
    if chat["style"] == "llama_2":
        opening, end = ("<s>[INST] ", " [/INST]")
    medium, question = read_medium(first[start:].removesuffix(end))
    turns = [Turn("user", (medium, question))]
    yield turns
    for before, now in pairwise(chat["turns"]):
        follow_up = now["prompt"].removesuffix(end).split(opening)[-1]
        turns = [*turns, Turn("assistant", (before["answer"],)), Turn("user", (follow_up,))]
        yield turns
