from videollama.prompts import Medium, Piece, Turn
from videollama.prompts.turns import merge_text


def test_a_turn_knows_its_text_and_its_media():
    turn = Turn("user", (Medium("image"), "first", Medium("audio", has_picture=False), "second"))
    assert turn.text == "first second"
    assert [medium.kind for medium in turn.media] == ["image", "audio"]


def test_text_is_joined_up_to_a_change_of_supervision():
    pieces = [Piece("text", "a"), Piece("text", ""), Piece("text", "b"), Piece("text", "c", True)]
    assert merge_text(pieces) == [Piece("text", "ab"), Piece("text", "c", True)]
    assert merge_text([Piece("text", "a"), Piece("video"), Piece("text", "b")])[1].kind == "video"
