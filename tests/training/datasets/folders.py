"""Tiny folders with exactly the names and fields of the real data sets."""

import json

from tests.synthetic import write_clip, write_picture, write_sound

CHAT = [
    {"from": "human", "value": "Provide a brief description of the given image.\n<image>"},
    {"from": "gpt", "value": "olive oil is a healthy ingredient used liberally ."},
]
COCO_CHAT = [
    {"from": "human", "value": "<image>\nWhat are the colors of the bus in the image?"},
    {"from": "gpt", "value": "The bus in the image is white and red."},
    {"from": "human", "value": "What feature can be seen on the back of the bus?"},
    {"from": "gpt", "value": "The back of the bus features an advertisement."},
]
VIDEO_CHAT = [
    {"from": "human", "value": "<video>\nWhat moves?"},
    {"from": "gpt", "value": "A square."},
]


def webvid(folder):
    (folder / "filter_annotation").mkdir(parents=True)
    (folder / "filter_annotation" / "0.tsv").write_text(
        "videoid,contentUrl,duration,page_dir,name\n"
        "1066674784,https://ak.picdn.net/1.mp4,PT00H00M13S,000001_000050,"
        '"Aerial shot, winter forest"\n'
        "1066682446,https://ak.picdn.net/2.mp4,PT00H00M29S,000001_000050,A man cooks\n"
    )
    page = folder / "videos" / "000001_000050"
    page.mkdir(parents=True)
    write_clip(page / "1066674784.mp4", seconds=1.0, sound=None)
    write_clip(page / "1066682446.mp4", seconds=0.5, sound=None)
    return folder


def filter_cap(folder):
    (folder / "image").mkdir(parents=True)
    write_picture(folder / "image" / "2.jpg")
    notes = [{"image_id": "2", "caption": "The image shows a man fishing on a lawn."}]
    (folder / "filter_cap.json").write_text(json.dumps({"annotations": notes}))
    return folder


def llava_cc3m(folder):
    folder.mkdir(parents=True)
    name = "GCC_train_002582585"
    write_picture(folder / f"{name}.jpg")
    chat = [{"id": name, "image": f"{name}.jpg", "conversations": CHAT}]
    caption = "olive oil is a healthy ingredient used liberally ."
    about = {"id": name, "image": f"{name}.jpg", "caption": caption}
    about |= {"blip_caption": "olive oil and fresh herbs", "url": "http://example.org/1.jpg"}
    (folder / "chat.json").write_text(json.dumps(chat))
    (folder / "metadata.json").write_text(json.dumps([about]))
    return folder


def llava_instruct(folder):
    (folder / "train2014").mkdir(parents=True)
    write_picture(folder / "train2014" / "COCO_train2014_000000033471.jpg")
    item = {"id": "000000033471", "image": "000000033471.jpg", "conversations": COCO_CHAT}
    (folder / "llava_instruct_150k.json").write_text(json.dumps([item], indent=2))
    return folder


def videochat(folder):
    (folder / "000001_000050").mkdir(parents=True)
    write_clip(folder / "000001_000050" / "1066682446.mp4", seconds=2.0)
    pairs = [
        {"i": "Watch closely.", "q": "What happens?", "a": "A square moves."},
        {"i": "Watch closely.", "q": "Where to?", "a": "To the right."},
    ]
    items = [
        {"video": "000001_000050/1066682446.mp4", "QA": pairs},
        {
            "video": "000001_000050/1066682446.mp4",
            "QA": [{"q": "", "a": "A yellow square."}],
            "start": 0.5,
            "end": 1.5,
        },
    ]
    (folder / "videochat_instruct_11k.json").write_text(json.dumps(items))
    return folder


def audiocaps(folder):
    (folder / "train").mkdir(parents=True)
    (folder / "train.csv").write_text(
        "audiocap_id,youtube_id,start_time,caption\n"
        "91139,r1nicOVtvkQ,130,A woman talks nearby as water pours\n"
        "58146,UDGBjjwyaqE,20,Multiple clanging and clanking sounds\n"
    )
    (folder / "val.csv").write_text(
        "audiocap_id,youtube_id,start_time,caption\n"
        "97151,vfY_TJq7n_U,130,Rustling occurs\n"
        "97152,vfY_TJq7n_U,130,Ducks quack\n"
    )
    write_sound(folder / "train" / "r1nicOVtvkQ_130.wav", 1.0)
    write_sound(folder / "train" / "58146.wav", 0.5)
    (folder / "audio").mkdir()
    write_sound(folder / "audio" / "YvfY_TJq7n_U.wav", 0.25)
    return folder


def question_table(folder):
    folder.mkdir(parents=True)
    write_clip(folder / "a.mp4", seconds=1.0)
    write_picture(folder / "b.png")
    write_sound(folder / "c.wav", 1.0)
    (folder / "questions.csv").write_text(
        "file,question,answer,split\n"
        "a.mp4,What moves?,A square.,train\n"
        'b.png,"What colour, please?",Yellow.,train\n'
        "c.wav,,A tone.,validation\n"
    )
    return folder


def conversations(folder):
    folder.mkdir(parents=True)
    write_clip(folder / "a.mp4", seconds=1.0)
    write_picture(folder / "b.png")
    write_sound(folder / "c.wav", 1.0)
    parts = [{"type": "audio", "audio": "c.wav"}, {"type": "text", "text": "What is heard?"}]
    lines = [
        {"video": "a.mp4", "conversations": VIDEO_CHAT},
        {
            "videos": ["a.mp4"],
            "images": ["b.png"],
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "<image>Is this in <video>?"},
                {"role": "assistant", "content": "Yes."},
            ],
            "split": "val",
        },
        {
            "messages": [
                {"role": "user", "content": parts},
                {"role": "assistant", "content": [{"type": "text", "text": "A tone."}]},
            ]
        },
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


WRITERS = {
    "WebVid": webvid,
    "filter_cap": filter_cap,
    "LLaVA-CC3M chat": llava_cc3m,
    "LLaVA-Instruct": llava_instruct,
    "VideoChat": videochat,
    "AudioCaps": audiocaps,
    "question table": question_table,
    "conversations": conversations,
}
