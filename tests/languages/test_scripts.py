import pytest

from videollama.languages.scripts import refusal_of, script_of

ENGLISH = [
    "What happens, and what do you hear?",
    "Who is 毛泽东?",
    "Who is 习近平主席?",
    "Is there a sign that says 出口 or 入口 in the video?",
    'What does "安全出口在这里请走这边" mean?',
    "Does he say Привет or здравствуйте?",
    "Describe the naïve café owner in Zürich 😀😀😀🎉",
    "Where is مكة shown?",
    "how many 🐶🐶🐶🐶🐶🐶🐶?",
    "¿Qué se oye?",
    "Was hört man?",
    "12:30 - 14:00",
    "😀",
    "",
    "Translate 東京タワー please, and tell me what is shown",
    "α and β particles",
    "dog",
]


@pytest.mark.parametrize("question", ENGLISH)
def test_a_question_in_latin_letters_is_never_refused(question):
    assert script_of(question) is None
    assert refusal_of(question, ("en",)) is None


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("视频里发生了什么？", "zh"),
        ("你听到了什么", "zh"),
        ("请描述这个 YouTube 视频", "zh"),
        ("这个video里有什么", "zh"),
        ("他说“hello world”是什么意思？", "zh"),
        ("影片裡有幾隻狗?", "zh"),
        ("視頻 what 是什麼意思，請詳細描述一下", "zh"),
        ("何が聞こえますか", "ja"),
        ("動画の内容を説明してください", "ja"),
        ("무엇이 들리나요?", "ko"),
        ("Что происходит в видео?", "ru"),
        ("ماذا يحدث في الفيديو؟", "ar"),
        ("מה קורה בסרטון?", "he"),
        ("वीडियो में क्या हो रहा है?", "hi"),
        ("เกิดอะไรขึ้นในวิดีโอ", "th"),
        ("Τι συμβαίνει στο βίντεο;", "el"),
        ("什么", "zh"),
    ],
)
def test_a_question_in_another_script_is_refused_in_its_language(question, language):
    assert script_of(question).languages[0] == language
    refusal = refusal_of(question, ("en",))
    assert script_of(refusal).languages[0] == language
    assert refusal_of(question, None) is None
    assert refusal_of(question, ("en", language)) is None


def test_the_refusal_names_what_is_known_as_the_asker_calls_it():
    assert refusal_of("你听到了什么？", ("en",)) == (
        "这个模型不懂中文，只懂英语；请用英语提问，或换一个懂中文的模型。"
    )
    assert "английский, китайский" in refusal_of("Что слышно?", ("en", "zh"))
    assert "fr" in refusal_of("Что слышно?", ("fr",))
