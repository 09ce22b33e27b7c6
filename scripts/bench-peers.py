#!/usr/bin/env python3
"""What `covature bench --peers` runs for comparison: PyTorch, NumPy, and, if they are installed, PyHessian, curvlinops and SciPy, on the same work.

    python3 scripts/bench-peers.py sgd --network mlp|cnn|resnet|gpt --threads T
    python3 scripts/bench-peers.py exact --problem FILE --threads T
    python3 scripts/bench-peers.py network --problem FILE --threads T --products N
    python3 scripts/bench-peers.py export --network resnet|gpt --to FILE

Prints one JSON object: {"versions": {...}, "rows": [{"peer", "value", "unit", "note"}], "found": {...}}; the row of a peer that cannot be measured has no value and a note that says why. The problem is a
safetensors file with the weights of 784-50-50-10 (fc1.kernel, fc2.kernel, fc3.kernel), inputs and targets, as the bench has just trained and drawn them.
"""
import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
BATCH = 50
#: Seconds per timing, and the number of rounds, of which the best counts.
SECONDS, ROUNDS = 1.0, 3


def versions():
    import importlib.metadata as metadata

    names = {"torch": "torch", "numpy": "numpy", "scipy": "scipy", "pyhessian": "PyHessian", "curvlinops-for-pytorch": "curvlinops"}
    found = {"python": sys.version.split()[0]}
    for name, title in names.items():
        try:
            found[title] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def rate(body, clock):
    """Calls per second by a clock, the best of several rounds."""
    began = clock()
    for _ in range(20):
        body()
        if clock() - began > 2 * SECONDS:
            break
    best = 0.0
    for _ in range(ROUNDS):
        began, count = clock(), 0
        while clock() - began < SECONDS:
            body()
            count += 1
        best = max(best, count / (clock() - began))
    return best


class Late(Exception):
    """A row took longer than its limit."""


#: Seconds that a row may take.
limit = 0


def limited(rows, peer, unit, body):
    """Adds the rows that `body` returns, or one that says that it took too long, failed or lacks a package."""

    def stop(*_):
        raise Late

    if limit > 0 and hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, stop)
        signal.alarm(limit)
    try:
        rows.extend(body())
    except ImportError as error:
        rows.append({"peer": peer, "value": None, "unit": unit, "note": f"not measured, for a package is missing: {error}"})
    except Late:
        rows.append({"peer": peer, "value": None, "unit": unit, "note": f"not done within {limit} s"})
    except Exception as error:  # for example, torch.compile cannot run without a compiler
        rows.append({"peer": peer, "value": None, "unit": unit, "note": str(error).strip().split("\n")[0][:160]})
    finally:
        if limit > 0 and hasattr(signal, "SIGALRM"):
            signal.alarm(0)


def networks():
    sys.path[:0] = [str(root / "resources" / "python"), str(root / "test" / "python")]
    import networks as module

    return module


def network(name):
    """A model, its inputs and class numbers."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    labels = torch.randint(0, 10, (2000,))
    if name == "mlp":
        layers = [nn.Linear(784, 50, bias=False), nn.ReLU(), nn.Linear(50, 50, bias=False), nn.ReLU(), nn.Linear(50, 10, bias=False)]
        return nn.Sequential(*layers), torch.rand(2000, 784), labels
    if name == "cnn":
        layers = [nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        layers += [nn.Linear(400, 64), nn.ReLU(), nn.Linear(64, 10)]
        return nn.Sequential(*layers), torch.rand(2000, 1, 28, 28), labels
    if name == "resnet":
        images = torch.rand(400, 3, 32, 32)
        return networks().with_statistics(networks().ResNet18(width=16), images[:64]).eval(), images, labels[:400]
    tokens = torch.randint(0, 65, (2000, 33))
    model = networks().with_statistics(networks().GPT(vocabulary=65, width=64, heads=4, depth=1, block=32), tokens[:64, :-1])
    return model.eval(), tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


def export(name, path):
    model, inputs, labels = network(name)
    import covature

    covature.export(model, (inputs[:64], labels[:64]), path)
    return {}


def sgd(name, threads):
    """Plain SGD on data in memory with PyTorch's own means: eager and torch.compile, with the fused optimiser if it is faster."""
    import torch
    import torch.nn.functional as F

    def trainer(compiled, fused):
        model, inputs, labels = network(name)
        # Use the statistics of each batch, as Covature does in training.
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.train()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.01, fused=fused)
        loss_of = lambda x, y: F.cross_entropy((out := model(x)).reshape(-1, out.shape[-1]), y.reshape(-1))
        if compiled:
            loss_of = torch.compile(loss_of)
        state = {"order": torch.randperm(len(inputs)), "at": 0}

        def step():
            if state["at"] + BATCH > len(inputs):
                state["order"], state["at"] = torch.randperm(len(inputs)), 0
            rows = state["order"][state["at"] : state["at"] + BATCH]
            state["at"] += BATCH
            optimiser.zero_grad(set_to_none=True)
            loss_of(inputs[rows], labels[rows]).backward()
            optimiser.step()

        return step

    # Other work on the machine has little effect on the processor time of one thread.
    clock = time.process_time if threads == 1 else time.perf_counter
    rows = []
    for title, compiled in (("torch eager", False), ("torch.compile", True)):

        def steps():
            value = max(rate(trainer(compiled, fused), clock) for fused in (False, True))
            return [{"peer": title, "value": value, "unit": "steps/s", "note": ""}]

        limited(rows, title, "steps/s", steps)
    return {"rows": rows}


def read(path):
    """A safetensors file."""
    import numpy as np

    data = Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    kinds = {"F64": np.float64, "F32": np.float32}
    start = 8 + length
    return {
        key: np.frombuffer(data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], kinds[entry["dtype"]]).reshape(entry["shape"])
        for key, entry in header.items()
        if key != "__metadata__"
    }


def timed(body, runs=2):
    best, result = float("inf"), None
    for _ in range(runs):
        began = time.perf_counter()
        result = body()
        best = min(best, time.perf_counter() - began)
    return best, result


def exact(path):
    """C, H and Q of fc2.kernel [50 in, 50 out], then the eigendecomposition of H and the diagonals of C and Q along its directions, in float64."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    problem = {key: np.asarray(value, np.float64) for key, value in read(path).items()}
    w1, w2, w3 = (problem[f"fc{i}.kernel"] for i in (1, 2, 3))
    x, y = problem["inputs"], problem["targets"]
    n, width = len(x), w2.shape[0]
    i, j = np.triu_indices(width)
    place = np.empty((width, width), np.int64)
    place[i, j] = place[j, i] = np.arange(len(i))

    def numpy_factors():
        a = np.maximum(x @ w1, 0)
        z = a @ w2
        mask = (z > 0).astype(np.float64)
        out = np.maximum(z, 0) @ w3
        p = np.exp(out - out.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        delta = ((p - y) @ w3.T) * mask
        up = w3[None] * mask[:, :, None]
        low = up * np.sqrt(p)[:, None]
        mean = np.einsum("pok,pk->po", up, p)
        s = low @ low.transpose(0, 2, 1) - mean[:, :, None] * mean[:, None]
        return a, s, delta

    def numpy_sums():
        a, s, delta = numpy_factors()
        left = a[:, i] * a[:, j]
        size = (a * a).sum(1)
        right = np.concatenate([s[:, i, j], size[:, None] * (s @ s)[:, i, j], delta[:, i] * delta[:, j]], 1)
        sums = left.T @ right / n
        g = (a.T @ delta / n).reshape(-1)
        return sums, g

    def unpack(sums, g, xp):
        parts = []
        for part in range(3):
            block = sums[:, part * len(i) : (part + 1) * len(i)]
            full = block[place][:, :, place] if xp is np else block[torch.from_numpy(place)][:, :, torch.from_numpy(place)]
            full = full.transpose(0, 2, 1, 3) if xp is np else full.permute(0, 2, 1, 3)
            parts.append(full.reshape(width * width, width * width))
        h, q, second = parts
        return second - g[:, None] * g[None], h, q

    upper = torch.from_numpy(w3)

    def loss_from(z, target):
        return -(target * F.log_softmax(torch.relu(z) @ upper, -1)).sum()

    curvature = torch.func.vmap(torch.func.jacfwd(torch.func.grad(loss_from)))
    slope = torch.func.vmap(torch.func.grad(loss_from))
    tx, ty, t1, t2 = (torch.from_numpy(each) for each in (x, y, w1, w2))
    ti, tj = torch.from_numpy(i), torch.from_numpy(j)

    def torch_sums():
        total, g = torch.zeros(len(i), 3 * len(i), dtype=torch.float64), torch.zeros(width, width, dtype=torch.float64)
        for at in range(0, n, 1000):
            a = torch.relu(tx[at : at + 1000] @ t1)
            z, target = a @ t2, ty[at : at + 1000]
            s, delta = curvature(z, target), slope(z, target)
            left = a[:, ti] * a[:, tj]
            size = (a * a).sum(1)
            right = torch.cat([s[:, ti, tj], size[:, None] * (s @ s)[:, ti, tj], delta[:, ti] * delta[:, tj]], 1)
            total.addmm_(left.T, right)
            g += a.T @ delta
        return total / n, (g / n).reshape(-1)

    def along(c, h, q, xp):
        values, vectors = xp.linalg.eigh(h)
        return values, (vectors * (c @ vectors)).sum(0), (vectors * (q @ vectors)).sum(0)

    rows, found = [], {}
    for title, sums, xp in (("torch.func and packed products", torch_sums, torch), ("NumPy, packed products by hand", numpy_sums, np)):

        def packed_products():
            seconds, (packed, g) = timed(sums)
            unpacking, (c, h, q) = timed(lambda: unpack(packed, g, xp))
            rest, _ = timed(lambda: along(c, h, q, xp), 1)
            traces = {name: float(matrix.trace()) for name, matrix in (("C", c), ("H", h), ("Q", q))}
            for name, value in traces.items():
                if abs(found.setdefault(name, value) / value - 1) > 1e-9:
                    raise ValueError(f"the trace of {name} is {value}, and {found[name]} by the peer before")
            both = (("sums", seconds + unpacking), ("core", seconds + unpacking + rest))
            return [{"peer": title, "value": value, "unit": "s", "note": note} for note, value in both]

        limited(rows, title, "s", packed_products)

    # Without using the structure of the layer: each sample's full Hessian, with torch.func only, for a few samples; the rest in proportion.
    t3 = upper

    def loss(weights, one, target):
        return -(target * F.log_softmax(torch.relu(torch.relu(one @ t1) @ weights) @ t3, -1)).sum()

    hessian = torch.func.vmap(torch.func.hessian(loss), (None, 0, 0))
    few = 4

    def plain():
        each = hessian(t2, tx[:few], ty[:few]).reshape(few, width**2, width**2)
        return each.sum(0), (each @ each).sum(0)

    title = "torch.func, whole per-sample Hessians"

    def whole():
        seconds, _ = timed(plain, 1)
        return [{"peer": title, "value": seconds * n / few, "unit": "s", "note": f"from {few} of {n} samples, in proportion"}]

    limited(rows, title, "s", whole)
    return {"rows": rows, "found": found}


def leading(path, products):
    """Ten leading eigenpairs of the Hessian of all 42,200 parameters."""
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn

    problem = read(path)
    rows, found = [], {}
    kernels = [torch.from_numpy(np.array(problem[f"fc{k}.kernel"], np.float64)) for k in (1, 2, 3)]
    x, y = (torch.from_numpy(np.array(problem[key], np.float64)) for key in ("inputs", "targets"))
    labels = y.argmax(1)

    def loss(w1, w2, w3):
        return F.cross_entropy(torch.relu(torch.relu(x @ w1) @ w2) @ w3, labels)

    gradient = torch.func.grad(loss, (0, 1, 2))
    sizes = [k.numel() for k in kernels]

    def product(v):
        parts = tuple(each.reshape(k.shape) for each, k in zip(torch.from_numpy(np.ascontiguousarray(v).reshape(-1)).split(sizes), kernels))
        _, tangent = torch.func.jvp(gradient, tuple(kernels), parts)
        return torch.cat([each.reshape(-1) for each in tangent]).numpy()

    v = np.random.default_rng(1).standard_normal(sum(sizes))

    def alone():
        product(v)
        seconds, _ = timed(lambda: [product(v) for _ in range(20)])
        return [{"peer": "torch.func", "value": seconds / 20 * products, "unit": "s", "note": f"{products} products alone, float64"}]

    def by_scipy():
        from scipy.sparse.linalg import LinearOperator, eigsh

        operator = LinearOperator((sum(sizes),) * 2, matvec=product, dtype=np.float64)
        seconds, values = timed(lambda: eigsh(operator, k=10, which="LA", tol=1e-3, return_eigenvectors=True)[0], 1)
        found["largest"] = float(max(values))
        return [{"peer": "SciPy's eigsh on torch.func", "value": seconds, "unit": "s", "note": "float64, tol 1e-3"}]

    def module(dtype):
        model = nn.Sequential(nn.Linear(784, 50, bias=False), nn.ReLU(), nn.Linear(50, 50, bias=False), nn.ReLU(), nn.Linear(50, 10, bias=False)).to(dtype)
        with torch.no_grad():
            for layer, kernel in zip((model[0], model[2], model[4]), kernels):
                layer.weight.copy_(kernel.T)
        return model

    def by_curvlinops():
        from curvlinops import HessianLinearOperator
        from scipy.sparse.linalg import eigsh

        model = module(torch.float64)
        parameters = list(model.parameters())
        operator = HessianLinearOperator(model, nn.CrossEntropyLoss(), parameters, [(x, labels)], check_deterministic=False).to_scipy()
        seconds, values = timed(lambda: eigsh(operator, k=10, which="LA", tol=1e-3)[0], 1)
        return [{"peer": "curvlinops with SciPy's eigsh", "value": seconds, "unit": "s", "note": f"float64, tol 1e-3, largest {max(values):.6g}"}]

    def by_pyhessian():
        from pyhessian import hessian

        model = module(torch.float32)
        whole = hessian(model, nn.CrossEntropyLoss(), data=(x.float(), labels), cuda=False)
        seconds, (values, _) = timed(lambda: whole.eigenvalues(maxIter=100, tol=1e-3, top_n=10), 1)
        return [{"peer": "PyHessian", "value": seconds, "unit": "s", "note": f"float32, tol 1e-3 of the eigenvalue's change, largest {values[0]:.6g}"}]

    for title, body in (
        ("torch.func", alone),
        ("SciPy's eigsh on torch.func", by_scipy),
        ("curvlinops with SciPy's eigsh", by_curvlinops),
        ("PyHessian", by_pyhessian),
    ):
        limited(rows, title, "s", body)
    return {"rows": rows, "found": found}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=["versions", "sgd", "exact", "network", "export"])
    parser.add_argument("--network", choices=["mlp", "cnn", "resnet", "gpt"])
    parser.add_argument("--problem")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--products", type=int, default=100)
    parser.add_argument("--to")
    parser.add_argument("--limit", type=int, default=0, help="seconds that a row may take (default: no limit)")
    given = parser.parse_args()
    global limit
    limit = given.limit
    # Read when the libraries are loaded.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(given.threads)
    try:
        import numpy  # noqa: F401
        import torch
    except ImportError as error:
        print(json.dumps({"error": f"python3 ({sys.executable}) lacks a package: {error}"}))
        return 0
    torch.set_num_threads(given.threads)
    if given.job == "versions":
        answer = {}
    elif given.job == "export":
        answer = export(given.network, given.to)
    elif given.job == "sgd":
        answer = sgd(given.network, given.threads)
    else:
        answer = exact(given.problem) if given.job == "exact" else leading(given.problem, given.products)
    print(json.dumps({"versions": versions(), **answer}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
