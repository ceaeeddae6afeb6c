"""What the server tells of whole files is what the same calls tell in Python."""

import asyncio
import json

import pytest

from tests.serve.conftest import MODEL, data_url, upload, video, wait_until
from tests.synthetic import two_scenes, write_clip, write_frames, write_picture, write_sound
from videollama.applications.analysis import analyze
from videollama.applications.highlight_files import companions, write_cut
from videollama.applications.highlights import Highlights, Moment, find_highlights
from videollama.applications.subtitle_files import write_subtitles
from videollama.applications.subtitles import subtitle_cues
from videollama.errors import MediaError
from videollama.inference.engine import VideoLlama
from videollama.media.decode import probe
from videollama.media.overview import look_over, read_pictures, read_sounds
from videollama.serve.cutting import cut_elsewhere
from videollama.serve.decoding import DecodePool
from videollama.serve.limits import Limits


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two scenes of two seconds, and a tone."""
    return write_clip(tmp_path_factory.mktemp("film") / "film.mp4", seconds=4.0)


def post(client, route, part, **fields):
    return client.post(f"/v1/{route}", json={"model": MODEL, "input": part, **fields})


def told(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


def refusal(answer, status):
    assert answer.status_code == status, answer.text
    return answer.json()["error"]["message"]


def without_time(facts):
    return {name: value for name, value in facts.items() if name not in ("total_seconds", "path")}


def test_a_file_elsewhere_is_looked_over_as_here(film, tmp_path):
    files = [
        film,
        write_frames(tmp_path / "cut.mp4", two_scenes()),
        write_sound(tmp_path / "a.wav", 3.0),
        write_picture(tmp_path / "a.png"),
    ]

    def parts(overview):
        size = (64, 64)
        pictures = read_pictures(overview, 0.5, 1.5, 4, size)
        spans = [] if overview.sound is None else overview.sound.active_spans()
        sounds = [clip.waveform for clip in read_sounds(overview, spans)] if spans else []
        return None if pictures is None else pictures.frames, sounds

    async def elsewhere():
        pool = DecodePool(Limits(), size=1)
        await pool.start()
        try:
            overviews = [await pool.look_over(file) for file in files]
            from anyio import to_thread

            return [(each, await to_thread.run_sync(parts, each)) for each in overviews]
        finally:
            await pool.close()

    for file, (theirs, their_parts) in zip(files, asyncio.run(elsewhere()), strict=True):
        mine = look_over(file)
        for name in ("kind", "duration_seconds", "frame_size", "num_frames", "cuts_seconds"):
            assert getattr(theirs, name) == getattr(mine, name), name
        assert (theirs.sound is None) == (mine.sound is None)
        assert mine.sound is None or (theirs.sound.levels == mine.sound.levels).all()
        frames, sounds = parts(mine)
        assert (frames is None) == (their_parts[0] is None)
        assert frames is None or (frames == their_parts[0]).all()
        assert len(sounds) == len(their_parts[1])
        for here, there in zip(sounds, their_parts[1], strict=True):
            assert abs(here.shape[1] - there.shape[1]) <= 1
            length = min(here.shape[1], there.shape[1])
            assert (here[:, :length] - there[:, :length]).abs().max() < 1e-3


def test_an_analysis_is_that_of_python(client, assistant, film):
    body = told(post(client, "analyses", upload(client, film)))
    assert (body["object"], body["model"], body["path"]) == ("analysis", MODEL, "film.mp4")
    mine = json.loads(json.dumps(analyze(assistant, film).to_dict()))
    assert without_time(mine).items() <= without_time(body).items()


def test_an_analysis_comes_as_a_page_and_as_subtitles(client, assistant, film, tmp_path):
    part = upload(client, film)
    html = post(client, "analyses", part, response_format="html")
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>film.mp4</h1>" in html.text
    for form in ("vtt", "srt", "ass"):
        answer = post(client, "analyses", part, response_format=form)
        assert answer.status_code == 200
        write_subtitles(tmp_path / f"a.{form}", subtitle_cues(analyze(assistant, film)))
        assert answer.text == (tmp_path / f"a.{form}").read_text()


def test_pictures_and_sounds_are_gone_through_too(client, tmp_path):
    picture = data_url(write_picture(tmp_path / "a.png"), "image/png")
    body = told(post(client, "analyses", {"type": "image_url", "image_url": {"url": picture}}))
    assert (body["kind"], body["path"], len(body["segments"])) == ("image", "input", 1)
    sound = data_url(write_sound(tmp_path / "a.wav"), "audio/wav").partition(",")[2]
    part = {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}
    body = told(post(client, "analyses", part))
    assert (body["kind"], body["segments"][0]["seen"]) == ("audio", None)


def test_of_a_sound_part_only_the_sound_is_used(client, film):
    data = data_url(film, "video/mp4").partition(",")[2]
    part = {"type": "input_audio", "input_audio": {"data": data, "format": "m4a"}}
    body = told(post(client, "analyses", part))
    assert body["kind"] == "audio"
    assert all(segment["seen"] is None for segment in body["segments"])


def test_a_title_rests_on_facts(client, film):
    body = told(post(client, "stories", upload(client, film), style="title"))
    assert body["written_by"] == "facts"
    assert body["text"]
    assert body["facts"][0]["kind"] == "seen"
    assert refusal(post(client, "stories", upload(client, film), style="ode"), 400)


def test_highlights_are_a_file_of_the_caller(client, assistant, film, tmp_path):
    part = upload(client, film)
    body = told(post(client, "highlights", part, query="a square moves", seconds=2))
    content = client.get(f"/v1/files/{body['file_id']}/content").content
    (tmp_path / "theirs.mp4").write_bytes(content)
    mine = find_highlights(assistant, look_over(film), "a square moves", seconds=2)
    write_cut(mine, look_over(film), tmp_path / "mine.mp4")
    account = json.loads(companions(tmp_path / "mine.mp4")[0].read_text())
    assert [each["frames"] for each in body["moments"]] == [
        each["frames"] for each in account["moments"]
    ]
    cut = probe(tmp_path / "theirs.mp4")
    assert cut.duration_seconds == pytest.approx(account["cut_seconds"], abs=0.1)
    assert cut.audio_status == "present"
    assert body["edit_list"].startswith("TITLE: film\n")
    stored = client.get(f"/v1/files/{body['file_id']}").json()
    assert stored["filename"] == "film-highlights.mp4"


def test_what_cannot_be_gone_through_is_told_in_one_sentence(client, tmp_path, film, video_url):
    picture = upload(client, write_picture(tmp_path / "a.png"))
    assert refusal(post(client, "highlights", picture, query="a dog"), 422) == (
        "a.png is a picture; only videos have moments to cut."
    )
    part = upload(client, film)
    assert "holds no word" in refusal(post(client, "highlights", part, query="?!"), 400)
    assert "ask for less" in refusal(
        post(client, "highlights", part, query="dog", seconds=1e3), 400
    )
    moments = video(video_url, start_seconds=1.0, num_frames=4)
    assert refusal(post(client, "analyses", moments), 400) == (
        "input: the file is gone through from its beginning to its end; leave num_frames, "
        "start_seconds out."
    )
    assert "at most 64" in refusal(post(client, "analyses", part, num_frames=65), 400)
    assert "'xx'" in refusal(post(client, "analyses", part, language="xx"), 400)
    words = tmp_path / "words.txt"
    words.write_text("no film at all")
    assert refusal(post(client, "analyses", upload(client, words)), 422).startswith("input: ")
    unknown = {"type": "file", "file": {"file_id": "file-000000000000000000000000"}}
    assert refusal(post(client, "stories", unknown), 404)
    other = client.post("/v1/analyses", json={"model": "other", "input": part})
    assert other.status_code == 404


def test_a_film_that_is_too_long_is_refused_before_it_is_decoded(client_of, film):
    with client_of(Limits(media_seconds=1.5)) as client:
        assert "at most 1.5 s are read" in refusal(
            post(client, "analyses", upload(client, film)), 413
        )


def test_nobody_waiting_any_more_ends_the_work(client_of, tiny_model, tiny_processor, film):
    batches = []

    class Slow(VideoLlama):
        def caption(self, clips, **options):
            batches.append(len(clips))
            import time

            time.sleep(1.0)
            yield from super().caption(clips, **options)

    slow = Slow(tiny_model, tiny_processor)
    limits = Limits(request_seconds=0.8, requests_per_minute=10_000)
    with client_of(limits, load=lambda: slow) as client:
        wait_until(lambda: client.get("/ready").status_code == 200)
        answer = post(client, "analyses", upload(client, film))
        assert "more than 0.8 s" in refusal(answer, 408)


def test_where_vllm_writes_whole_files_are_refused(client_of, assistant, film):
    layers = assistant.model.config.text_config.num_hidden_layers
    with client_of() as client:
        part = upload(client, film)
        assistant.model.config.text_config.num_hidden_layers = 0
        try:
            assert "without --backend vllm" in refusal(post(client, "analyses", part), 400)
        finally:
            assistant.model.config.text_config.num_hidden_layers = layers


def test_a_cut_that_cannot_be_made_is_told_by_the_name_that_people_know(film, tmp_path):
    moment = Moment(0.0, 1.0, 1.0, 1.0, 0.0, (), None, None)
    found = Highlights("holiday.mp4", "a dog", 2.0, (moment,), (moment,))
    broken = tmp_path / "file-1.media"
    broken.write_bytes(film.read_bytes()[:2000])

    def reason(file, limits):
        with pytest.raises(MediaError) as error:
            asyncio.run(cut_elsewhere(file, found, tmp_path / "cut.mp4", limits))
        return str(error.value)

    assert reason(broken, Limits()).startswith("holiday.mp4 is not a video, image or sound")
    assert "file-1" not in reason(broken, Limits())
    assert reason(film, Limits(upload_bytes=500)).startswith("the cut could not be written")
    assert list(tmp_path.glob("*cut*")) == []
