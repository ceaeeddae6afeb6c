"""The captions of the recorded training steps; the files hold what became of them only."""

CAPTIONS = {
    "A": "a dog rides a skateboard in the street",
    "B": "two people talk",
    "C": (
        "the video shows a long walk along the river with many trees and one small boat in the "
        "middle of the water"
    ),
}
