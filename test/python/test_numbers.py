"""One layer of each kind, narrowed: C, H and Q of the measurement against each sample's gradient and Hessian by PyTorch's autograd."""

import covature
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from networks import GPT, ConvNeXt, Mixer, ResNet18, VGG11, ViT, with_statistics
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(11)
images = torch.randn(10, 3, 8, 8)
labels = torch.randint(0, 4, (10,))
tokens = torch.randint(0, 7, (10, 5))
following = torch.randint(0, 7, (10, 5))


def resnet():
    return with_statistics(ResNet18(classes=4, width=2), images)


def vgg():
    return with_statistics(VGG11(classes=4, width=1), torch.randn(10, 3, 32, 32))


def vit():
    return with_statistics(ViT(image=8, patch=4, width=4, depth=1, heads=2, classes=4), images)


def gpt():
    return with_statistics(GPT(vocabulary=7, width=4, heads=2, depth=2, block=5), tokens)


def mixer():
    return with_statistics(Mixer(image=8, patch=4, width=4, depth=1, classes=4), images)


def convnext():
    return with_statistics(ConvNeXt(width=4, classes=4, kernel=3), images)


big = torch.randn(10, 3, 32, 32)
# kind, network, inputs, targets, Covature's parameter, PyTorch's, from PyTorch's axes to Covature's
layers = [
    ("convolution, stride 2 and padding 1", resnet, images, labels, "layer2.0.conv1.kernel", "layer2.0.conv1.weight", (2, 3, 1, 0)),
    ("convolution of the shortcut", resnet, images, labels, "layer2.0.shortcut.0.kernel", "layer2.0.shortcut.0.weight", (2, 3, 1, 0)),
    ("batchnorm", resnet, images, labels, "layer1.0.bn2.gain", "layer1.0.bn2.weight", (0,)),
    ("dense after an adaptive pooling", vgg, big, labels, "classifier.0.kernel", "classifier.0.weight", (1, 0)),
    ("packed projections with biases", vit, images, labels, "encoder.layers.0.self_attn.qkv.kernel", "encoder.layers.0.self_attn.in_proj_weight", (1, 0)),
    ("output projection", vit, images, labels, "encoder.layers.0.self_attn.output.kernel", "encoder.layers.0.self_attn.out_proj.weight", (1, 0)),
    ("learned positions", vit, images, labels, "pos_embed.kernel", "pos_embed", (0, 1, 2)),
    ("class token", vit, images, labels, "cls_token.kernel", "cls_token", (0, 1, 2)),
    ("packed projections of a causal attention", gpt, tokens, following, "h.1.attn.qkv.kernel", "h.1.attn.c_attn.weight", (1, 0)),
    ("embedding tied to the head", gpt, tokens, following, "wte.kernel", "wte.weight", (0, 1)),
    ("dense over tokens, gelu-tanh after it", gpt, tokens, following, "h.0.mlp.c_fc.kernel", "h.0.mlp.c_fc.weight", (1, 0)),
    ("dense over places", mixer, images, labels, "blocks.0.token_mix.0.kernel", "blocks.0.token_mix.0.weight", (1, 0)),
    ("depthwise convolution", convnext, images, labels, "block.dwconv.kernel", "block.dwconv.weight", (2, 3, 1, 0)),
    ("layer scale", convnext, images, labels, "block.gamma.gain", "block.gamma", (0,)),
    ("dense over an image", convnext, images, labels, "block.pwconv1.kernel", "block.pwconv1.weight", (1, 0)),
]


def sample_losses(model, name, x, y):
    """The loss of each sample as a function of one parameter."""
    parameters = {key: value.detach().double() for key, value in [*model.named_parameters(), *model.named_buffers()]}

    def loss(value, i):
        # Shared weights have one name.
        out = torch.func.functional_call(model, {**parameters, name: value}, (x[i : i + 1],), tie_weights=True)
        return F.cross_entropy(out.reshape(-1, out.shape[-1]), y[i].reshape(-1))

    return parameters[name], loss


def moments(model, name, axes, x, y):
    """C, H, Q of a parameter in Covature's order of its numbers."""
    start, loss = sample_losses(model, name, x, y)
    order = torch.arange(start.numel()).view(start.shape).permute(*axes).reshape(-1)
    gradients, hessians = [], []
    for i in range(len(x)):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            flat = start.reshape(-1).clone().requires_grad_(True)
            (gradient,) = torch.autograd.grad(loss(flat.view(start.shape), i), flat, create_graph=True)
            rows = [torch.autograd.grad(each, flat, retain_graph=True)[0] for each in gradient]
        gradients.append(gradient.detach()[order])
        hessians.append(torch.stack(rows)[order][:, order])
    g, h = torch.stack(gradients), torch.stack(hessians)
    mean = g.mean(0)
    return (g.T @ g / len(x) - torch.outer(mean, mean)).numpy(), h.mean(0).numpy(), (h @ h).mean(0).numpy()


@pytest.mark.parametrize("kind,network,x,y,parameter,source,axes", layers, ids=[each[0] for each in layers])
def test_moments_of_a_layer(kind, network, x, y, parameter, source, axes, tmp_path):
    torch.manual_seed(2)
    model = network()
    path, out = tmp_path / "net.covature-model", tmp_path / "result.safetensors"
    covature.export(model, (x, y), path)
    C, H, Q = moments(model.double().eval(), source, axes, x.double() if x.is_floating_point() else x, y)
    d = len(H)
    covature.measure(path, parameter, method="projected", top=d, convergence="none", out=out)
    result = covature.load(out)
    rows, values = result["vectors"], result["eigenvalues"]
    assert len(values) == d
    near = lambda a, b, size: np.abs(a - b).max() <= 1e-9 * size  # noqa: E731
    assert near(np.sort(values), np.sort(np.linalg.eigvalsh(H))[-len(values) :], np.abs(H).max())
    assert near(np.einsum("ki,ij,kj->k", rows, H, rows), values, np.abs(H).max())
    for name, matrix in (("C_diagonal", C), ("Q_diagonal", Q)):
        along = np.einsum("ki,ij,kj->k", rows, matrix, rows)
        assert near(_by_cluster(along, values), _by_cluster(result[name], values), np.abs(matrix).max()), name


def test_moments_whole_where_the_layer_sees_one_vector_a_sample(tmp_path):
    torch.manual_seed(2)
    model = vgg()
    path, out = tmp_path / "net.covature-model", tmp_path / "result.safetensors"
    covature.export(model, (big, labels), path)
    expected = moments(model.double().eval(), "classifier.3.weight", (1, 0), big.double(), labels)
    covature.measure(path, "classifier.3.kernel", method="exact", convergence="none", out=out)
    result = covature.load(out)
    for name, matrix in zip("CHQ", expected):
        assert np.abs(result[name] - matrix).max() <= 1e-9 * np.abs(matrix).max(), name


def _by_cluster(along, values):
    """Means over directions whose eigenvalues are one up to rounding: their basis is arbitrary."""
    cut = np.abs(np.diff(values)) > 1e-8 * np.abs(values).max()
    groups = np.concatenate([[0], np.cumsum(cut)])
    return np.array([along[groups == k].mean() for k in range(groups[-1] + 1)])
