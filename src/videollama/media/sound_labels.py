"""What the 50 classes of ESC-50 are called in an answer, and which words count as naming them.

One table for those who phrase answers and for those who judge them. Source of the classes:
K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM MM 2015.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class SoundLabel:
    """One class of sound.

    Attributes:
        label: Name in the data set, for example "crying baby".
        phrase: Noun phrase that completes "I hear …", for example "a baby crying".
        accepted: Lower-case wordings beside label and phrase that name the class. A wording counts
            when its words stand in a row in the answer.
    """

    label: str
    phrase: str
    accepted: tuple[str, ...]


_TABLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("dog", "a dog barking", ("dog", "dogs", "bark", "barks", "barking")),
    ("rooster", "a rooster crowing", ("rooster", "roosters", "cock crowing")),
    ("pig", "a pig grunting", ("pig", "pigs", "oinking")),
    ("cow", "a cow mooing", ("cow", "cows", "mooing", "moo")),
    ("frog", "a frog croaking", ("frog", "frogs", "croaking")),
    ("cat", "a cat meowing", ("cat", "cats", "meow", "meowing")),
    ("hen", "a hen clucking", ("hen", "hens", "chicken", "chickens", "clucking")),
    ("insects", "insects buzzing", ("insect", "insects", "bees", "flies", "a fly")),
    ("sheep", "a sheep bleating", ("sheep", "bleating", "lamb")),
    ("crow", "a crow cawing", ("crow", "crows", "cawing")),
    ("rain", "rain falling", ("rain", "raining")),
    ("sea waves", "sea waves", ("waves", "sea", "ocean", "surf")),
    ("crackling fire", "a fire crackling", ("fire", "crackling")),
    ("crickets", "crickets chirping", ("cricket", "crickets")),
    (
        "chirping birds",
        "birds chirping",
        ("bird", "birds", "birds singing", "bird singing", "birdsong"),
    ),
    ("water drops", "water dripping", ("drops of water", "dripping", "drip", "water drop")),
    ("wind", "wind blowing", ("wind",)),
    ("pouring water", "water being poured", ("pouring", "water poured", "poured")),
    ("toilet flush", "a toilet flushing", ("toilet",)),
    ("thunderstorm", "a thunderstorm", ("thunder", "thunderstorms")),
    ("crying baby", "a baby crying", ("baby", "baby cries", "infant crying")),
    ("sneezing", "someone sneezing", ("sneeze", "sneezes", "sneezing")),
    ("clapping", "people clapping", ("clapping", "applause", "clap", "clapping hands")),
    ("breathing", "someone breathing", ("breathing", "breath", "breathes")),
    ("coughing", "someone coughing", ("cough", "coughs", "coughing")),
    ("footsteps", "footsteps", ("footstep", "footsteps", "steps", "walking")),
    ("laughing", "someone laughing", ("laugh", "laughs", "laughing", "laughter")),
    ("brushing teeth", "someone brushing their teeth", ("brushing", "toothbrush", "teeth")),
    ("snoring", "someone snoring", ("snore", "snores", "snoring")),
    (
        "drinking, sipping",
        "someone drinking",
        ("drinking", "sipping", "drinks", "sips", "drinking sipping"),
    ),
    ("door knock", "a knock on a door", ("knock", "knocking", "knocks", "knocking on a door")),
    ("mouse click", "a mouse clicking", ("mouse", "mouse clicks", "clicking mouse")),
    ("keyboard typing", "typing on a keyboard", ("typing", "keyboard")),
    (
        "door, wood creaks",
        "a wooden door creaking",
        ("door creaking", "creaking", "creaks", "creak", "creaky", "door wood creaks"),
    ),
    ("can opening", "a can being opened", ("can opening", "opening a can", "can opened")),
    ("washing machine", "a washing machine running", ("washing machine",)),
    ("vacuum cleaner", "a vacuum cleaner running", ("vacuum cleaner", "vacuum", "hoover")),
    ("clock alarm", "an alarm clock ringing", ("alarm clock", "alarm")),
    ("clock tick", "a clock ticking", ("ticking", "clock ticks", "tick")),
    ("glass breaking", "glass breaking", ("glass breaking", "breaking glass", "glass shattering")),
    ("helicopter", "a helicopter flying", ("helicopter", "helicopters")),
    ("chainsaw", "a chainsaw running", ("chainsaw", "chain saw", "chainsaws")),
    ("siren", "a siren wailing", ("siren", "sirens")),
    ("car horn", "a car horn honking", ("horn", "honking", "honk", "honks")),
    ("engine", "an engine running", ("engine", "engines", "motor")),
    ("train", "a train passing", ("train", "trains")),
    ("church bells", "church bells ringing", ("church bell", "church bells", "bells", "bell")),
    ("airplane", "an airplane flying", ("airplane", "aeroplane", "plane", "aircraft", "jet")),
    ("fireworks", "fireworks", ("firework", "fireworks")),
    ("hand saw", "a hand saw cutting wood", ("handsaw", "hand saw", "sawing", "saw cutting wood")),
)

SOUND_LABELS: dict[str, SoundLabel] = {
    label: SoundLabel(label, phrase, accepted) for label, phrase, accepted in _TABLE
}


def _words(text: str) -> str:
    """Lower case, punctuation to spaces, one space around every word."""
    return f" {' '.join(re.findall(r'[a-z]+', text.lower()))} "


# From "not" to the end of its clause: what stands there is denied. "No, a dog" denies nothing.
_DENIED = re.compile(
    r"\b(?:no|not|without|neither|nor|never|cannot|\w+n\Wt)\b(?!,)"
    r"(?:(?!\b(?:but|except|only|just|instead|however|although|though)\b|, (?:i|it|there)\b)"
    r"[^.;:!?])*"
)

_NO_TRACK_SAID = re.compile(
    r"\b(no|without( an?| any)?) (audio|sound)\b|\bno (audio|sound)[ -]?track\b"
)
_SILENCE_SAID = re.compile(
    r"\b(silen(t|ce)|no sounds?|nothing|quiet|no audio|without (any )?sound)\b"
    r"|\b(do not|don't|cannot|can't|can not) hear (any|a) ?(thing|sound)"
)

_WORDINGS: dict[str, tuple[str, ...]] = {
    name: tuple(dict.fromkeys(_words(w) for w in (name, entry.phrase, *entry.accepted)))
    for name, entry in SOUND_LABELS.items()
}


def without_denials(answer: str) -> str:
    """An answer in lower case, without what it denies: "Rain, but no dog" gives "rain, but not"."""
    return _DENIED.sub("not", answer.lower())


def named_sounds(answer: str) -> frozenset[str]:
    """Return the labels that an answer names.

    A wording counts as whole words in a row, case and punctuation aside; one that lies wholly
    inside a longer wording of another class in the answer does not ("crow" is not in "crowing",
    and "a crackling fire" is not named by "fireworks"). What is denied is not named: "I hear rain,
    but no dog" names rain alone.

    Args:
        answer: Any text.

    Returns:
        The labels named, without order; empty when none is.
    """
    text = _words(without_denials(answer))
    spans = [
        (match.start() + 1, match.start() + len(wording) - 1, label)
        for label, wordings in _WORDINGS.items()
        for wording in wordings
        for match in re.finditer(f"(?={re.escape(wording)})", text)
    ]
    return frozenset(
        label
        for start, end, label in spans
        if not any(
            other != label and first <= start and end <= last and last - first > end - start
            for first, last, other in spans
        )
    )


def says_no_audio_track(answer: str) -> bool:
    """Whether an answer states that there is no audio, without naming a sound."""
    return bool(_NO_TRACK_SAID.search(answer.lower())) and not named_sounds(answer)


def says_silence(answer: str) -> bool:
    """Whether an answer states that nothing can be heard, without naming a sound."""
    return bool(_SILENCE_SAID.search(answer.lower())) and not named_sounds(answer)
