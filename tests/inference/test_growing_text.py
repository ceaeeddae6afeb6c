from videollama.inference.growing_text import GrowingText


def pieces_of(steps, decode):
    text = GrowingText(decode)
    return [*(text.add(step) for step in steps), text.rest()]


def test_pieces_join_to_the_text_also_inside_an_emoji():
    text = "A dog 🐕 barks."
    steps = [[byte] for byte in text.encode()]
    pieces = pieces_of(steps, lambda ids: bytes(ids).decode(errors="replace"))
    assert "".join(pieces) == text
    assert all("\N{REPLACEMENT CHARACTER}" not in piece for piece in pieces)


def test_a_turn_mark_is_never_shown():
    def decode(ids):
        return bytes(ids).decode().split("###")[0]

    pieces = pieces_of([[byte] for byte in b"Yes.###"], decode)
    assert "".join(pieces) == "Yes."
