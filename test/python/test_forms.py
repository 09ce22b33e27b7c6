"""One thing said in the many ways that people write it: each is exported, and agrees with PyTorch."""

import math

import covature
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(8)
images = torch.randn(6, 3, 8, 8)
sequences = torch.randn(6, 5, 8)
vectors = torch.randn(6, 7)
tokens = torch.randint(0, 9, (6, 5))
labels = torch.randint(0, 4, (6,))


class OnImages(nn.Module):
    def __init__(self, *body, width=6):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class OnTokens(nn.Module):
    def __init__(self, body, width=8):
        super().__init__()
        self.body = body
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.body(x).mean(1))


class Attention(nn.Module):
    """Self-attention in several hands."""

    def __init__(self, form, heads=2, causal=False, bias=True, width=8):
        super().__init__()
        self.form, self.heads, self.causal = form, heads, causal
        if form in ("separate", "einsum", "bmm", "rotary", "rotary-interleaved"):
            self.q, self.k, self.v = (nn.Linear(width, width, bias=bias) for _ in range(3))
        else:
            self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        B, T, C = x.shape
        H, N = self.heads, C // self.heads
        if self.form == "timm":
            q, k, v = self.qkv(x).reshape(B, T, 3, H, N).permute(2, 0, 3, 1, 4).unbind(0)
            out = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
            return self.proj(out.transpose(1, 2).reshape(B, T, C))
        if self.form == "per head":
            q, k, v = self.qkv(x).view(B, T, H, 3 * N).transpose(1, 2).chunk(3, dim=-1)
            out = F.softmax(q @ k.mT * N**-0.5, -1) @ v
            return self.proj(out.permute(0, 2, 1, 3).flatten(2))
        q, k, v = (each(x) for each in (self.q, self.k, self.v))
        if self.form == "bmm":
            q, k, v = (each.view(B, T, H, N).transpose(1, 2).reshape(B * H, T, N) for each in (q, k, v))
            scores = torch.bmm(q, k.transpose(1, 2)) / math.sqrt(N)
            if self.causal:
                scores = scores + torch.triu(torch.full((T, T), float("-inf")), diagonal=1)
            out = torch.bmm(torch.softmax(scores, 2), v)
            return self.proj(out.view(B, H, T, N).transpose(1, 2).reshape(B, T, C))
        if self.form == "einsum":
            q, k, v = (each.view(B, T, H, N) for each in (q, k, v))
            weights = torch.einsum("bqhn,bkhn->bhqk", q, k).div(math.sqrt(N)).softmax(dim=-1)
            return self.proj(torch.einsum("bhqk,bkhn->bqhn", weights, v).reshape(B, T, C))
        q, k, v = (each.view(B, T, H, N).transpose(1, 2) for each in (q, k, v))
        if self.form.startswith("rotary"):
            angle = torch.outer(torch.arange(T, dtype=x.dtype), 10000.0 ** (-torch.arange(0, N, 2, dtype=x.dtype) / N))
            turn = self.turn_pairs if self.form == "rotary-interleaved" else self.turn_halves
            q, k = turn(q, angle), turn(k, angle)
        mask = torch.ones(T, T, dtype=torch.bool).tril() if self.causal else None
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(out.transpose(1, 2).contiguous().view(B, T, C))

    @staticmethod
    def turn_halves(x, angle):
        cos, sin = torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat([-b, a], -1) * sin

    @staticmethod
    def turn_pairs(x, angle):
        turned = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(torch.ones_like(angle), angle)
        return torch.view_as_real(turned).flatten(-2)


class LlamaNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class NewGELU(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class Swish(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x)


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 2, 1)
        self.b = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 3, padding=1))
        self.c = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.Conv2d(3, 1, 1))

    def forward(self, x):
        return F.relu(torch.cat([self.a(x), self.b(x), self.c(x)], 1))


class Dense(nn.Module):
    """DenseNet: what is there, and what is made of it."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 1, 3, padding=1), nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x):
        for conv in (self.one, self.two):
            x = torch.cat((x, F.relu(conv(x))), dim=1)
        return x


class Sums(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.a, self.b, self.c = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 1), nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 1, bias=False)

    def forward(self, x):
        x = self.stem(x)
        return x + torch.tanh(self.a(x)) + self.b(x) + self.c(x)


class Functional(nn.Module):
    """No module but for its parameters."""

    def __init__(self):
        super().__init__()
        self.w1, self.b1 = nn.Parameter(torch.randn(9, 7) / 3), nn.Parameter(torch.randn(9))
        self.w2 = nn.Parameter(torch.randn(9, 4) / 3)

    def forward(self, x):
        return F.softplus(F.linear(x, self.w1, self.b1)) @ self.w2


class Sinusoidal(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.token = nn.Embedding(9, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 16, activation=F.silu)
        self.width = width

    def forward(self, x):
        place = torch.arange(x.shape[1], dtype=torch.float64)[:, None]
        angle = place / 100 ** (torch.arange(0, self.width, 2, dtype=torch.float64) / self.width)
        h = self.token(x) + torch.stack([angle.sin(), angle.cos()], -1).flatten(1)
        # Not batch first, with PyTorch's causal mask.
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.layer(h.transpose(0, 1), src_mask=mask, is_causal=True).transpose(0, 1)


def activated(*modules):
    return nn.Sequential(nn.Linear(7, 8), *[part for each in modules for part in (each, nn.Linear(8, 8))], nn.Linear(8, 4))


conv = nn.Conv2d
class OptionA(nn.Module):
    """The shortcut of residual networks on CIFAR-10 without weights (He et al. 2016), in the ways of public repositories."""

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.a, self.b = nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(8)])
        self.head = nn.Linear(8, 4)

    def shortcut(self, x):
        if self.form == "pad":
            return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2), "constant", 0)
        if self.form == "product with 0":
            x = F.avg_pool2d(x, 1, 2)
            return torch.cat((x, x.mul(0)), 1)
        if self.form == "new zeros":
            x = x[:, :, ::2, ::2]
            return torch.cat([x.new_zeros(x.shape[0], 2, *x.shape[2:]), x, torch.zeros_like(x)[:, :2]], dim=1)
        x = F.max_pool2d(x, 2)
        return torch.cat([x, torch.zeros(x.shape[0], 4, x.shape[2], x.shape[3], dtype=x.dtype)], 1)

    def forward(self, x):
        x = F.relu(self.stem(x))
        y = self.norms[1](self.b(F.relu(self.norms[0](self.a(x)))))
        return self.head(F.relu(y + self.shortcut(x)).mean((2, 3)))


class EveryOther(nn.Module):
    """Rows and columns left out, by steps of their own."""

    def forward(self, x):
        return x[:, :, ::3, ::2]


cases = [
    # name, network, inputs, a layer that must be there
    ("flattened colour images", lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4)), images, "flatten"),
    ("vectors as images", lambda: nn.Sequential(nn.Unflatten(1, (1, 7, 1)), conv(1, 3, (3, 1)), nn.ReLU(), nn.Flatten(), nn.Linear(15, 4)), vectors, "conv2d"),
    ("padding for each side", lambda: OnImages(nn.ZeroPad2d((0, 1, 2, 3)), conv(3, 6, 3, stride=(2, 1))), images, "conv2d"),
    ("padding by name", lambda: OnImages(conv(3, 6, (2, 4), padding="same")), images, "conv2d"),
    ("dilation and groups", lambda: OnImages(conv(3, 6, 3, dilation=2, padding=2, groups=3)), images, "conv2d"),
    ("pooling with padding and ceil", lambda: OnImages(conv(3, 6, 2), nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)), images, "maxpool2d"),
    ("adaptive pooling", lambda: OnImages(conv(3, 6, 2), nn.AdaptiveAvgPool2d((3, 2))), images, "adaptiveavgpool2d"),
    ("groupnorm", lambda: OnImages(conv(3, 6, 3), nn.GroupNorm(3, 6), nn.ReLU()), images, "groupnorm"),
    ("inception", lambda: OnImages(Inception()), images, "concat"),
    ("densely connected", lambda: OnImages(Dense()), images, "concat"),
    ("a sum of four", lambda: OnImages(Sums()), images, "residual"),
    ("activations", lambda: activated(nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.SELU(), nn.Hardswish(), nn.Softsign()), vectors, "activation"),
    ("more activations", lambda: activated(nn.Tanh(), nn.Sigmoid(), nn.Softplus(), nn.ReLU6(), nn.Hardsigmoid(), nn.Mish(), NewGELU(), Swish()), vectors, "activation"),
    ("functional calls alone", Functional, vectors, "dense"),
    ("layernorm without gain", lambda: OnTokens(nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8, elementwise_affine=False))), sequences, "layernorm"),
    ("layernorm without bias", lambda: OnTokens(nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8, bias=False))), sequences, "layernorm"),
    ("rmsnorm", lambda: OnTokens(nn.Sequential(nn.Linear(8, 8), nn.RMSNorm(8), nn.Tanh())), sequences, "rmsnorm"),
    ("rmsnorm by hand", lambda: OnTokens(nn.Sequential(nn.Linear(8, 8), LlamaNorm(8), nn.Tanh())), sequences, "rmsnorm"),
    ("attention, separate", lambda: OnTokens(Attention("separate")), sequences, "attention"),
    ("attention, separate, causal, no bias", lambda: OnTokens(Attention("separate", causal=True, bias=False)), sequences, "attention"),
    ("attention, timm", lambda: OnTokens(Attention("timm")), sequences, "attention"),
    ("attention, timm, causal", lambda: OnTokens(Attention("timm", causal=True)), sequences, "attention"),
    ("attention, heads outside", lambda: OnTokens(Attention("per head")), sequences, "attention"),
    ("attention, bmm, causal", lambda: OnTokens(Attention("bmm", causal=True)), sequences, "attention"),
    ("attention, einsum", lambda: OnTokens(Attention("einsum")), sequences, "attention"),
    ("attention, rotary", lambda: OnTokens(Attention("rotary")), sequences, "attention"),
    ("attention, rotary, pairs", lambda: OnTokens(Attention("rotary-interleaved", causal=True)), sequences, "attention"),
    ("sinusoidal places, PyTorch's causal layer", lambda: OnTokens(Sinusoidal()), tokens, "positions"),
    *((f"option A, {form}", lambda form=form: OptionA(form), images, "padchannels") for form in ("pad", "product with 0", "new zeros", "zeros")),
    ("every third row and second column", lambda: OnImages(nn.Conv2d(3, 6, 3), nn.Tanh(), EveryOther()), images, "avgpool2d"),
    ("the last token", lambda: nn.Sequential(nn.Linear(8, 8), nn.Tanh(), _Last(), nn.Linear(8, 4)), sequences, "selecttoken"),
    ("log_softmax at the end", lambda: nn.Sequential(nn.Linear(7, 4), nn.LogSoftmax(1)), vectors, "dense"),
    ("squeezing and unsqueezing", lambda: nn.Sequential(nn.Linear(7, 6), nn.Unflatten(1, (6, 1)), nn.Flatten(), nn.Linear(6, 4)), vectors, "dense"),
]


class _Last(nn.Module):
    def forward(self, x):
        return x[:, -1]


def kinds(layers):
    for each in layers:
        yield each["type"]
        for key in ("layers", "shortcut"):
            yield from kinds(each.get(key, []))
        for branch in each.get("branches", []):
            yield from kinds(branch)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """All models exported, and all files imported by one call."""
    folder = tmp_path_factory.mktemp("forms")
    specs = {}
    for i, (name, network, inputs, _) in enumerate(cases):
        torch.manual_seed(9)
        specs[name] = covature.export(network().eval(), (inputs, labels), folder / f"{i}.covature-model", name=name)
    return folder, specs


def test_all_agree_with_pytorch(files, covature_command):
    folder, _ = files
    status, imported, errors = covature_command("import", *[folder / f"{i}.covature-model" for i in range(len(cases))])
    assert status == 0, errors
    apart = {name: each["check"]["error"] for (name, *_), each in zip(cases, imported) if not each["check"]["error"] < 1e-12}
    assert apart == {}


@pytest.mark.parametrize("name,kind", [(each[0], each[3]) for each in cases])
def test_is_said_by(name, kind, files):
    assert kind in set(kinds(files[1][name]["layers"]))


losses = [
    # name, loss, network's outputs, targets, the loss in the format
    ("classes", nn.CrossEntropyLoss(), 4, labels, "cross-entropy"),
    ("absent classes, as a column", "cross-entropy", 4, torch.zeros(6, 1, dtype=torch.long), "cross-entropy"),
    ("classes as whole floats", "cross-entropy", 4, labels.double(), "cross-entropy"),
    ("soft targets", nn.CrossEntropyLoss(), 4, torch.softmax(torch.randn(6, 4), 1), "cross-entropy"),
    ("class weights and smoothing", nn.CrossEntropyLoss(torch.tensor([1.0, 2.0, 0.5, 1.0]), label_smoothing=0.2), 4, labels,
     {"type": "cross-entropy", "label_smoothing": 0.2, "class_weights": [1.0, 2.0, 0.5, 1.0]}),
    ("squares, this project's", "mse", 3, torch.randn(6, 3), "mse"),
    ("squares, PyTorch's", nn.MSELoss(), 3, torch.randn(6, 3), {"type": "mse", "mean_over_outputs": True}),
    ("squares of one number", nn.MSELoss(), 1, torch.randn(6), {"type": "mse", "mean_over_outputs": True}),
    ("yes or no", nn.BCEWithLogitsLoss(), 1, torch.randint(0, 2, (6, 1)).float(), {"type": "binary-cross-entropy", "mean_over_outputs": True}),
    ("many yes or no", "binary-cross-entropy", 3, torch.rand(6, 3), "binary-cross-entropy"),
]  # fmt: skip


def test_losses(tmp_path, covature_command):
    paths = []
    for i, (name, loss, outputs, targets, said) in enumerate(losses):
        paths.append(tmp_path / f"{i}.covature-model")
        torch.manual_seed(i)
        network = nn.Sequential(nn.Linear(7, 5), nn.Tanh(), nn.Linear(5, outputs))
        assert covature.export(network, (vectors, targets), paths[-1], loss=loss)["loss"] == said, name
    status, imported, errors = covature_command("import", *paths)
    assert status == 0, errors
    assert {name: each["check"]["error"] for (name, *_), each in zip(losses, imported) if not each["check"]["error"] < 1e-12} == {}


def test_data_in_every_form(tmp_path):
    from torch.utils.data import DataLoader, TensorDataset

    model = nn.Linear(7, 4)
    forms = [
        ((vectors, labels), 6),
        ((vectors.numpy(), labels.numpy()), 6),
        (TensorDataset(vectors, labels), 6),
        (DataLoader(TensorDataset(vectors, labels), batch_size=4), 6),
    ]
    for i, (data, count) in enumerate(forms):
        covature.export(model, data, tmp_path / f"{i}.covature-model")
        arrays = covature.load(tmp_path / f"{i}.covature-model")
        assert np.array_equal(arrays["data/inputs"], vectors.numpy()) and np.array_equal(arrays["data/targets"], labels.numpy())
    covature.export(model, forms[3][0], tmp_path / "few.covature-model", samples=5)
    assert len(covature.load(tmp_path / "few.covature-model")["data/inputs"]) == 5
    with pytest.raises(covature.CannotExport, match="6 inputs and 5 targets"):
        covature.export(model, (vectors, labels[:5]), tmp_path / "none.covature-model")


def test_measure_answers_a_dictionary_and_load_the_arrays(tmp_path):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(7, 3), nn.Tanh(), nn.Linear(3, 4))
    x = torch.randn(40, 7)
    summary = covature.measure(model, "2.kernel", data=(x, x[:, :4].argmax(1)), convergence="none", out=tmp_path / "result.safetensors")
    arrays = covature.load(tmp_path / "result.safetensors")
    assert summary["parameter"] == "2.kernel" and summary["d"] == 12
    assert arrays["H"].shape == (12, 12) and np.isclose(np.trace(arrays["H"]), summary["trace"]["H"])
    with pytest.raises(RuntimeError, match="no parameter is named"):
        covature.measure(model, "9.kernel", data=(x, x[:, :4].argmax(1)))
