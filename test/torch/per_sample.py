"""Outputs, losses, C, H and Q of small networks by PyTorch alone.

Reads problems in the model format as JSON from standard input and writes one result each. Every layer is PyTorch's own operation in float64; a sample's gradient and
Hessian are torch.autograd's, one sample at a time; C = mean g g^T - mean g mean g^T, H = mean h, Q = mean h h.
"""

import json
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

torch.set_default_dtype(torch.float64)

ACTIVATIONS = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "softplus": F.softplus,
    "identity": lambda z: z,
    "gelu-tanh": lambda z: F.gelu(z, approximate="tanh"),
    "silu": F.silu,
    "selu": F.selu,
    "hardswish": F.hardswish,
    "hardsigmoid": lambda z: F.relu6(z + 3) / 6,  # F.hardsigmoid cannot be differentiated twice
    "softsign": F.softsign,
    "relu6": F.relu6,
    "mish": F.mish,
}


def pair(size):
    return (size, size) if isinstance(size, int) else tuple(size)


def sides(padding):
    rows, columns = pair(padding)
    return pair(rows), pair(columns)


def image(x):
    """[h, w, c] to [1, c, h, w]."""
    return x.permute(2, 0, 1)[None]


def back(x):
    return x[0].permute(1, 2, 0)


def conv2d(layer, weights, x):
    stride, dilation = pair(layer.get("stride", 1)), pair(layer.get("dilation", 1))
    padding = layer.get("padding", "valid")
    x = image(x)
    if padding == "same":
        padding = []
        for n, k, s, d in zip(x.shape[2:], layer["kernel"], stride, dilation):
            total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            padding.append((total // 2, total - total // 2))
        (top, bottom), (left, right) = padding
    else:
        (top, bottom), (left, right) = sides(0 if padding == "valid" else padding)
    kernel = weights["kernel"].permute(3, 2, 0, 1)
    groups = layer.get("groups", 1)
    if top == bottom and left == right:
        y = F.conv2d(x, kernel, weights.get("bias"), stride, (top, left), dilation, groups)
    else:
        y = F.conv2d(F.pad(x, (left, right, top, bottom)), kernel, weights.get("bias"), stride, 0, dilation, groups)
    return back(y)


def pool(layer, x):
    size = pair(layer["size"])
    stride = pair(layer.get("stride", layer["size"]))
    (top, _), (left, _) = sides(layer.get("padding", 0))
    ceil = layer.get("ceil", False)
    if layer["type"] == "maxpool2d":
        return back(F.max_pool2d(image(x), size, stride, (top, left), ceil_mode=ceil))
    counts = layer.get("count_padding", True)
    return back(F.avg_pool2d(image(x), size, stride, (top, left), ceil, counts))


def rotate(rotary, x):
    """x [heads, tokens, size]."""
    size = x.shape[-1]
    base = rotary.get("base", 10000)
    frequencies = base ** (-torch.arange(0, size, 2) / size)
    angles = torch.outer(torch.arange(x.shape[1], dtype=torch.float64), frequencies)
    if rotary.get("interleaved", False):
        turned = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous()) * torch.polar(
            torch.ones_like(angles), angles
        )
        return torch.view_as_real(turned).flatten(-2)
    first, second = x.chunk(2, -1)
    cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
    return x * cos + torch.cat((-second, first), -1) * sin


def attention(layer, weights, x):
    tokens, heads = x.shape[0], layer["heads"]
    if layer.get("packed", False):
        q, k, v = F.linear(x, weights["qkv.kernel"].T, weights.get("qkv.bias")).chunk(3, -1)
    else:
        q, k, v = (
            F.linear(x, weights[f"{role}.kernel"].T, weights.get(f"{role}.bias")) for role in ("query", "key", "value")
        )
    q, k, v = (each.reshape(tokens, heads, -1).transpose(0, 1) for each in (q, k, v))
    if "rotary" in layer:
        q, k = rotate(layer["rotary"], q), rotate(layer["rotary"], k)
    with sdpa_kernel(SDPBackend.MATH):
        y = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=layer.get("causal", False))[0]
    y = y.transpose(0, 1).reshape(tokens, -1)
    return F.linear(y, weights["output.kernel"].T, weights.get("output.bias"))


def forward(layers, parameters, x):
    for layer in layers:
        x = one(layer, parameters, x)
    return x


def one(layer, parameters, x):
    kind = layer["type"]
    prefix = layer.get("name", "") + "."
    weights = {name[len(prefix) :]: value for name, value in parameters.items() if name.startswith(prefix)}
    if kind == "dense":
        kernel = parameters[layer["tied"] + ".kernel"] if "tied" in layer else weights["kernel"].T
        return F.linear(x, kernel, weights.get("bias"))
    if kind == "activation":
        name = layer["function"]
        if name == "leaky-relu":
            return F.leaky_relu(x, layer.get("slope", 0.01))
        if name == "elu":
            return F.elu(x, layer.get("alpha", 1.0))
        return ACTIVATIONS[name](x)
    if kind == "flatten":
        return x.flatten()
    if kind == "tokens":
        return x.flatten(0, 1)
    if kind == "transpose":
        return x.T
    if kind == "conv2d":
        return conv2d(layer, weights, x)
    if kind in ("maxpool2d", "avgpool2d"):
        return pool(layer, x)
    if kind == "adaptiveavgpool2d":
        return back(F.adaptive_avg_pool2d(image(x), pair(layer["size"])))
    if kind == "globalavgpool2d":
        return x.mean((0, 1))
    if kind == "meanpool":
        return x.mean(0)
    if kind == "layernorm":
        return F.layer_norm(x, x.shape[-1:], weights.get("gain"), weights.get("bias"), layer["epsilon"])
    if kind == "rmsnorm":
        return F.rms_norm(x, x.shape[-1:], weights.get("gain"), layer["epsilon"])
    if kind == "groupnorm":
        y = F.group_norm(image(x), layer["groups"], weights.get("gain"), weights.get("bias"), layer["epsilon"])
        return back(y)
    if kind == "batchnorm":
        mean, variance = weights["running_mean"], weights["running_variance"]
        y = F.batch_norm(image(x), mean, variance, weights.get("gain"), weights.get("bias"), eps=layer["epsilon"])
        return back(y)
    if kind == "layerscale":
        return x * weights["gain"]
    if kind == "patches":
        y = F.conv2d(image(x), weights["kernel"].permute(3, 2, 0, 1), weights.get("bias"), layer["size"])
        y = back(y).flatten(0, 1)
        return y + weights["positions"] if "positions" in weights else y
    if kind == "embedding":
        return F.embedding(x.long(), weights["kernel"])
    if kind == "positions":
        return x + weights["kernel"]
    if kind == "classtoken":
        return torch.cat((weights["kernel"][None], x))
    if kind == "selecttoken":
        return x[layer["index"]]
    if kind == "padchannels":
        return F.pad(x, (layer.get("before", 0), layer.get("after", 0)))
    if kind == "attention":
        return attention(layer, weights, x)
    if kind == "residual":
        branches = [layer.get("shortcut", []), layer["layers"], *layer.get("branches", [])]
        return sum(forward(branch, parameters, x) for branch in branches)
    if kind == "concat":
        ends = [forward(branch, parameters, x) for branch in layer["branches"]]
        return torch.cat(ends, 0 if layer.get("axis") == "tokens" else -1)
    raise ValueError(f"unknown layer {kind}")


def loss_of(loss, y, target):
    settings = {"type": loss} if isinstance(loss, str) else loss
    kind, mean = settings["type"], settings.get("mean_over_outputs", False)
    target = torch.tensor(target, dtype=torch.float64)
    if kind == "mse":
        value = F.mse_loss(y.flatten(), target, reduction="mean" if mean else "sum")
        return value if mean else value / 2
    if kind == "binary-cross-entropy":
        return F.binary_cross_entropy_with_logits(y.flatten(), target, reduction="mean" if mean else "sum")
    weights = settings.get("class_weights")
    options = {
        "weight": None if weights is None else torch.tensor(weights, dtype=torch.float64),
        "label_smoothing": settings.get("label_smoothing", 0.0),
        "reduction": "sum",
    }
    if y.dim() == 1:
        return F.cross_entropy(y[None], target[None], **options)
    answered = int((target != -100).sum())
    return F.cross_entropy(y, target.long(), ignore_index=-100, **options) / max(1, answered)


def measure(problem):
    model = problem["model"]
    parameters = {
        name: torch.tensor(values["values"], dtype=torch.float64).reshape(values["shape"])
        for name, values in problem["weights"].items()
    }
    name = problem["parameter"]
    outputs, losses, gradients, hessians = [], [], [], []
    for values, target in zip(problem["inputs"], problem["targets"]):
        x = torch.tensor(values, dtype=torch.float64).reshape(model["input"])

        def loss(w):
            return loss_of(model["loss"], forward(model["layers"], {**parameters, name: w}, x), target)

        y = forward(model["layers"], parameters, x)
        w = parameters[name].clone().requires_grad_()
        value = loss(w)
        (gradient,) = torch.autograd.grad(value, w, create_graph=True)
        rows = [torch.autograd.grad(each, w, retain_graph=True)[0].flatten() for each in gradient.flatten()]
        outputs.append(y.flatten())
        losses.append(value.detach())
        gradients.append(gradient.detach().flatten())
        hessians.append(torch.stack(rows))
    g, h = torch.stack(gradients), torch.stack(hessians)
    mean = g.mean(0)
    return {
        "outputs": torch.stack(outputs).tolist(),
        "losses": torch.stack(losses).tolist(),
        "C": (g.T @ g / len(g) - torch.outer(mean, mean)).flatten().tolist(),
        "H": h.mean(0).flatten().tolist(),
        "Q": (h @ h).mean(0).flatten().tolist(),
    }


json.dump([measure(problem) for problem in json.load(sys.stdin)], sys.stdout)
