"""ImageBind's text trunk against the layers that its authors put together."""

import torch
from torch import nn
from torch.nn.functional import normalize

from videollama.checkpoints.original_keys import map_imagebind_text_keys
from videollama.configuration import ImageBindTrunkConfig
from videollama.model.imagebind import ImageBindTrunk
from videollama.model.joint_space import JointSpace, text_config

WORDS, WIDTH, LAYERS, HEADS, SHARED, LENGTH = 60, 32, 2, 4, 24, 77
SIZES = {"vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": LAYERS}
TRUNK = ImageBindTrunkConfig(hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2)


class AuthorsBlock(nn.Module):
    """`BlockWithMasking` of ImageBind's transformer.py: attention of torch, pre-norm, GELU."""

    def __init__(self):
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = nn.MultiheadAttention(WIDTH, HEADS, bias=True, batch_first=True)
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, tokens, mask):
        inputs = self.norm_1(tokens)
        tokens = tokens + self.attn(inputs, inputs, inputs, attn_mask=mask, need_weights=False)[0]
        hidden = nn.functional.gelu(self.mlp.fc1(self.norm_2(tokens)))
        return tokens + self.mlp.fc2(hidden)


class AuthorsText(nn.Module):
    """Words, causal blocks, and the token of the highest id, normalised and projected."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.places = nn.Parameter(0.1 * torch.randn(1, LENGTH, WIDTH))
        self.blocks = nn.ModuleList(AuthorsBlock() for _ in range(LAYERS))
        self.head = nn.Sequential(
            nn.LayerNorm(WIDTH, eps=1e-6), nn.Linear(WIDTH, SHARED, bias=False)
        )

    def forward(self, ids):
        mask = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)
        tokens = self.words(ids) + self.places
        for block in self.blocks:
            tokens = block(tokens, mask)
        return self.head(tokens[torch.arange(len(ids)), ids.argmax(dim=-1)])

    def named_as_released(self):
        names = {"words.weight": "modality_preprocessors.text.token_embedding.weight"}
        names["places"] = "modality_preprocessors.text.pos_embed"
        released = {}
        for name, tensor in self.state_dict().items():
            new = names.get(name, name.replace("blocks.", "modality_trunks.text.blocks."))
            released[new.replace("head.", "modality_heads.text.proj.")] = tensor
        return released


def test_a_text_is_embedded_as_by_the_authors():
    torch.manual_seed(3)
    authors = AuthorsText().eval()
    with torch.no_grad():
        for parameter in authors.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    config = text_config(**SIZES, num_heads=HEADS, width=SHARED)
    space = JointSpace(config, TRUNK, ImageBindTrunk(TRUNK, SHARED)).eval()
    space.text.load_state_dict(map_imagebind_text_keys(authors.named_as_released()))
    for length in (3, 20, LENGTH):
        ids = torch.randint(1, WORDS - 1, (LENGTH,))
        ids[length - 1], ids[length:] = WORDS - 1, 0
        with torch.no_grad():
            expected = normalize(authors(ids[None])[0], dim=0)
        torch.testing.assert_close(space.of_text(ids), expected, atol=1e-6, rtol=1e-5)


def test_frames_and_segments_have_the_mean_of_their_vectors():
    torch.manual_seed(0)
    config = text_config(**SIZES, num_heads=HEADS, width=SHARED)
    sound = ImageBindTrunk(TRUNK, SHARED)
    space = JointSpace(config, TRUNK, sound).eval()
    for parameter in space.parameters():
        nn.init.normal_(parameter, std=0.05)
    segments = torch.randn(3, 1, 128, 204)
    expected = normalize(sound(segments).mean(dim=0), dim=0)
    torch.testing.assert_close(space.of_segments(segments), expected, atol=1e-6, rtol=1e-5)
    assert space.of_frames(segments).shape == (SHARED,)
