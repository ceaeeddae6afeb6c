import pytest

from videollama.media.object_words import OBJECT_WORDS

DOG_IN_SNOW = [
    "A black dog runs in the snow .",
    "The dog's ball lies in the snow .",
    "An animal plays outside .",
]


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        ("dog", True, False),
        ("snow", True, False),
        ("ball", False, False),  # named once: neither sure
        ("cat", False, False),  # "animal" leaves it open
        ("car", False, True),
        ("person", False, True),
    ],
)
def test_presence(name, present, absent):
    thing = OBJECT_WORDS[name]
    assert thing.is_present(DOG_IN_SNOW) is present
    assert thing.is_absent(DOG_IN_SNOW) is absent


def test_whole_words_only():
    assert OBJECT_WORDS["car"].is_absent(["A carpet with a cartoon .", "Scary carpets ."])


def test_groups_of_people_leave_men_and_women_open():
    captions = ["Three skiers on a hill .", "People ski ."]
    assert not OBJECT_WORDS["man"].is_absent(captions)
    assert not OBJECT_WORDS["woman"].is_absent(captions)
    assert OBJECT_WORDS["man"].is_absent(["A little girl jumps .", "A girl on grass ."])


@pytest.mark.parametrize("name", sorted(OBJECT_WORDS))
def test_the_phrase_itself_names_the_thing(name):
    thing = OBJECT_WORDS[name]
    assert thing.phrase.endswith(name)
    assert thing.num_captions([f"There is {thing.phrase} ."]) == 1
    assert thing.words.isdisjoint(thing.doubtful)
    assert not any(word.isupper() for word in thing.doubtful)
