import pytest


@pytest.fixture
def loaded(monkeypatch, assistant):
    """Lets every verb find the tiny assistant instead of loading weights; gives the calls."""
    from videollama.inference.engine import VideoLlama

    calls = []

    def load(
        ref=None,
        *,
        device="auto",
        dtype="auto",
        cache_media=True,
        decoder_layers=True,
        compiled=False,
    ):
        words = [] if cache_media else ["--no-cache"]
        words += [] if decoder_layers else ["without decoder layers"]
        words += ["--compile"] if compiled else []
        calls.append((ref, device, dtype, *words))
        return assistant

    monkeypatch.setattr(VideoLlama, "load", load)
    return calls
