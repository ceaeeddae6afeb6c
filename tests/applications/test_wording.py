import pytest

from videollama.applications.wording import action, people_count


@pytest.mark.parametrize(
    ("description", "count"),
    [
        ("A man is sitting on a couch.", 1),
        ("A man and a woman are dancing.", 2),
        ("Two young girls and a boy play.", 3),
        ("A man and young woman sit.", 2),
        ("Two dogs and a man run through the snow.", 1),
        ("A man in a red shirt and another man ride bikes.", 2),
        ("3 football players run.", 3),
        ("A boy jumps while the boy behind him looks.", 1),
        ("A dog runs.", None),
        ("People walk down a street.", None),
        ("A group of three men sit.", None),
        ("Several children play.", None),
        ("The man is old.", None),
        ("A man's hand holds a cup.", None),
        ("一个男人正在骑自行车。", 1),
        ("两个女孩和一个穿红衣服的男人在草地上跳舞。", 3),
        ("一群人在唱歌。", None),
        ("一只狗跑过雪地。", None),
        ("", None),
    ],
)
def test_people_are_counted_where_the_description_counts_them(description, count):
    assert people_count(description) == count


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("A man is riding a bike down a street.", "riding a bike down a street"),
        ("A man wearing a hat is climbing, and a dog waits.", "climbing"),
        ("A dog running through snow.", "running through snow"),
        ("A man wearing a hat.", None),
        ("A red car.", None),
        ("两个女孩在草地上跳舞，旁边有狗。", "跳舞"),
        ("一个男人正在骑自行车。", "骑自行车"),
        ("一只狗在草地上。", None),
    ],
)
def test_the_action_is_what_is_done(description, expected):
    assert action(description) == expected
