#!/usr/bin/env python3
"""The packed products of the exact method in PyTorch, as `covature bench --backend DEVICE` runs them for comparison (docs/gpu.md).

sum_p vech(a_p a_p^T) [vech(S_p) | |a_p|^2 vech(S_p^2) | vech(delta_p delta_p^T)] over P samples, in float32 in chunks of samples, whose sums are added in float64
on the host; the factors are made once and are kept on the device, as in the bench's row "its products alone". Prints one JSON object.
"""
import argparse
import json
import sys
import time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inner", type=int, required=True, help="n_in of the layer")
    parser.add_argument("--outer", type=int, required=True, help="n_out of the layer")
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--chunk", type=int, default=4096)
    parser.add_argument("--device", default=None, help="cuda, mps or cpu (default: the first that is available)")
    options = parser.parse_args()
    try:
        import torch
    except ImportError as error:
        print(json.dumps({"error": f"python3 ({sys.executable}) has no torch: {error}"}))
        return 0
    mps = getattr(torch.backends, "mps", None)
    name = options.device or ("cuda" if torch.cuda.is_available() else "mps" if mps and mps.is_available() else "cpu")
    # With TF32's ten bits of mantissa the work would not be the same.
    torch.backends.cuda.matmul.allow_tf32 = False
    device = torch.device(name)
    title = torch.cuda.get_device_name(device) if name == "cuda" else name
    packed = lambda n: n * (n + 1) // 2
    left_width, right_width = packed(options.inner), 3 * packed(options.outer)
    count = min(options.chunk, options.samples)
    generator = torch.Generator().manual_seed(1)
    left = (2 * torch.rand(count, left_width, generator=generator) - 1).to(device)
    right = (2 * torch.rand(count, right_width, generator=generator) - 1).to(device)

    def synchronise() -> None:
        if name == "cuda":
            torch.cuda.synchronize()
        elif name == "mps":
            torch.mps.synchronize()

    def products(samples: int) -> float:
        total = torch.zeros(left_width, right_width, dtype=torch.float64)
        synchronise()
        begun = time.perf_counter()
        for start in range(0, samples, count):
            rows = min(count, samples - start)
            total += (left[:rows].T @ right[:rows]).cpu().to(torch.float64)
        synchronise()
        return time.perf_counter() - begun

    products(count)
    seconds = products(options.samples)
    flops = 2 * options.samples * left_width * right_width
    exact = left[:512].cpu().double().T @ right[:512].cpu().double()
    found = (left[:512].T @ right[:512]).cpu().double()
    print(
        json.dumps(
            {
                "torch": torch.__version__,
                "device": title,
                "seconds": seconds,
                "gigaflops": flops / seconds / 1e9,
                "precision": float((found - exact).abs().max() / exact.abs().max()),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
