import pytest

from videollama.errors import DataError, RecipeError
from videollama.training.broken_samples import BrokenSamples
from videollama.training.finetune_recipe import OwnDataSection, SourceSection
from videollama.training.finetuning.samples import read_samples


def read(folder, **options):
    return read_samples(OwnDataSection(**options), folder, seed=0, broken=BrokenSamples(20))


def test_a_split_is_learned_and_another_held_out(own_folder):
    samples = read(own_folder)
    assert samples.counts == {own_folder.name: 5, "held out": 1}


def test_without_a_split_a_share_of_the_files_is_held_out(tmp_path):
    rows = [f"{n}.mp4,Q{q}?,A.\n" for n in range(20) for q in range(2)]
    (tmp_path / "q.csv").write_text("file,question,answer\n" + "".join(rows))
    samples = read(tmp_path, validation_share=0.2)
    assert samples.counts == {tmp_path.name: 32, "held out": 8}
    learned = {sample.media[0].path for sample in samples.training[0]}
    assert not learned & {sample.media[0].path for sample in samples.validation}


def test_a_source_of_its_own_is_held_out_whatever_its_split(tmp_path, own_folder):
    (tmp_path / "other.csv").write_text("file,question,answer\nx.mp4,Q?,A.\n")
    more = [SourceSection(path=str(tmp_path / "other.csv"))]
    assert read(own_folder, validation=more).counts == {own_folder.name: 5, "held out": 2}


def test_what_cannot_be_learned_from_is_one_sentence(tmp_path, own_folder):
    with pytest.raises(DataError, match="no sample of the split 'dev', but 5 of 'train'"):
        read(own_folder, train_split="dev")
    (tmp_path / "q.csv").write_text("file,question,answer\nx.mp4,Q?,A.\n")
    with pytest.raises(DataError, match="No usable sample is held out"):
        read(tmp_path)
    sources = [SourceSection(path=".", weight=1.0), SourceSection(path=".")]
    with pytest.raises(RecipeError, match="has no weight, but others have"):
        read(own_folder, sources=sources)
