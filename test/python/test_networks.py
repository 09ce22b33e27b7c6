"""Networks of papers, exported in one call: outputs, losses and a gradient as PyTorch has them, in double precision."""

import covature
import pytest
import torch
from networks import GPT, ConvNeXt, Mixer, ResNet18, VGG11, ViT, with_statistics
from torch import nn

torch.manual_seed(3)
images = torch.randn(8, 3, 32, 32)
labels = torch.randint(0, 10, (8,))
tokens = torch.randint(0, 65, (6, 16))
following = torch.randint(0, 65, (6, 16))

networks = [
    # name, network, inputs, targets, loss, layers of the file at the top
    ("ResNet-18", lambda: ResNet18(width=16), images, labels, nn.CrossEntropyLoss()),
    ("VGG-11 with batchnorm", lambda: VGG11(width=8), images, labels, nn.CrossEntropyLoss(label_smoothing=0.1)),
    ("ViT with a class token", lambda: ViT(width=32, depth=2), images, labels, "cross-entropy"),
    ("ViT, norm after", lambda: ViT(width=32, depth=2, norm_first=False), images, labels, "cross-entropy"),
    ("two-layer GPT on characters", GPT, tokens, following, nn.CrossEntropyLoss()),
    ("MLP-Mixer", Mixer, images, labels, nn.CrossEntropyLoss()),
    ("ConvNeXt block", ConvNeXt, images, labels, nn.CrossEntropyLoss()),
]


@pytest.mark.parametrize("name,network,inputs,targets,loss", networks, ids=[each[0] for each in networks])
def test_agrees_with_pytorch(name, network, inputs, targets, loss, tmp_path, agrees):
    torch.manual_seed(1)
    model = with_statistics(network(), inputs)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "net.covature-model"
    covature.export(model, (inputs, targets), path, loss=loss)
    assert agrees(path) < 1e-12
    # The model is as it was.
    assert not model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_resnet_18_at_its_full_width(tmp_path, agrees):
    torch.manual_seed(1)
    model = with_statistics(ResNet18(), images)
    path = tmp_path / "resnet.covature-model"
    covature.export(model, (images[:2], labels[:2]), path)
    assert agrees(path) < 1e-12
