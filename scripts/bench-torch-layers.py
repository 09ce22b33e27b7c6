"""Layers of a ResNet and a GPT measured by Covature, compared with torch.func computing products of the same kind, in one run: ratios, not seconds.

    python3 scripts/bench-torch-layers.py [--samples N] [--directions K]

For each layer, on one thread each and in double precision, over the same samples:
  covature   the whole measurement: K leading eigenpairs of H (Lanczos over the full batch), then C_ii and Q_ii along them (exact: all of C, H and Q, and all eigenpairs)
  torch      the products that this needs, with torch.func: h_p v and the gradient of every sample, for as many v as Covature's search over all samples multiplied with H, and K more
             along the directions found (exact: one for each of d directions). Some are timed; the rest are estimated in proportion. Covature's measurement includes more: the
             directions of both halves of the samples, and the intervals.
The ratio is torch's time divided by Covature's, both in seconds of processor time, on which other work on the machine has little effect; Covature's includes the start of its command. Needs torch and numpy, and node_modules and a BLAS like any measurement.
"""

import argparse
import json
import os
import resource
import shlex
import sys
import tempfile
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(root / "resources" / "python"), str(root / "test" / "python")]
os.environ.setdefault("COVATURE", shlex.join([str(root / "node_modules" / ".bin" / "node"), str(root / "src" / "main" / "cli" / "index.ts")]))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("COVATURE_FORECAST", "off")

import covature  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from networks import GPT, ResNet18, with_statistics  # noqa: E402

#: Samples that torch.func processes at once: more would not fit into memory.
CHUNK = 16


def products(model, name, x, y, directions, samples):
    """Seconds that torch.func takes for a gradient and `directions` products h_p v for each of the first samples."""
    parameters = {key: value.detach() for key, value in [*model.named_parameters(), *model.named_buffers()]}

    def loss(value, one, target):
        out = torch.func.functional_call(model, {**parameters, name: value}, (one[None],))
        return F.cross_entropy(out.reshape(-1, out.shape[-1]), target.reshape(-1))

    gradient = torch.func.grad(loss)

    def product(v, one, target):
        return torch.func.jvp(lambda value: gradient(value, one, target), (parameters[name],), (v,))

    batched = torch.func.vmap(product, (None, 0, 0))
    generator = torch.Generator().manual_seed(1)
    v = torch.randn(parameters[name].shape, dtype=torch.float64, generator=generator)
    batched(v, x[:CHUNK], y[:CHUNK])
    began = time.process_time()
    for _ in range(directions):
        for at in range(0, samples, CHUNK):
            g, hv = batched(v, x[at : at + CHUNK], y[at : at + CHUNK])
            hv.square().sum()
    return time.process_time() - began


def processor_seconds():
    """The processor time of commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--directions", type=int, default=10)
    parser.add_argument("--width", type=int, default=16, help="width of the ResNet's first layer")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line instead of the table")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    P, K = given.samples, given.directions
    images, labels = torch.randn(P, 3, 32, 32), torch.randint(0, 10, (P,))
    tokens, following = torch.randint(0, 65, (P, 32)), torch.randint(0, 65, (P, 32))
    resnet = with_statistics(ResNet18(width=given.width), images)
    gpt = with_statistics(GPT(vocabulary=65, width=32, heads=4, depth=2, block=32), tokens)
    rows = [
        (f"ResNet-18 (width {given.width})", resnet, images, labels, "layer1.0.conv1", "projected"),
        (f"ResNet-18 (width {given.width})", resnet, images, labels, "layer3.0.conv1", "projected"),
        (f"ResNet-18 (width {given.width})", resnet, images, labels, "layer3.0.shortcut.0", "projected"),
        (f"ResNet-18 (width {given.width})", resnet, images, labels, "linear", "exact"),
        ("GPT (width 32, 2 layers, 32 characters)", gpt, tokens, following, "h.0.attn.c_attn", "projected"),
        ("GPT (width 32, 2 layers, 32 characters)", gpt, tokens, following, "h.1.mlp.c_fc", "projected"),
        ("GPT (width 32, 2 layers, 32 characters)", gpt, tokens, following, "wte", "projected"),
    ]
    own = {"h.0.attn.c_attn": "h.0.attn.qkv"}
    if not given.json:
        print(f"{P} samples, {K} directions, float64, one thread each, torch {torch.__version__}")
        print(f"{'network':42}{'layer':22}{'d':>7}{'products':>10}  {'method':10}{'covature s':>11}{'torch s':>10}{'ratio':>8}")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for network, model, x, y, layer, method in rows:
            path = os.path.join(folder, "net.covature-model")
            covature.export(model, (x, y), path)
            options = {"top": K} if method == "projected" else {}
            before = processor_seconds()
            summary = covature.measure(path, f"{own.get(layer, layer)}.kernel", method=method, convergence="none", threads=1, **options)
            mine = processor_seconds() - before
            d = summary["d"]
            double = model.double()
            data = x.double() if x.is_floating_point() else x
            count = summary["projected"]["iterations"] + K if method == "projected" else d
            some, few = min(P, 2 * CHUNK), 2
            seconds = products(double, f"{layer}.weight", data, y, few, some) * (count / few) * (P / some)
            model.float()
            found.append({"network": network, "layer": layer, "d": d, "products": count, "method": method, "covature": mine, "torch": seconds})
            if given.json:
                continue
            print(f"{network:42}{layer:22}{d:>7}{count:>10}  {method:10}{mine:>11.2f}{seconds:>10.2f}{seconds / mine:>8.2f}", flush=True)
    if given.json:
        print(json.dumps({"samples": P, "directions": K, "rows": found}))


if __name__ == "__main__":
    main()
