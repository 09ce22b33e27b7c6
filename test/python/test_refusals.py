"""What the format cannot express is refused with the module, the operation and the nearest thing that it can; nothing is written then."""

import covature
import pytest
import torch
import torch.nn.functional as F
from torch import nn

images = torch.randn(4, 3, 8, 8)
labels = torch.randint(0, 2, (4,))


class Body(nn.Module):
    """A convolution, something, and a head."""

    def __init__(self, inner):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.inner = inner
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.inner(self.conv(x)).mean((2, 3)))


class Lambda(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean((2, 3))))[:, :, None, None]


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.same = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return self.same(F.relu(self.same(x)))


cases = [
    ("a transposed convolution", nn.ConvTranspose2d(4, 4, 2), r"inner: conv_transpose2d of \[2, 4, 8, 8\].*nearest that can be expressed: conv2d"),
    ("a slope that is learned", nn.PReLU(), r"inner: prelu.*leaky-relu with a fixed slope"),
    ("instance normalisation", nn.InstanceNorm2d(4), r"inner: instance_norm.*groupnorm with one channel per group"),
    ("a gate", SqueezeExcite(), r"inner: mul of \[2, 4, 8, 8\], \[2, 4, 1, 1\].*multiplied"),
    ("an activation of one's own", Lambda(lambda x: x * torch.sigmoid(1.7 * x)), r"inner: mul.*an elementwise function that the format does not have"),
    ("shared weights", Twice(), r"inner.same: conv2d.*inner.same.weight is used by two layers"),
    ("what stops the gradient", Lambda(lambda x: x.detach()), r"inner: detach.*has no gradient"),
    ("a change in place of a part", Lambda(lambda x: x.index_fill_(1, torch.tensor([0]), 0.0)), r"inner: index_fill_"),
    ("padding by reflection", Lambda(lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect")), r"inner: pad.*'reflect'"),
    ("places from the second on", Lambda(lambda x: x[:, :, 1::2, 1::2]), r"a mean over part of \[8, 8, 4\]"),
    ("zeros around an image and for its channels at once", Lambda(lambda x: F.pad(x, (1, 1, 1, 1, 2, 2))[:, 2:6]), r"inner: pad.*padding of channels and of positions at once"),
    ("batch statistics", nn.BatchNorm2d(4, track_running_stats=False), r"depends on the other samples of its batch"),
    ("chance while evaluating", Lambda(lambda x: F.dropout(x, 0.5)), r"two different outputs for the same input"),
    ("the largest number of all places", Lambda(lambda x: x.amax((2, 3), keepdim=True)), r"inner: amax.*maxpool2d"),
    ("weight normalisation", nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1)), r"its weight is computed from parameters"),
    ("a resize", nn.Upsample(scale_factor=2), r"inner: interpolate.*avgpool2d"),
]


@pytest.mark.parametrize("_name,inner,message", cases, ids=[each[0] for each in cases])
def test_refused(_name, inner, message, tmp_path):
    path = tmp_path / "net.covature-model"
    with pytest.raises(covature.CannotExport, match=message):
        covature.export(Body(inner).eval(), (images, labels), path)
    assert not path.exists()


def test_branches_that_cross(tmp_path):
    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.d = (nn.Linear(3, 3) for _ in range(4))

        def forward(self, x):
            p, q = self.a(x), self.b(x)
            r = torch.tanh(p) + q
            return r + self.c(p) + self.d(r)

    with pytest.raises(covature.CannotExport, match="branches cross.*series-parallel"):
        covature.export(Cross(), (torch.randn(4, 3), labels), tmp_path / "net.covature-model")


losses = [
    (nn.L1Loss(), "L1Loss cannot be expressed; expected"),
    ("hinge", "'hinge'; expected"),
    (nn.CrossEntropyLoss(ignore_index=0), "ignore_index=0; mark targets that do not count with -100"),
    (nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0])), "BCEWithLogitsLoss with weights"),
]


@pytest.mark.parametrize("loss,message", losses)
def test_losses_refused(loss, message, tmp_path):
    with pytest.raises(covature.CannotExport, match=message):
        covature.export(nn.Linear(3, 2), (torch.randn(4, 3), labels), tmp_path / "net.covature-model", loss=loss)


def test_attention_of_another_scale(tmp_path):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v, self.o = (nn.Linear(8, 8) for _ in range(4))

        def forward(self, x):
            q, k, v = (each(x).view(x.shape[0], -1, 2, 4).transpose(1, 2) for each in (self.q, self.k, self.v))
            weights = torch.softmax(q @ k.transpose(-2, -1) * 8**-0.5, -1)
            return self.o((weights @ v).transpose(1, 2).flatten(2)).mean(1)

    with pytest.raises(covature.CannotExport, match=r"matmul.*attention that differs from softmax"):
        covature.export(Scaled(), (torch.randn(4, 5, 8), torch.randint(0, 8, (4,))), tmp_path / "net.covature-model")


def test_a_file_that_departs_is_refused_with_the_layer(tmp_path, covature_command):
    path = tmp_path / "net.covature-model"
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    covature.export(model, (torch.randn(4, 6), labels), path)
    data = bytearray(path.read_bytes())
    arrays = covature.load(path)
    # One weight of the second layer, changed after the fact.
    at = bytes(data).index(arrays["weights/2.kernel"].tobytes())
    data[at + 3] ^= 0x10
    path.write_bytes(data)
    status, _, errors = covature_command("import", path)
    assert status == 2
    assert "departs from PyTorch" in errors and "first at layers[2], 2 (dense), the module 2 of PyTorch" in errors
    _, listed, _ = covature_command("list")
    assert listed["rows"] == []
