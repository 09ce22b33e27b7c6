"""Covature's bridge from PyTorch: a single file to put next to your own code. Needs Python 3.9 or newer, torch 2.0 or newer, and numpy.

    import covature
    covature.export(model, (x, y), "net.covature-model", loss="cross-entropy")    # model, weights, data and a check, in one file
    run = covature.Run("my run", {"lr": 0.1}, model=model, data=(x, y))           # a training loop as a run: curves and checkpoints
    arrays = covature.load("result.safetensors")                                 # results as numpy arrays
    summary = covature.measure("net.covature-model", "fc2.kernel")               # runs the command line

`export` follows one pass of the model in double precision, operation by operation, and translates it into Covature's model format. If the format
cannot express something, the error names the module, the operation and the nearest thing that it can express. The file contains what PyTorch computed
for some samples, layer by layer, so that Covature can compare its own numbers with PyTorch's before it imports the model.

The formats are described in Covature's docs/own-model.md. MIT licence.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import zlib
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

__all__ = ["CannotExport", "Run", "export", "load", "measure"]

#: The command that runs Covature, written here by `covature python --out`; if None, it is looked for next to this file and on the path.
COMMAND: Optional[List[str]] = None

Spec = Dict[str, Any]
Arrays = Dict[str, np.ndarray]
PathLike = Union[str, "os.PathLike[str]"]


class CannotExport(ValueError):
    """The model, its data or its loss cannot be expressed in Covature's model format; the message says where, and what comes nearest."""


# ---------------------------------------------------------------------------------------------------------------------- safetensors

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "U64": np.uint64,
    "I32": np.int32,
    "U32": np.uint32,
    "I16": np.int16,
    "U16": np.uint16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}


def _safetensors(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file: 8 bytes of header length, the header as JSON, the arrays end to end, little-endian."""
    header: Dict[str, Any] = {"__metadata__": dict(metadata)}
    chunks: List[bytes] = []
    at = 0
    for name, array in tensors.items():
        values = np.ascontiguousarray(array)
        data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        header[name] = {"dtype": _NAMES[values.dtype], "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        chunks.append(data)
        at += len(data)
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return b"".join([struct.pack("<Q", len(text)), text, *chunks])


def _write(path: PathLike, data: bytes) -> None:
    """Writes a file completely or not at all."""
    target = os.fspath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def load(path: PathLike) -> Arrays:
    """The arrays of a safetensors file by name: a result of `covature measure --out` has C, H, Q, eigenvalues, C_diagonal, Q_diagonal, ..."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 8:
        raise ValueError(f"{path}: not a safetensors file (it has {len(data)} bytes)")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise ValueError(f"{path}: not a safetensors file, or cut off")
    header = json.loads(data[8 : 8 + length])
    arrays: Arrays = {}
    for name, place in header.items():
        if name == "__metadata__":
            continue
        begin, end = place["data_offsets"]
        part = data[8 + length + begin : 8 + length + end]
        if place["dtype"] == "BF16":
            bits = np.frombuffer(part, dtype="<u2").astype(np.uint32) << 16
            arrays[name] = bits.view(np.float32).reshape(place["shape"])
        else:
            kind = np.dtype(_DTYPES[place["dtype"]]).newbyteorder("<")
            arrays[name] = np.frombuffer(part, dtype=kind).reshape(place["shape"]).copy()
    return arrays


# ------------------------------------------------------------------------------------------------- one pass, operation by operation


class _Node:
    """One operation of the pass: the function that was called, its arguments, and the resulting tensor."""

    __slots__ = ("func", "name", "args", "kwargs", "value", "path", "dynamic", "out")

    def __init__(self, func: Any, name: str, args: Any, kwargs: Any, value: Tensor, path: str, dynamic: bool, out: Optional[int]):
        self.func, self.name, self.args, self.kwargs = func, name, args, kwargs
        self.value, self.path, self.dynamic, self.out = value, path, dynamic, out


def _map(tree: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(tree, (list, tuple)) and not isinstance(tree, torch.Size):
        mapped = [_map(each, change) for each in tree]
        if isinstance(tree, tuple):
            return tuple(mapped)
        return mapped
    if isinstance(tree, dict):
        return {key: _map(each, change) for key, each in tree.items()}
    if isinstance(tree, slice):
        return slice(_map(tree.start, change), _map(tree.stop, change), _map(tree.step, change))
    return change(tree)


def _leaves(tree: Any) -> List[Any]:
    found: List[Any] = []
    _map(tree, found.append)
    return found


def _func_name(func: Any) -> str:
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        return getattr(getattr(func, "__self__", None), "__name__", "attribute")
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name.startswith("i") and name[1:] in ("add", "sub", "mul", "truediv", "div"):
            return name[1:] + "_"
        return name
    return name


#: Conversions that a pass in double precision skips, so that what the model does in single precision is done in double precision here.
_CASTS = {"float", "half", "bfloat16", "double", "to", "type", "type_as", "cuda", "cpu"}


def _stays_double(name: str, func: Any, args: Any, kwargs: Any) -> Optional[Tensor]:
    """The tensor itself, if a call would only change its precision or device."""
    first = args[0] if args else None
    if name not in _CASTS or not isinstance(first, Tensor) or not first.is_floating_point():
        return None
    made = func(*args, **kwargs)
    return first if isinstance(made, Tensor) and made.is_floating_point() else None


def _with_epsilon(name: str, args: Any, kwargs: Dict[str, Any], epsilon: float) -> Tuple[Any, Dict[str, Any]]:
    """If rms_norm's epsilon depends on the precision, the model's own precision decides it."""
    if name != "rms_norm" or (len(args) > 3 and args[3] is not None) or kwargs.get("eps") is not None:
        return args, kwargs
    return args[:3], {**kwargs, "eps": epsilon}


class _Double(TorchFunctionMode):
    """A pass in double precision throughout, including its derivatives."""

    def __init__(self, epsilon: float):
        super().__init__()
        self.epsilon = epsilon

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = _func_name(func)
        args, kwargs = _with_epsilon(name, args, kwargs or {}, self.epsilon)
        kept = _stays_double(name, func, args, kwargs)
        if kept is not None:
            return kept
        if name == "hardsigmoid":
            # PyTorch's derivative uses 1/6 in single precision.
            return F.relu6(args[0] + 3) / 6
        return func(*args, **kwargs)


#: Functions that use only the shape of a tensor.
_MAKERS = {"zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"}


class _Recorder(TorchFunctionMode):
    """Records what a model calls. Tensors are tracked by identity, so an in-place change makes the tensor a new node."""

    def __init__(self, constants: Mapping[int, str], epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.nodes: List[_Node] = []
        self.of: Dict[int, _Node] = {}
        self.keep: List[Tensor] = []
        self.paths: List[str] = []
        self.constants = constants

    @property
    def path(self) -> str:
        return self.paths[-1] if self.paths else ""

    def add(self, value: Tensor, node: _Node) -> None:
        self.nodes.append(node)
        self.of[id(value)] = node
        self.keep.append(value)

    def node_of(self, value: Any) -> Any:
        """The node of a tensor; a constant if the pass did not create it."""
        if not isinstance(value, Tensor):
            return value
        known = self.of.get(id(value))
        if known is None:
            known = _Node(None, "constant", (), {}, value, self.constants.get(id(value), ""), False, None)
            self.of[id(value)] = known
            self.keep.append(value)
        return known

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = _func_name(func)
        args, kwargs = _with_epsilon(name, args, kwargs or {}, self.epsilon)
        first: Any = args[0] if args else None
        kept = _stays_double(name, func, args, kwargs)
        if kept is not None:
            return kept
        changes = [each for each in [first] if isinstance(each, Tensor) and _is_in_place(name, kwargs)]
        mapped_args, mapped_kwargs = _map(args, self.node_of), _map(kwargs, self.node_of)
        for each in changes:
            node = self.node_of(each)
            if node.dynamic:
                node.value = each.clone()
        out = func(*args, **kwargs)
        if name in ("grad", "data", "requires_grad_"):
            if name == "data" and isinstance(out, Tensor):
                self.of[id(out)] = self.node_of(first)
                self.keep.append(out)
            return out
        if name == "setitem":
            node = self.node_of(first)
            if node.dynamic or any(isinstance(each, _Node) and each.dynamic for each in _leaves(mapped_args[1:])):
                made = _Node(func, "setitem", mapped_args, mapped_kwargs, first, self.path, True, None)
                self.add(first, made)
            return out
        parts = [(None, out)] if isinstance(out, Tensor) else list(enumerate(out)) if isinstance(out, (list, tuple)) else []
        for index, part in parts:
            if not isinstance(part, Tensor):
                continue
            inputs = [each for each in _leaves((mapped_args, mapped_kwargs)) if isinstance(each, _Node)]
            dynamic = name not in _MAKERS and any(each.dynamic for each in inputs)
            known = self.of.get(id(part))
            if known is not None and not changes and known in inputs:
                continue  # The same tensor is returned, as dropout and contiguous do.
            self.add(part, _Node(func, name, mapped_args, mapped_kwargs, part, self.path, dynamic, index))
        return out


def _is_in_place(name: str, kwargs: Mapping[str, Any]) -> bool:
    return (name.endswith("_") and not name.startswith("__")) or kwargs.get("inplace") is True


def _record(model: nn.Module, x: Tensor, epsilon: float) -> Tuple[_Recorder, _Node, Tensor]:
    """Passes `x` through the model. Returns the record, the node of the input and the output."""
    constants = {id(value): name for name, value in [*model.named_parameters(), *model.named_buffers()]}
    recorder = _Recorder(constants, epsilon)
    start = _Node(None, "input", (), {}, x, "", True, None)
    recorder.add(x, start)
    hooks = []
    for path, module in model.named_modules():

        def enter(_module: nn.Module, _args: Any, path: str = path) -> None:
            recorder.paths.append(path)

        def leave(_module: nn.Module, _args: Any, _out: Any) -> None:
            recorder.paths.pop()

        hooks += [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
    try:
        with torch.enable_grad(), recorder:
            out = model(x)
    finally:
        for hook in hooks:
            hook.remove()
    if isinstance(out, dict) or hasattr(out, "logits"):
        out = out["logits"] if isinstance(out, dict) and "logits" in out else getattr(out, "logits", out)
    if isinstance(out, (tuple, list)):
        tensors = [each for each in out if isinstance(each, Tensor)]
        if len(tensors) != 1:
            raise CannotExport(f"the model returns {len(tensors)} tensors; wrap it in a module that returns the one the loss is computed from")
        out = tensors[0]
    if not isinstance(out, Tensor):
        raise CannotExport(f"the model returns {type(out).__name__}; expected one tensor of outputs")
    return recorder, start, out


# ------------------------------------------------------------------------------------------------ from operations to the model format

#: A tensor of the state dict by name, or its gradient; the converters below are linear, so they work for both.
Get = Callable[[str], Tensor]


class _Weight(NamedTuple):
    """One tensor in Covature's layout, made from tensors of the state dict."""

    role: str
    sources: Tuple[str, ...]
    make: Callable[[Get], Tensor]
    #: Whether PyTorch trains it (not the case for buffers, and for biases that a module lacks).
    trained: bool


class _Value:
    """The output of a layer in Covature's layout: `shape` is that of one sample. `op` names the operation that made it."""

    def __init__(self, op: str, inputs: Sequence["_Value"], shape: Sequence[int], spec: Optional[Spec] = None, weights: Sequence[_Weight] = (), path: str = ""):
        self.op, self.inputs, self.shape = op, list(inputs), tuple(int(size) for size in shape)
        self.spec, self.weights, self.path = spec, list(weights), path
        #: The tensor that PyTorch computed, in Covature's layout [batch, *shape]; None if the layer only rearranges.
        self.reached: Optional[Tensor] = None
        #: op "expr": an elementwise function of inputs[0].
        self.function: Optional[Callable[[Tensor], Tensor]] = None
        self.extra: Dict[str, Any] = {}

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class _Sym(NamedTuple):
    """A tensor of the pass, made up of the numbers of a value: `index` has the tensor's shape and refers to the elements of [batch, *value.shape]."""

    value: _Value
    index: Tensor  # type: ignore[assignment]


class _Opaque(NamedTuple):
    """A tensor that no layer can express; this is an error only if something needs it."""

    node: _Node
    reason: str


class _Param(NamedTuple):
    """A tensor that does not depend on the input: numbers of a parameter or buffer, or (name None) anything else."""

    name: Optional[str]
    index: Optional[Tensor]  # type: ignore[assignment]
    value: Tensor


_SHAPE_OPS = {
    "view", "reshape", "permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze", "contiguous", "chunk", "split", "unbind",
    "getitem", "select", "narrow", "T", "mT", "swapaxes", "swapdims", "movedim", "moveaxis", "expand", "expand_as", "view_as", "reshape_as",
    "clone", "tensor_split", "split_with_sizes", "roll", "flip", "repeat", "tile", "index_select", "t", "ravel", "alias", "unsafe_chunk", "broadcast_to",
}  # fmt: skip

_HANDED_ON = {"dropout", "alpha_dropout", "feature_dropout", "dropout2d", "dropout_", "identity", "feature_alpha_dropout", "dropout1d", "dropout3d"}

_NEAREST = {
    "conv1d": "conv2d over images of height 1",
    "conv3d": "conv2d",
    "conv_transpose2d": "conv2d",
    "instance_norm": "groupnorm with one channel per group",
    "prelu": "leaky-relu with a fixed slope",
    "sum": "meanpool or globalavgpool2d",
    "max": "maxpool2d",
    "amax": "maxpool2d",
    "lstm": "attention",
    "gru": "attention",
    "rnn_tanh": "attention",
    "interpolate": "avgpool2d, or images of the required size",
    "detach": "the same model without it: a detached tensor has no gradient",
    "local_response_norm": "groupnorm",
    "adaptive_max_pool2d": "maxpool2d of a fixed size",
    "softmax": "the logits themselves: the loss takes the softmax",
    "log_softmax": "the logits themselves: the loss takes the softmax",
    "setitem": "torch.cat, or the same without an in-place change",
    "norm": "layernorm or rmsnorm",
    "normalize": "rmsnorm",
    "multi_head_attention_forward": "attention of one sequence to itself",
    "scaled_dot_product_attention": "attention of one sequence to itself, followed by a Linear",
}

_SEE = 'the layers that can be expressed are listed in docs/own-model.md, "The model"'


def _quotient(of: Tensor, by: int) -> Tensor:
    """Integer quotients, rounded down."""
    return torch.div(of, by, rounding_mode="floor")


def _where(node: _Node) -> str:
    return node.path or "the model"


def _refusal(node: _Node, reason: str) -> CannotExport:
    shapes = [list(each.value.shape) for each in _leaves((node.args, node.kwargs)) if isinstance(each, _Node)]
    on = f" of {', '.join(map(str, shapes))}" if shapes else ""
    nearest = _NEAREST.get(node.name)
    near = f"; the nearest that can be expressed: {nearest}" if nearest is not None else f"; {_SEE}"
    return CannotExport(f"{_where(node)}: {node.name}{on}: {reason}{near}")


def _elementwise() -> List[Tuple[Spec, Callable[[Tensor], Tensor]]]:
    """The activations of the model format and what they compute."""
    return [
        ({"function": "identity"}, lambda x: x),
        ({"function": "relu"}, F.relu),
        ({"function": "tanh"}, torch.tanh),
        ({"function": "sigmoid"}, torch.sigmoid),
        ({"function": "gelu"}, F.gelu),
        ({"function": "gelu-tanh"}, lambda x: F.gelu(x, approximate="tanh")),
        ({"function": "softplus"}, F.softplus),
        ({"function": "silu"}, F.silu),
        ({"function": "selu"}, F.selu),
        ({"function": "hardswish"}, F.hardswish),
        ({"function": "hardsigmoid"}, F.hardsigmoid),
        ({"function": "softsign"}, F.softsign),
        ({"function": "relu6"}, F.relu6),
        ({"function": "mish"}, F.mish),
    ]


def _named_activation(function: Callable[[Tensor], Tensor]) -> Optional[Spec]:
    """The activation of the model format that equals a function, judged by its values; None if there is none."""
    grid = torch.cat([torch.linspace(-9, 9, 721, dtype=torch.float64), torch.tensor([-30.0, 30.0, 1e-3, -1e-3], dtype=torch.float64)])
    try:
        values = function(grid)
    except Exception:
        return None
    if not isinstance(values, Tensor) or values.shape != grid.shape:
        return None
    for spec, known in _elementwise():
        if torch.allclose(values, known(grid), rtol=1e-12, atol=1e-13):
            return {"type": "activation", **spec}
    one = torch.tensor([-1.0, -50.0], dtype=torch.float64)
    try:
        slope, deep = (float(each) for each in function(one))
    except Exception:
        return None
    if torch.allclose(values, F.leaky_relu(grid, -slope), rtol=1e-12, atol=1e-13):
        return {"type": "activation", "function": "leaky-relu", "slope": -slope}
    if deep < 0 and torch.allclose(values, F.elu(grid, -deep), rtol=1e-12, atol=1e-13):
        return {"type": "activation", "function": "elu", "alpha": -deep}
    return None


_FUNCTIONS_OF_ONE = {
    "relu", "relu_", "gelu", "silu", "silu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "softplus", "elu", "elu_", "selu", "selu_", "leaky_relu", "leaky_relu_", "hardswish",
    "hardsigmoid", "softsign", "relu6", "hardtanh", "hardtanh_", "celu", "mish", "logsigmoid", "threshold", "exp", "log", "sqrt", "rsqrt", "pow", "square", "abs", "neg", "erf",
    "clamp", "clamp_min", "clamp_max", "clip", "reciprocal", "sin", "cos", "log1p", "expm1", "tanhshrink", "hardshrink", "softshrink", "pow_", "rpow",
}  # fmt: skip
_ARITHMETIC = {"add", "sub", "mul", "div", "truediv", "true_divide", "rsub", "rtruediv", "radd", "rmul", "rdiv", "add_", "sub_", "mul_", "div_", "truediv_", "subtract", "multiply", "divide"}


class _Lowering:
    """Translates the recorded operations into the model format, node by node."""

    def __init__(self, recorder: _Recorder, start: _Node, state: Mapping[str, Tensor], trained: Iterable[str], is_tokens: bool):
        self.recorder = recorder
        self.state = state
        self.trained = set(trained)
        self.batch = int(start.value.shape[0])
        self.notes: List[str] = []
        self.used: Dict[str, str] = {}
        self.names: Dict[str, int] = {}
        self.embeddings: Dict[str, _Value] = {}
        #: Whether rotary embeddings come from tables in single precision, which limits how closely the check can agree.
        self.single_tables = False
        self.symbols: Dict[int, Union[_Sym, _Opaque, _Param]] = {}
        shape = list(start.value.shape[1:])
        if len(shape) == 3 and not is_tokens:
            ours = [shape[1], shape[2], shape[0]]
            index = self.arange(ours).permute(0, 3, 1, 2)
        else:
            ours = shape
            index = self.arange(ours)
        self.input = _Value("input", [], ours)
        self.input_index = index
        self.start = start
        self.symbols[id(start)] = _Sym(self.input, index)

    # --- small helpers

    def arange(self, shape: Sequence[int]) -> Tensor:
        return torch.arange(self.batch * math.prod(shape)).view(self.batch, *shape)

    def name(self, wanted: str, fallback: str) -> str:
        name = wanted or fallback
        seen = self.names.get(name, 0)
        self.names[name] = seen + 1
        return name if seen == 0 else self.name(f"{name}-{seen + 1}", fallback)

    def param(self, node: _Node, what: str, of: Any) -> str:
        """The name, in the state dict, of a complete parameter or buffer."""
        known = self.symbols_of(of) if isinstance(of, _Node) else None
        if not isinstance(known, _Param) or known.name is None or known.index is None:
            raise _Refused(node, f"{what} is computed from parameters (weight normalisation or another parametrisation?); only parameters themselves can be measured")
        whole = torch.arange(self.state[known.name].numel()).view(self.state[known.name].shape)
        if known.index.shape != whole.shape or not torch.equal(known.index, whole):
            raise _Refused(node, f"{what} is a part of {known.name}; only whole parameters can be measured")
        return known.name

    def once(self, node: _Node, name: str) -> str:
        """Marks a parameter as used by a layer."""
        if name in self.used:
            raise _Refused(node, f"{name} is used by two layers ({self.used[name]} and {_where(node)}); only a head tied to an embedding can share its weights")
        self.used[name] = _where(node)
        return name

    def weight(self, role: str, source: str, make: Callable[[Tensor], Tensor] = lambda x: x) -> _Weight:
        return _Weight(role, (source,), lambda get: make(get(source)), source in self.trained)

    def symbols_of(self, node: _Node) -> Union[_Sym, _Opaque, _Param]:
        known = self.symbols.get(id(node))
        if known is None:
            # A parameter, a buffer or a constant in the code.
            index = torch.arange(node.value.numel()).view(node.value.shape) if node.path in self.state else None
            known = _Param(node.path if index is not None else None, index, node.value)
            self.symbols[id(node)] = known
        return known

    def need(self, of: Any) -> _Sym:
        """A tensor as numbers of a value; raises the reason if it is not one."""
        symbol = self.symbols_of(of)
        if isinstance(symbol, _Opaque):
            raise _Refused(symbol.node, symbol.reason)
        if isinstance(symbol, _Param):
            raise _Refused(of, "the tensor does not depend on the input")
        if symbol.value.op == "expr":
            spec = _named_activation(symbol.value.function)  # type: ignore[arg-type]
            if spec is None:
                raise _Refused(symbol.value.extra["node"], "an elementwise function that the format does not have")
            if spec["function"] == "identity":
                return _Sym(symbol.value.inputs[0], symbol.index)
            made = symbol.value.extra.get("said")
            if made is None:
                made = _Value("activation", symbol.value.inputs, symbol.value.shape, spec, path=symbol.value.path)
                made.function = symbol.value.function
                made.reached = symbol.value.reached
                symbol.value.extra["said"] = made
            symbol = _Sym(made, symbol.index)
            self.symbols[id(of)] = symbol
        if symbol.value.op == "attention core":
            raise _Refused(symbol.value.extra["node"], "the result of attention is used without an output projection (a Linear over all heads)")
        strided = self.strided(symbol, of)
        if strided is not None:
            symbol = self.symbols[id(of)] = strided
        return symbol

    def strided(self, symbol: _Sym, node: _Node) -> Optional[_Sym]:
        """x[:, :, ::2, ::2] of an image: every other row and column from the first, which is an average pooling with windows of one position; None for anything else."""
        value, index = symbol
        if len(value.shape) != 3 or index.dim() != 4 or index.numel() == self.batch * value.size:
            return None
        height, width, channels = value.shape
        batch, own, down, across = index.shape
        if (batch, own) != (self.batch, channels) or down > height or across > width:
            return None
        first = index[0, 0]
        steps = [
            int(first[1, 0] - first[0, 0]) // (width * channels) if down > 1 else height,
            int(first[0, 1] - first[0, 0]) // channels if across > 1 else width,
        ]
        if min(steps) < 1 or not torch.equal(index.permute(0, 2, 3, 1), self.arange(value.shape)[:, :: steps[0], :: steps[1]]):
            return None
        spec: Spec = {"type": "avgpool2d", "size": 1, "stride": steps[0] if steps[0] == steps[1] else steps}
        return self.out_image(_Value("avgpool2d", [value], [down, across, channels], spec, path=_where(node)))

    def reach(self, sym: _Sym, tensor: Tensor) -> None:
        """Keeps what PyTorch computed for a value, in its layout."""
        if tensor.numel() == sym.index.numel() == self.batch * sym.value.size:
            flat = torch.empty(self.batch * sym.value.size, dtype=tensor.dtype)
            flat[sym.index.reshape(-1)] = tensor.detach().reshape(-1)
            sym.value.reached = flat.view(self.batch, *sym.value.shape)

    # --- layouts

    def layouts(self, value: _Value) -> Iterable[Tuple[_Value, Callable[[Tensor], Tensor]]]:
        """What rearranging layers can make of a value, and where each number of [batch, *shape] goes (-1 for nowhere)."""
        shape = value.shape
        yield value, lambda index: index
        if len(shape) == 3:
            height, width, channels = shape
            tokens = _Value("rearrange", [value], [height * width, channels], {"type": "tokens"})
            yield tokens, lambda index: index
            turned = _Value("rearrange", [tokens], [channels, height * width], {"type": "transpose"})
            place = torch.empty(self.batch * value.size, dtype=torch.long)
            place[self.arange([height * width, channels]).transpose(1, 2).reshape(-1)] = torch.arange(self.batch * value.size)
            yield turned, lambda index: place[index]
        if len(shape) == 2:
            turned = _Value("rearrange", [value], [shape[1], shape[0]], {"type": "transpose"})
            place_2 = torch.empty(self.batch * value.size, dtype=torch.long)
            place_2[self.arange(shape).transpose(1, 2).reshape(-1)] = torch.arange(self.batch * value.size)
            yield turned, lambda index: place_2[index]
        if len(shape) > 1:
            yield _Value("rearrange", [value], [value.size], {"type": "flatten"}), lambda index: index

    def selected(self, sym: _Sym) -> _Sym:
        """One token of a sequence, if the numbers are that."""
        value, index = sym
        if len(value.shape) != 2 or index.numel() != self.batch * value.shape[1]:
            return sym
        length, width = value.shape
        token = int(index.reshape(-1)[0]) // width
        chosen = self.arange(value.shape)[:, token % length]
        if not torch.equal(torch.sort(index.reshape(-1)).values, torch.sort(chosen.reshape(-1)).values):
            return sym
        made = _Value("selecttoken", [value], [width], {"type": "selecttoken", "index": token % length})
        place = torch.full((self.batch * value.size,), -1, dtype=torch.long)
        place[chosen.reshape(-1)] = torch.arange(self.batch * width)
        return _Sym(made, place[index])

    def rows(self, node: _Node, of: Any, width: int) -> Tuple[_Value, Tensor, Tensor]:
        """
        A tensor [..., width] as rows of a value whose last axis has that width. Returns the value, the row of each vector (shape [...]) and the position in the
        row of each of the `width` numbers of a vector.
        """
        symbol = self.selected(self.need(of))
        index = symbol.index
        if index.shape[-1] != width:
            raise _Refused(node, f"expected vectors of {width} numbers")
        for value, place in self.layouts(symbol.value):
            if value.shape[-1] != width or (index.dim() == 2 and value.size == width and len(value.shape) > 1):
                continue
            moved = place(index).reshape(-1, width)
            row, order = _quotient(moved[:, 0], width), moved[0] % width
            if torch.equal(moved, row[:, None] * width + order) and row.numel() == self.batch * value.size // width and row.unique().numel() == row.numel():
                self.input.extra["taken"] = self.input.extra.get("taken") or symbol.value is self.input
                return value, row.view(index.shape[:-1]), order
        if index.dim() in (2, 3) and self.takes_as(symbol, index, index.shape[1:]):
            # Patches cut by hand: the data are cut in the same way.
            self.input.extra["taken"] = True
            return self.input, torch.arange(index.numel() // width).view(index.shape[:-1]), torch.arange(width)
        raise _Refused(node, f"its input is a rearrangement of {list(symbol.value.shape)} that the format has no layer for")

    def image(self, node: _Node, of: Any) -> _Value:
        """A tensor [batch, channels, height, width] as an image [height, width, channels]."""
        symbol = self.need(of)
        if symbol.index.dim() != 4:
            raise _Refused(node, "expected images [batch, channels, height, width]")
        batch, channels, height, width = symbol.index.shape
        turned = symbol.index.permute(0, 2, 3, 1)
        ours = [height, width, channels]
        if list(symbol.value.shape) != ours and self.takes_as(symbol, turned, ours):
            symbol = self.need(of)
            turned = symbol.index.permute(0, 2, 3, 1)
        if list(symbol.value.shape) == ours and batch == self.batch and torch.equal(turned, self.arange(ours)):
            self.input.extra["taken"] = self.input.extra.get("taken") or symbol.value is self.input
            return symbol.value
        raise _Refused(node, f"its input is not an image but a rearrangement of {list(symbol.value.shape)}")

    def takes_as(self, symbol: _Sym, index: Tensor, ours: Sequence[int]) -> bool:
        """Has the data written in the order that the first layer needs, `index` [batch, *ours]; only if nothing else has used the input, and only for all of it."""
        if symbol.value is not self.input or self.input.extra.get("taken") or index.numel() != self.batch * self.input.size or index.shape[0] != self.batch:
            return False
        flat = index.reshape(-1)
        if flat.unique().numel() != flat.numel() or not bool((_quotient(flat.view(self.batch, -1), self.input.size) == torch.arange(self.batch)[:, None]).all()):
            return False
        place = torch.empty(flat.numel(), dtype=torch.long)
        place[flat] = torch.arange(flat.numel())
        self.input.shape = tuple(ours)
        self.input_index = place[self.input_index]
        for key, each in list(self.symbols.items()):
            if isinstance(each, _Sym) and each.value is self.input:
                self.symbols[key] = _Sym(self.input, place[each.index])
        return True

    def out_rows(self, value: _Value, row: Tensor) -> _Sym:
        width = value.shape[-1]
        return _Sym(value, row[..., None] * width + torch.arange(width))

    def out_image(self, value: _Value) -> _Sym:
        return _Sym(value, self.arange(value.shape).permute(0, 3, 1, 2))

    # --- the pass

    def run(self) -> None:
        for node in self.recorder.nodes:
            if node is self.start:
                continue
            try:
                symbol = self.lower(node)
            except _Refused as refused:
                symbol = _Opaque(refused.node, refused.reason)
            self.symbols[id(node)] = symbol
            if isinstance(symbol, _Sym) and node.name not in _SHAPE_OPS:
                self.reach(symbol, node.value)

    def lower(self, node: _Node) -> Union[_Sym, _Opaque, _Param]:
        inputs = [each for each in _leaves((node.args, node.kwargs)) if isinstance(each, _Node)]
        if not node.dynamic:
            return self.constant(node, inputs)
        name = node.name
        if name in ("zeros_like", "new_zeros") or (inputs and all(isinstance(self.symbols_of(each), _Param) for each in inputs)):
            return _Param(None, None, node.value)
        if name in ("matmul", "bmm", "einsum", "scaled_dot_product_attention"):
            return self.attention_core(node)
        if name in _HANDED_ON:
            return self.symbols_of(inputs[0])
        opaque = next((each for each in map(self.symbols_of, inputs) if isinstance(each, _Opaque)), None)
        if opaque is not None:
            return opaque
        if name in _SHAPE_OPS or (name in ("cat", "stack", "concat") and self.is_one_value(inputs)):
            return self.rearranged(node, inputs)
        method = getattr(self, f"_{name}", None)
        if method is not None:
            return method(node)
        if name in _FUNCTIONS_OF_ONE:
            return self.function_of_one(node, inputs)
        if name in _ARITHMETIC:
            return self.arithmetic(node)
        return _Opaque(node, "the format has no such operation")

    def constant(self, node: _Node, inputs: List[_Node]) -> _Param:
        """A tensor computed only from parameters: followed if it only selects numbers of one."""
        known = [self.symbols_of(each) for each in inputs]
        named = [(i, each) for i, each in enumerate(known) if isinstance(each, _Param) and each.name is not None]
        if len(named) == 1 and named[0][1].index is not None and (node.name in _SHAPE_OPS or node.name == "embedding"):
            source = inputs[named[0][0]]
            param: _Param = named[0][1]  # type: ignore[assignment]
            if node.name == "embedding":
                where = next(each for each in inputs if each is not source)
                return _Param(param.name, param.index[where.value], node.value)  # type: ignore[index]
            swap = lambda each: (param.index if each is source else each.value) if isinstance(each, _Node) else each  # noqa: E731
            try:
                moved = node.func(*_map(node.args, swap), **_map(node.kwargs, swap))
                return _Param(param.name, moved if node.out is None else moved[node.out], node.value)
            except (RuntimeError, TypeError):
                return _Param(None, None, node.value)
        return _Param(None, None, node.value)

    def is_one_value(self, inputs: List[_Node]) -> bool:
        known = [self.symbols_of(each) for each in inputs]
        return all(isinstance(each, _Sym) and each.value is known[0].value for each in known)  # type: ignore[union-attr]

    def rearranged(self, node: _Node, inputs: List[_Node]) -> Union[_Sym, _Opaque]:
        """The same call on the indices."""
        known = {id(each): self.symbols_of(each) for each in inputs}
        value = next(each.value for each in known.values() if isinstance(each, _Sym))

        def swap(each: Any) -> Any:
            if not isinstance(each, _Node):
                return each
            symbol = known[id(each)]
            return symbol.index if isinstance(symbol, _Sym) else each.value

        try:
            moved = node.func(*_map(node.args, swap), **_map(node.kwargs, swap))
        except RuntimeError:
            # A view of a tensor whose memory layout differs from that of the indices.
            known = {key: _Sym(each.value, each.index.contiguous()) if isinstance(each, _Sym) else each for key, each in known.items()}
            moved = node.func(*_map(node.args, swap), **_map(node.kwargs, swap))
        return _Sym(value, moved if node.out is None else moved[node.out])

    # --- layers with weights

    def _linear(self, node: _Node) -> _Sym:
        x, weight, bias = _take(node, "input", "weight", "bias")
        name = self.param(node, "its weight", weight)
        outputs, width = self.state[name].shape
        core = self.symbols_of(x)
        if isinstance(core, _Sym) and core.value.op == "attention core":
            return self.attention(node, core, name, None if bias is None else self.param(node, "its bias", bias))
        value, row, order = self.rows(node, x, width)
        tied = self.embeddings.get(name)
        at = name.rsplit(".", 1)[0] if "." in name else ""
        spec: Spec = {"type": "dense", "name": self.name(at if tied is None or at != tied.spec["name"] else f"{_where(node)}", "linear"), "units": outputs}  # type: ignore[index]
        weights = []
        if tied is not None:
            if not torch.equal(order, torch.arange(width)):
                raise _Refused(node, f"{name} is shared with an embedding, and its input is in another order")
            spec["tied"] = tied.spec["name"]  # type: ignore[index]
        else:
            self.once(node, name)
            inverse = torch.argsort(order)
            weights.append(self.weight("kernel", name, lambda w: w.t()[inverse]))
        spec["bias"] = bias is not None
        if bias is not None:
            weights.append(self.weight("bias", self.once(node, self.param(node, "its bias", bias))))
        made = _Value("dense", [value], [*value.shape[:-1], outputs], spec, weights, _where(node))
        return self.out_rows(made, row)

    def _conv2d(self, node: _Node) -> _Sym:
        x, weight, bias, stride, padding, dilation, groups = _take(node, "input", "weight", "bias", ("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1))
        padded = self.symbols_of(x)
        sides = [[0, 0], [0, 0]]
        if isinstance(padded, _Sym) and padded.value.op == "pad":
            sides = padded.value.extra["sides"]
            value = padded.value.inputs[0]
        else:
            value = self.image(node, x)
        name = self.once(node, self.param(node, "its weight", weight))
        filters, _inner, *kernel = self.state[name].shape
        dilations = _pair(dilation)
        if padding == "same":
            own = [[(d * (k - 1)) // 2, d * (k - 1) - (d * (k - 1)) // 2] for k, d in zip(kernel, dilations)]
        else:
            own = [[p, p] for p in _pair(0 if padding == "valid" else padding)]
        sides = [[a + c, b + d] for (a, b), (c, d) in zip(sides, own)]
        spec: Spec = {"type": "conv2d", "name": self.name(name.rsplit(".", 1)[0] if "." in name else "", "conv"), "filters": filters, "kernel": list(kernel), "bias": bias is not None}
        if _pair(stride) != [1, 1]:
            spec["stride"] = _pair(stride)
        if sides != [[0, 0], [0, 0]]:
            spec["padding"] = [top for top, _ in sides] if all(a == b for a, b in sides) else sides
        if dilations != [1, 1]:
            spec["dilation"] = dilations
        if groups != 1:
            spec["groups"] = groups
        weights = [self.weight("kernel", name, lambda w: w.permute(2, 3, 1, 0))]
        if bias is not None:
            weights.append(self.weight("bias", self.once(node, self.param(node, "its bias", bias))))
        _, channels, height, width = node.value.shape
        return self.out_image(_Value("conv2d", [value], [height, width, channels], spec, weights, _where(node)))

    def _pad(self, node: _Node) -> Union[_Sym, _Opaque]:
        x, pad, mode, fill = _take(node, "input", "pad", ("mode", "constant"), ("value", None))
        symbol = self.need(x)
        if all(side == 0 for side in pad):
            return symbol
        if mode != "constant" or fill not in (None, 0, 0.0):
            return _Opaque(node, f"padding with mode {mode!r}; only zeros can be expressed: around images, before a convolution, or for channels")
        if any(pad[4:]):
            if any(pad[:4]) or any(pad[6:]) or symbol.index.dim() != 4 or min(pad) < 0:
                return _Opaque(node, "padding of channels and of positions at once; zeros for channels (padchannels) and zeros around images before a convolution can be expressed one after the other")
            return self.padded_channels(node, x, int(pad[4]), int(pad[5]))
        value = self.image(node, x)
        left, right, top, bottom = [*pad, 0, 0][:4]
        made = _Value("pad", [value], [value.shape[0] + top + bottom, value.shape[1] + left + right, value.shape[2]], path=_where(node))
        made.extra = {"sides": [[top, bottom], [left, right]], "node": node}
        return self.out_image(made)

    def padded_channels(self, node: _Node, of: Any, before: int, after: int) -> _Sym:
        value = self.image(node, of)
        height, width, channels = value.shape
        spec: Spec = {"type": "padchannels", **({"before": before} if before else {}), **({"after": after} if after else {})}
        return self.out_image(_Value("padchannels", [value], [height, width, before + channels + after], spec, path=_where(node)))

    def is_zero(self, node: _Node) -> bool:
        """Whether a tensor is 0 whatever the input is: torch.zeros(...), x.mul(0)."""
        known = self.symbols_of(node)
        if isinstance(known, _Param):
            return known.name is None and not bool(known.value.any())
        if not isinstance(known, _Sym) or known.value.op != "expr":
            return False
        return not bool(known.value.function(torch.linspace(-3, 3, 101, dtype=torch.float64)).any())  # type: ignore[misc]

    def _embedding(self, node: _Node) -> _Sym:
        x, weight, padding_idx = _take(node, "input", "weight", ("padding_idx", None))
        symbol = self.need(x)
        if symbol.value is not self.input or len(self.input.shape) != 1 or not torch.equal(symbol.index, self.arange(self.input.shape)):
            raise _Refused(node, "an embedding takes the model's input, integers [batch, length], as it is")
        if padding_idx is not None and padding_idx >= 0:
            raise _Refused(node, f"padding_idx={padding_idx} gives one row no gradient, which the format cannot express; leave it out")
        name = self.once(node, self.param(node, "its weight", weight))
        tokens, units = self.state[name].shape
        spec = {"type": "embedding", "name": self.name(name.rsplit(".", 1)[0] if "." in name else "", "embedding"), "tokens": tokens, "units": units}
        self.input.extra["taken"] = True
        made = _Value("embedding", [symbol.value], [*symbol.value.shape, units], spec, [self.weight("kernel", name)], _where(node))
        self.embeddings[name] = made
        return _Sym(made, self.arange(made.shape))

    # --- normalisation

    def affine(self, node: _Node, weight: Any, bias: Any, order: Tensor, fallback: str) -> Tuple[str, bool, List[_Weight]]:
        """The name, whether there is a gain, and the weights."""
        if weight is None and bias is None:
            return self.name(node.path, fallback), False, []
        inverse = torch.argsort(order)
        gain = self.once(node, self.param(node, "its weight", weight))
        name = self.name(gain.rsplit(".", 1)[0] if "." in gain else "", fallback)
        weights = [self.weight("gain", gain, lambda w: w[inverse])]
        if bias is not None:
            weights.append(self.weight("bias", self.once(node, self.param(node, "its bias", bias)), lambda w: w[inverse]))
        return name, True, weights

    def _layer_norm(self, node: _Node) -> _Sym:
        x, shape, weight, bias, eps = _take(node, "input", "normalized_shape", ("weight", None), ("bias", None), ("eps", 1e-5))
        if len(shape) != 1:
            raise _Refused(node, f"a normalisation over {list(shape)}; layernorm is over the last axis only")
        value, row, order = self.rows(node, x, int(shape[0]))
        name, is_affine, weights = self.affine(node, weight, bias, order, "layernorm")
        spec: Spec = {"type": "layernorm", "name": name, "epsilon": float(eps), **({} if is_affine else {"affine": False})}
        if is_affine and bias is None:
            spec["bias"] = False
        made = _Value("layernorm", [value], value.shape, spec, weights, _where(node))
        return _Sym(made, row[..., None] * value.shape[-1] + order)

    def _rms_norm(self, node: _Node) -> _Sym:
        x, shape, weight, eps = _take(node, "input", "normalized_shape", ("weight", None), ("eps", None))
        if len(shape) != 1:
            raise _Refused(node, f"a normalisation over {list(shape)}; rmsnorm is over the last axis only")
        return self.rms(node, x, int(shape[0]), weight, float(eps))

    def rms(self, node: _Node, x: Any, width: int, weight: Any, epsilon: float) -> _Sym:
        value, row, order = self.rows(node, x, width)
        name, is_affine, weights = self.affine(node, weight, None, order, "rmsnorm")
        spec: Spec = {"type": "rmsnorm", "name": name, "epsilon": epsilon, **({} if is_affine else {"affine": False})}
        made = _Value("rmsnorm", [value], value.shape, spec, weights, _where(node))
        return _Sym(made, row[..., None] * width + order)

    def _batch_norm(self, node: _Node) -> _Sym:
        x, mean, variance, weight, bias, training, momentum, eps = _take(
            node, "input", "running_mean", "running_var", ("weight", None), ("bias", None), ("training", False), ("momentum", 0.1), ("eps", 1e-5)
        )
        if training or mean is None:
            raise _Refused(node, "batch statistics in evaluation mode (track_running_stats=False): the samples of a batch depend on each other")
        channels = int(x.value.shape[1])
        turned = self.turned_last(node, x)
        value, row, order = self.rows(node, turned, channels)
        name, is_affine, weights = self.affine(node, weight, bias, order, "batchnorm")
        inverse = torch.argsort(order)
        statistics = [self.param(node, "a running statistic", each) for each in (mean, variance)]
        if not is_affine:
            self.names.pop(name, None)
            name = self.name(statistics[0].rsplit(".", 1)[0] if "." in statistics[0] else "", "batchnorm")
        for role, source in zip(("running_mean", "running_variance"), statistics):
            weights.append(self.weight(role, source, lambda w: w[inverse]))
        spec: Spec = {"type": "batchnorm", "name": name, "epsilon": float(eps), "momentum": 0.1 if not momentum else float(momentum)}
        if not is_affine:
            spec["affine"] = False
        made = _Value("batchnorm", [value], value.shape, spec, weights, _where(node))
        index = row[..., None] * channels + order
        return _Sym(made, index.movedim(-1, 1))

    def turned_last(self, node: _Node, x: _Node) -> _Node:
        """The tensor with axis 1 last, as a node of its own."""
        symbol = self.need(x)
        made = _Node(torch.movedim, "movedim", (x, 1, -1), {}, x.value.movedim(1, -1), node.path, True, None)
        self.symbols[id(made)] = _Sym(symbol.value, symbol.index.movedim(1, -1))
        self.recorder.keep.append(made.value)
        self.keep_nodes = getattr(self, "keep_nodes", [])
        self.keep_nodes.append(made)
        return made

    def _group_norm(self, node: _Node) -> _Sym:
        x, groups, weight, bias, eps = _take(node, "input", "num_groups", ("weight", None), ("bias", None), ("eps", 1e-5))
        value = self.image(node, x)
        name, is_affine, weights = self.affine(node, weight, bias, torch.arange(value.shape[-1]), "groupnorm")
        spec: Spec = {"type": "groupnorm", "name": name, "groups": int(groups), "epsilon": float(eps), **({} if is_affine else {"affine": False})}
        return self.out_image(_Value("groupnorm", [value], value.shape, spec, weights, _where(node)))

    # --- pooling

    def pooled(self, node: _Node, kind: str, extra: Spec) -> _Sym:
        x, size, stride, padding = _take(node, "input", "kernel_size", ("stride", None), ("padding", 0))
        value = self.image(node, x)
        sizes = _pair(size)
        spec: Spec = {"type": kind, "size": sizes[0] if sizes[0] == sizes[1] else sizes}
        steps = sizes if stride in (None, [], ()) else _pair(stride)
        if steps != sizes:
            spec["stride"] = steps[0] if steps[0] == steps[1] else steps
        pads = _pair(padding)
        if pads != [0, 0]:
            spec["padding"] = pads[0] if pads[0] == pads[1] else pads
        spec.update(extra)
        _, channels, height, width = node.value.shape
        return self.out_image(_Value(kind, [value], [height, width, channels], spec, path=_where(node)))

    def _max_pool2d(self, node: _Node) -> _Sym:
        *_, dilation, ceil, indices = _take(node, "input", "kernel_size", ("stride", None), ("padding", 0), ("dilation", 1), ("ceil_mode", False), ("return_indices", False))
        if _pair(dilation) != [1, 1] or indices:
            raise _Refused(node, "max pooling with a dilation, or with indices returned")
        return self.pooled(node, "maxpool2d", {"ceil": True} if ceil else {})

    def _avg_pool2d(self, node: _Node) -> _Sym:
        *_, ceil, counts, divisor = _take(node, "input", "kernel_size", ("stride", None), ("padding", 0), ("ceil_mode", False), ("count_include_pad", True), ("divisor_override", None))
        if divisor is not None:
            raise _Refused(node, f"divisor_override={divisor}")
        return self.pooled(node, "avgpool2d", {**({"ceil": True} if ceil else {}), **({} if counts else {"count_padding": False})})

    def _adaptive_avg_pool2d(self, node: _Node) -> _Sym:
        x, size = _take(node, "input", "output_size")
        value = self.image(node, x)
        height, width = (given if given is not None else own for given, own in zip(_pair(size), value.shape[:2]))
        channels = value.shape[2]
        if (height, width) == (1, 1):
            made = _Value("globalavgpool2d", [value], [channels], {"type": "globalavgpool2d"}, path=_where(node))
            return _Sym(made, self.arange([channels]).view(self.batch, channels, 1, 1))
        spec = {"type": "adaptiveavgpool2d", "size": height if height == width else [height, width]}
        return self.out_image(_Value("adaptiveavgpool2d", [value], [height, width, channels], spec, path=_where(node)))

    def _adaptive_avg_pool1d(self, node: _Node) -> _Sym:
        x, size = _take(node, "input", "output_size")
        if (size[0] if isinstance(size, (tuple, list)) else size) != 1:
            raise _Refused(node, "adaptive average pooling of sequences to more than one position")
        made = self.mean_over(node, self.need(x), [x.value.dim() - 1])
        return _Sym(made.value, made.index[..., None])

    def _mean(self, node: _Node) -> _Sym:
        x, dim, keep = _take(node, "input", ("dim", None), ("keepdim", False))
        if dim is None:
            raise _Refused(node, "the mean over the whole batch: samples depend on each other")
        dims = [d % x.value.dim() for d in ([dim] if isinstance(dim, int) else list(dim))]
        if isinstance(self.symbols_of(x), _Sym) and self.symbols_of(x).value.op == "expr":  # type: ignore[union-attr]
            return self.mean_square(node, x, dims)
        made = self.mean_over(node, self.need(x), dims)
        if not keep:
            return made
        index = made.index
        for d in sorted(dims):
            index = index.unsqueeze(d)
        return _Sym(made.value, index)

    def mean_square(self, node: _Node, x: _Node, dims: List[int]) -> _Sym:
        """mean(x^2) over the last axis: the first half of a root mean square normalisation."""
        symbol = self.symbols_of(x)
        assert isinstance(symbol, _Sym) and symbol.value.function is not None
        grid = torch.linspace(-3, 3, 61, dtype=torch.float64)
        if dims != [x.value.dim() - 1] or not torch.allclose(symbol.value.function(grid), grid * grid, rtol=1e-12):
            self.need(x)
            raise _Refused(node, "the mean of an elementwise function")
        base = symbol.value.inputs[0]
        made = _Value("mean square", [base], [*base.shape[:-1], 1])
        made.extra = {"node": node, "add": 0.0, "power": 1.0, "width": int(x.value.shape[-1])}
        index = _quotient(symbol.index[..., :1], x.value.shape[-1])
        return _Sym(made, index if node.value.dim() == x.value.dim() else index[..., 0])

    def mean_over(self, node: _Node, symbol: _Sym, dims: List[int]) -> _Sym:
        value, index = symbol
        kept = [d for d in range(index.dim()) if d not in dims]
        moved = index.permute(*kept, *dims).reshape(*[index.shape[d] for d in kept], -1)
        channels = value.shape[-1]
        positions = value.size // channels
        owner = _quotient(moved, value.size) * channels + moved % channels
        whole = moved.shape[-1] == positions and bool((owner == owner[..., :1]).all()) and moved.unique().numel() == moved.numel() == self.batch * value.size
        if not whole or len(value.shape) == 1:
            raise _Refused(node, f"a mean over part of {list(value.shape)}; the format has the mean over all positions (globalavgpool2d, meanpool)")
        kind = "globalavgpool2d" if len(value.shape) == 3 else "meanpool"
        return _Sym(_Value(kind, [value], [channels], {"type": kind}, path=_where(node)), owner[..., 0])

    # --- elementwise functions, sums and products

    def expression(self, symbol: _Sym, node: _Node, function: Callable[[Tensor], Tensor]) -> _Sym:
        made = _Value("expr", [symbol.value], symbol.value.shape, path=_where(node))
        made.function = function
        made.extra = {"node": node}
        return _Sym(made, symbol.index)

    def base_of(self, value: _Value) -> List[Tuple[_Value, Callable[[Tensor], Tensor]]]:
        """The values below that this one is an elementwise function of, with that function."""
        chain: List[Tuple[_Value, Callable[[Tensor], Tensor]]] = [(value, lambda x: x)]
        while value.op in ("expr", "activation"):
            (below, above), own = (value.inputs[0], chain[-1][1]), value.function
            chain.append((below, lambda x, above=above, own=own: above(own(x))))  # type: ignore[misc]
            value = below
        return chain

    def function_of_one(self, node: _Node, inputs: List[_Node]) -> Union[_Sym, _Opaque]:
        dynamic = [each for each in inputs if each.dynamic]
        if len(dynamic) != 1 or any(each.value.numel() != 1 for each in inputs if not each.dynamic):
            return _Opaque(node, "a function of more than one tensor")
        symbol = self.symbols_of(dynamic[0])
        assert isinstance(symbol, _Sym)
        if symbol.value.op == "mean square":
            return self.root(node, symbol)

        def function(x: Tensor) -> Tensor:
            swap = lambda each: (x.clone() if each is dynamic[0] else each.value) if isinstance(each, _Node) else each  # noqa: E731
            return node.func(*_map(node.args, swap), **{key: each for key, each in _map(node.kwargs, swap).items() if key != "inplace"})

        if symbol.value.op == "expr":
            below, inner = symbol.value.inputs[0], symbol.value.function
            return self.expression(_Sym(below, symbol.index), node, lambda x: function(inner(x)))  # type: ignore[misc]
        spec = _named_activation(function)
        if spec is None or spec["function"] == "identity":
            return self.expression(symbol, node, function)
        chosen = self.selected(symbol)
        made = _Value("activation", [chosen.value], chosen.value.shape, spec, path=_where(node))
        made.function = function
        return _Sym(made, chosen.index)

    def arithmetic(self, node: _Node) -> Union[_Sym, _Opaque]:
        args = [each for each in node.args if not isinstance(each, bool)]
        if len(args) < 2:
            args = [*args, *[node.kwargs[key] for key in ("other",) if key in node.kwargs]]
        if len(args) < 2 or node.kwargs.get("alpha", 1) != 1:
            return _Opaque(node, "arithmetic of this form")
        kind = node.name.rstrip("_")
        first, second = args[0], args[1]
        if kind.startswith("r") and kind in ("rsub", "rtruediv", "radd", "rmul", "rdiv"):
            first, second, kind = second, first, kind[1:]
        kind = {"truediv": "div", "true_divide": "div", "subtract": "sub", "multiply": "mul", "divide": "div"}.get(kind, kind)
        dynamic = [each for each in (first, second) if isinstance(each, _Node) and each.dynamic]
        if len(dynamic) == 2:
            return self.of_two(node, kind, first, second)
        (only,) = dynamic
        other = second if first is only else first
        symbol = self.symbols_of(only)
        assert isinstance(symbol, _Sym)
        if isinstance(other, _Node):
            known = self.symbols_of(other)
            assert isinstance(known, _Param)
            # Only true constants count as numbers; a parameter with a single number is still a parameter.
            if known.name is not None or other.value.numel() != 1:
                return self.with_constant(node, kind, symbol, only, other, known, first is only)
            number: Any = float(other.value)
        else:
            number = other
        if symbol.value.op == "mean square" and kind == "add":
            made = _Value("mean square", symbol.value.inputs, symbol.value.shape)
            made.extra = {**symbol.value.extra, "add": symbol.value.extra["add"] + number}
            return _Sym(made, symbol.index)
        apply = {"add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b}[kind]
        function = (lambda x: apply(x, number)) if first is only else (lambda x: apply(number, x))
        if symbol.value.op == "mean square":
            return self.root(node, symbol) if kind == "div" else _Opaque(node, "arithmetic on a mean square")
        if symbol.value.op in ("expr", "activation"):
            below, inner = symbol.value.inputs[0], symbol.value.function
            return self.expression(_Sym(below, symbol.index), node, lambda x: function(inner(x)))  # type: ignore[misc]
        return self.expression(symbol, node, function)

    def root(self, node: _Node, symbol: _Sym) -> Union[_Sym, _Opaque]:
        """A power of mean(x^2) + epsilon: rsqrt, sqrt or pow."""
        power = {"sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1.0}.get(node.name)
        if node.name == "pow":
            power = _take(node, "input", "exponent")[1]
        if power is None or not isinstance(power, (int, float)):
            return _Opaque(node, "a function of a mean square that is not a normalisation")
        made = _Value("mean square", symbol.value.inputs, symbol.value.shape)
        made.extra = {**symbol.value.extra, "power": symbol.value.extra["power"] * power}
        return _Sym(made, symbol.index)

    def of_two(self, node: _Node, kind: str, first: _Node, second: _Node) -> Union[_Sym, _Opaque]:
        a, b = self.symbols_of(first), self.symbols_of(second)
        assert isinstance(a, _Sym) and isinstance(b, _Sym)
        for x, scale, wanted, at in ((a, b, "mul", first), (b, a, "mul", second), (a, b, "div", first)):
            if scale.value.op == "mean square" and kind == wanted and x.value is scale.value.inputs[0]:
                extra = scale.value.extra
                if extra["power"] == (-0.5 if kind == "mul" else 0.5):
                    return self.rms(node, at, extra["width"], None, float(extra["add"]))
        if a.value.op == "mean square" or b.value.op == "mean square":
            return _Opaque(node, "a mean square that is not a normalisation")
        pending = "expr" in (a.value.op, b.value.op)
        if (kind != "add" or pending) and a.index.shape == b.index.shape and torch.equal(a.index, b.index):
            below = {id(value): (value, function) for value, function in self.base_of(a.value)}
            for value, g in self.base_of(b.value):
                if id(value) in below:
                    f = below[id(value)][1]
                    apply = {"add": lambda p, q: p + q, "sub": lambda p, q: p - q, "mul": lambda p, q: p * q, "div": lambda p, q: p / q}[kind]
                    return self.expression(_Sym(value, a.index), node, lambda x: apply(f(x), g(x)))
        if kind != "add":
            return _Opaque(node, "two results of layers are multiplied or divided; branches can be added (residual) or joined (concat)")
        a, b = self.selected(self.need(first)), self.selected(self.need(second))
        if a.index.shape != b.index.shape:
            return _Opaque(node, f"a sum of {list(a.index.shape)} and {list(b.index.shape)}, one broadcast to fit the other")
        for left, move_left in self.layouts(a.value):
            for right, move_right in self.layouts(b.value):
                if left.shape == right.shape and torch.equal(move_left(a.index), move_right(b.index)):
                    made = _Value("sum", [left, right], left.shape, path=_where(node))
                    return _Sym(made, move_left(a.index))
        return _Opaque(node, f"a sum of {list(a.value.shape)} and {list(b.value.shape)} in different orders")

    def with_constant(self, node: _Node, kind: str, symbol: _Sym, only: _Node, other: _Node, known: _Param, is_first: bool) -> Union[_Sym, _Opaque]:
        """x + positions, x * gain: a parameter with a number for each position, or for each channel."""
        symbol = self.selected(self.need(only))
        value = symbol.value
        try:
            spread = torch.arange(other.value.numel()).view(other.value.shape).expand(symbol.index.shape)
        except RuntimeError:
            return _Opaque(node, "a tensor that does not fit without broadcasting the layer's output")
        if symbol.index.numel() != self.batch * value.size or symbol.index.unique().numel() != symbol.index.numel():
            return _Opaque(node, "a tensor added to a part of a layer's output")
        flat = torch.empty(self.batch * value.size, dtype=torch.long)
        flat[symbol.index.reshape(-1)] = spread.reshape(-1)
        ours = flat.view(self.batch, *value.shape)
        is_last = all(torch.equal(ours[0].reshape(-1, value.shape[-1])[0].expand(ours.shape), ours) for _ in [0])
        at = known.name
        if kind in ("mul", "div") and is_last:
            if at is None or kind == "div" or at not in self.trained:
                return _Opaque(node, "a product with a tensor that is not a parameter")
            row = ours.reshape(-1, value.shape[-1])[0]
            self.once(node, at)
            picked = known.index.reshape(-1)[row]  # type: ignore[union-attr]
            if value.op == "rmsnorm" and value.spec is not None and value.spec.get("affine") is False and at.rsplit(".", 1)[0] != at:
                self.names.pop(value.spec["name"], None)
                spec: Spec = {"type": "rmsnorm", "name": self.name(at.rsplit(".", 1)[0] if "." in at else "", "rmsnorm"), "epsilon": value.spec["epsilon"]}
                made = _Value("rmsnorm", value.inputs, value.shape, spec, [self.weight("gain", at, lambda w: w.reshape(-1)[picked])], _where(node))
                return _Sym(made, symbol.index)
            name = self.name(at, "layerscale")
            # A gain is named after its module if it is the module's only weight ("ls1.gamma").
            weights = [self.weight("gain", at, lambda w: w.reshape(-1)[picked])]
            made = _Value("layerscale", [value], value.shape, {"type": "layerscale", "name": name}, weights, _where(node))
            return _Sym(made, symbol.index)
        if kind == "add" and len(value.shape) == 2 and torch.equal(ours[:1].expand(ours.shape), ours):
            places = ours[0].reshape(-1)
            if at is None:
                at = self.table(node, other)
                picked = places
            else:
                picked = known.index.reshape(-1)[places]  # type: ignore[union-attr]
            self.once(node, at)
            if at not in self.trained:
                self.notes.append(f"{at}: a fixed table in PyTorch; here it is a parameter that can be measured")
            name = self.name(at[:-7] if at.endswith(".weight") else at, "positions")
            shape = value.shape
            weights = [self.weight("kernel", at, lambda w: w.reshape(-1)[picked].view(shape))]
            made = _Value("positions", [value], value.shape, {"type": "positions", "name": name}, weights, _where(node))
            return _Sym(made, symbol.index)
        what = {"add": "added to", "mul": "multiplied with"}.get(kind, f"combined ({kind}) with")
        return _Opaque(node, f"a tensor {list(other.value.shape)} {what} a layer's output {list(value.shape)}; the format has positions (one vector per token) and layerscale (one number per channel)")

    def table(self, node: _Node, other: _Node) -> str:
        """A constant that the code computes, such as sinusoidal positions, kept as a buffer of its own."""
        name = f"{node.path}.positions" if node.path else "positions"
        while name in self.state:
            name += "_"
        self.state = {**self.state, name: other.value.detach()}
        self.tables = {**getattr(self, "tables", {}), name: other.value.detach()}
        return name

    # --- joining

    def _cat(self, node: _Node) -> Union[_Sym, _Opaque]:
        parts, dim = _take(node, "tensors", ("dim", 0))
        parts = [each for each in parts if each.value.numel() > 0]
        if len(parts) == 1:
            return self.symbols_of(parts[0])  # type: ignore[return-value]
        known = [self.symbols_of(each) for each in parts]
        zeros = [self.is_zero(each) for each in parts]
        if zeros.count(False) == 1 and node.value.dim() == 4 and dim % 4 == 1:
            at = zeros.index(False)
            before, after = (sum(int(each.value.shape[1]) for each in some) for some in (parts[:at], parts[at + 1 :]))
            return self.padded_channels(node, parts[at], before, after)
        if any(isinstance(each, _Param) for each in known):
            return self.class_token(node, parts, known, dim)
        symbols = [self.selected(self.need(each)) for each in parts]
        shapes = [each.value.shape for each in symbols]
        rank = len(shapes[0])
        axes = [axis for axis in ([rank - 1, 0] if rank == 2 else [rank - 1]) if all(len(s) == rank and all(s[i] == shapes[0][i] for i in range(rank) if i != axis) for s in shapes)]
        for axis in axes:
            sizes = [s[axis] for s in shapes]
            shape = [*shapes[0]]
            shape[axis] = sum(sizes)
            pieces = self.arange(shape).split(sizes, dim=axis + 1)
            moved = [piece.reshape(-1)[symbol.index] for piece, symbol in zip(pieces, symbols)]
            index = torch.cat(moved, dim)
            spec: Spec = {"type": "concat"} if axis == rank - 1 else {"type": "concat", "axis": "tokens"}
            made = _Value("concat", [each.value for each in symbols], shape, spec, path=_where(node))
            return _Sym(made, index)
        return _Opaque(node, f"branches of shapes {', '.join(str(list(s)) for s in shapes)} do not join along one axis")

    _concat = _cat

    def class_token(self, node: _Node, parts: Sequence[_Node], known: Sequence[Any], dim: int) -> Union[_Sym, _Opaque]:
        if len(parts) != 2 or not isinstance(known[0], _Param) or not isinstance(known[1], _Sym) or known[0].name is None:
            return _Opaque(node, "a parameter or constant joined to a layer's output; the format joins branches (concat; a shortcut that widens is a 1 x 1 convolution) and one class token before a sequence")
        param: _Param = known[0]
        symbol = self.need(parts[1])
        for value, place in self.layouts(symbol.value):
            if len(value.shape) != 2:
                continue
            length, width = value.shape
            index = place(symbol.index)
            batch_first = index.permute(1, 0, 2) if index.dim() == 3 and dim == 0 else index
            if batch_first.shape == (self.batch, length, width) and torch.equal(batch_first, self.arange(value.shape)):
                assert param.index is not None
                token = param.index.permute(1, 0, 2) if dim == 0 else param.index
                if token.shape != (self.batch, 1, width) or not torch.equal(token, token[:1].expand(token.shape)):
                    break
                picked = token[0, 0]
                at = self.once(node, param.name)  # type: ignore[arg-type]
                name = self.name(at, "classtoken")
                weights = [self.weight("kernel", at, lambda w: w.reshape(-1)[picked])]
                made = _Value("classtoken", [value], [length + 1, width], {"type": "classtoken", "name": name}, weights, _where(node))
                whole = self.arange(made.shape)
                return _Sym(made, whole.permute(1, 0, 2) if dim == 0 else whole)
        return _Opaque(node, "a parameter joined to a layer's output; the format has one class token before a sequence (classtoken)")

    # --- attention

    def _multi_head_attention_forward(self, node: _Node) -> Union[_Sym, _Opaque]:
        names = (
            "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p out_proj_weight out_proj_bias training "
            "key_padding_mask need_weights attn_mask use_separate_proj_weight q_proj_weight k_proj_weight v_proj_weight static_k static_v average_attn_weights is_causal"
        ).split()
        given = dict(zip(names, node.args))
        given.update(node.kwargs)
        if node.out not in (None, 0):
            return _Opaque(node, "the weights of attention")
        x = self.need(given["query"])
        for other in ("key", "value"):
            sym = self.need(given[other])
            if sym.value is not x.value or not torch.equal(sym.index, x.index):
                return _Opaque(node, "attention of one sequence to another")
        if any(given.get(key) is not None for key in ("bias_k", "bias_v", "static_k", "static_v", "key_padding_mask")) or given.get("add_zero_attn"):
            return _Opaque(node, "attention with bias_k, add_zero_attn or a padding mask")
        length, batch, width = given["query"].value.shape
        turned = _Sym(x.value, x.index.transpose(0, 1))
        value = self.sequence(node, turned, length, width)
        causal = self.is_causal(node, given.get("attn_mask"), length) or bool(given.get("is_causal") and given.get("attn_mask") is None)
        weights: List[_Weight] = []
        packed = not given.get("use_separate_proj_weight")
        bias = given.get("in_proj_bias")
        out_bias = given.get("out_proj_bias")
        bias_name = None if bias is None else self.once(node, self.param(node, "its bias", bias))
        if packed:
            name = self.once(node, self.param(node, "in_proj_weight", given["in_proj_weight"]))
            weights.append(self.weight("qkv.kernel", name, lambda w: w.t()))
            if bias_name is not None:
                weights.append(self.weight("qkv.bias", bias_name))
        else:
            name = ""
            for i, role in enumerate(("query", "key", "value")):
                name = self.once(node, self.param(node, role, given[f"{role[0]}_proj_weight"]))
                weights.append(self.weight(f"{role}.kernel", name, lambda w: w.t()))
                if bias_name is not None:
                    weights.append(self.weight(f"{role}.bias", bias_name, lambda w, i=i: w[i * width : (i + 1) * width]))  # type: ignore[misc]
        out = self.once(node, self.param(node, "out_proj.weight", given["out_proj_weight"]))
        weights.append(self.weight("output.kernel", out, lambda w: w.t()))
        if out_bias is not None:
            weights.append(self.weight("output.bias", self.once(node, self.param(node, "its bias", out_bias))))
        at = self.name(name.rsplit(".", 1)[0] if "." in name else "", "attention")
        spec = self.attention_spec(at, int(given["num_heads"]), causal, packed, weights)
        made = _Value("attention", [value], value.shape, spec, weights, _where(node))
        return _Sym(made, self.arange(value.shape).transpose(0, 1))

    def attention_spec(self, name: str, heads: int, causal: bool, packed: bool, weights: List[_Weight]) -> Spec:
        roles = {weight.role for weight in weights}
        spec: Spec = {"type": "attention", "name": name, "heads": heads}
        if packed:
            spec["packed"] = True
        if causal:
            spec["causal"] = True
        if any(role.endswith(".bias") for role in roles):
            spec["bias"] = True
            # All biases or none: those that PyTorch lacks are 0 here.
            for role in ["qkv", "output"] if packed else ["query", "key", "value", "output"]:
                if f"{role}.bias" not in roles:
                    kernel = next(weight for weight in weights if weight.role == f"{role}.kernel")
                    self.notes.append(f"{name}.{role}.bias: PyTorch has none; it is 0 here, and not trained there")
                    weights.append(_Weight(f"{role}.bias", kernel.sources, lambda get, make=kernel.make: torch.zeros_like(make(get)[0]), False))  # type: ignore[misc]
        return spec

    def sequence(self, node: _Node, symbol: _Sym, length: int, width: int) -> _Value:
        for value, place in self.layouts(symbol.value):
            if value.shape == (length, width) and torch.equal(place(symbol.index), self.arange(value.shape)):
                return value
        raise _Refused(node, f"its input is not a sequence [{length}, {width}] but a rearrangement of {list(symbol.value.shape)}")

    def is_causal(self, node: _Node, mask: Any, length: int) -> bool:
        """Whether a mask lets a token see only itself and the tokens before it. Raises for any other mask."""
        if mask is None:
            return False
        values = mask.value
        if mask.dynamic:
            raise _Refused(node, "a mask that depends on the data")
        seen = ~values if values.dtype == torch.bool and node.name == "multi_head_attention_forward" else values if values.dtype == torch.bool else values == 0
        seen = seen.reshape(-1, *seen.shape[-2:])
        if bool(seen.all()):
            return False
        if not bool((seen == torch.ones(length, length, dtype=torch.bool).tril()).all()):
            raise _Refused(node, "a mask that is neither none nor causal")
        return True

    def attention_core(self, node: _Node) -> Union[_Sym, _Opaque]:
        """softmax(q k^T / sqrt(n)) v, however it is written: what it computes is compared with the formula on random numbers."""
        softmax = node.name == "scaled_dot_product_attention" or self.has_softmax(node)
        if not softmax:
            if node.name == "matmul" and not all(isinstance(each, _Node) and each.dynamic for each in node.args[:2]):
                return self.product_with_parameter(node)
            return _Opaque(node, "a product of two results of layers that is not attention")
        order, sources = self.subgraph(node)
        refusal = _Opaque(node, "attention whose queries, keys and values do not come from Linear layers of one sequence")
        if len(sources) not in (1, 3):
            return refusal
        dense = [self.symbols_of(each) for each in sources]
        opaque = next((each for each in dense if isinstance(each, _Opaque)), None)
        if opaque is not None:
            return opaque
        if any(not isinstance(each, _Sym) or each.value.op != "dense" or len(each.value.shape) != 2 for each in dense):
            return refusal
        values: List[_Value] = [each.value for each in dense]  # type: ignore[union-attr]
        below = values[0].inputs[0]
        if any(each.inputs[0] is not below and not (each.inputs[0].op == below.op == "rearrange" and each.inputs[0].inputs[0] is below.inputs[0]) for each in values):
            return _Opaque(node, "attention of one sequence to another")
        length = values[0].shape[0]
        width = values[0].shape[1] // (3 if len(sources) == 1 else 1)
        size = int(node.value.shape[-1])
        if any(each.shape != (length, width * (3 if len(sources) == 1 else 1)) for each in values):
            return _Opaque(node, "attention with fewer keys than queries (grouped or multi-query)")
        if size > width or width % size or node.value.numel() != self.batch * length * width:
            return _Opaque(node, "attention in which the heads do not divide the width")
        heads = width // size
        generator = torch.Generator().manual_seed(1)
        trial = [torch.randn(each.value.shape, dtype=torch.float64, generator=generator) for each in sources]
        with torch.no_grad():
            got = self.replay(order, sources, trial, node)
        # Where each head's numbers are in the result.
        ours = self.arange([length, width]).view(self.batch, length, heads, size)
        forms = [ours.permute(0, 2, 1, 3), ours]
        rows = [each.reshape(self.batch, length, -1) for each in trial]
        found = self.matching(rows, got, forms, heads, size, order, sources, node)
        if found is None:
            return _Opaque(node, "attention that differs from softmax(q k^T / sqrt(n)) v with n numbers per head (another scale, mask, or a normalisation of queries and keys)")
        columns, causal, rotary, index = found
        made = _Value("attention core", [below], [length, width], path=_where(node))
        made.extra = {"node": node, "dense": values, "columns": columns, "heads": heads, "causal": causal, "rotary": rotary}
        return _Sym(made, index)

    def has_softmax(self, node: _Node) -> bool:
        """Whether one factor of a product comes from a softmax, with at most dropout and changes of shape in between."""
        for each in _leaves(node.args):
            while isinstance(each, _Node) and each.dynamic:
                if each.name in ("softmax", "_softmax"):
                    return True
                if each.name not in _SHAPE_OPS | _HANDED_ON | {"masked_fill", "nan_to_num"}:
                    break
                each = each.args[0]
        return False

    def subgraph(self, node: _Node) -> Tuple[List[_Node], List[_Node]]:
        """The operations between Linear layers and a node, in order, and those Linear layers."""
        inside: Dict[int, _Node] = {}
        sources: Dict[int, _Node] = {}

        def visit(each: _Node) -> None:
            if id(each) in inside or id(each) in sources or not each.dynamic:
                return
            if each.name in ("linear", "input") or (each is not node and each.name in ("layer_norm", "conv2d", "rms_norm", "embedding", "batch_norm")):
                sources[id(each)] = each
                return
            inside[id(each)] = each
            for inner in _leaves((each.args, each.kwargs)):
                if isinstance(inner, _Node):
                    visit(inner)

        visit(node)
        place = {id(each): i for i, each in enumerate(self.recorder.nodes)}
        by_place = lambda each: place.get(id(each), -1)  # noqa: E731
        return sorted(inside.values(), key=by_place), sorted(sources.values(), key=by_place)

    def replay(self, order: Sequence[_Node], sources: Sequence[_Node], values: Sequence[Tensor], last: _Node) -> Tensor:
        """Repeats the recorded operations with other numbers."""
        made: Dict[int, Tensor] = {id(each): value for each, value in zip(sources, values)}
        for each in order:
            swap = lambda x: (made[id(x)].clone() if id(x) in made and _is_in_place(each.name, each.kwargs) else made.get(id(x), x.value)) if isinstance(x, _Node) else x  # noqa: B023, E731
            out = each.func(*_map(each.args, swap), **_map(each.kwargs, swap))
            made[id(each)] = out if each.out is None else out[each.out]
        return made[id(last)]

    def matching(self, rows: List[Tensor], got: Tensor, forms: List[Tensor], heads: int, size: int, order: List[_Node], sources: List[_Node], node: _Node) -> Any:
        """The interpretation (queries, keys and values, masks and rotations) under which the formula gives what was computed."""
        batch, length, width = rows[0].shape[0], rows[0].shape[1], heads * size
        readings: List[Tuple[Tensor, Tensor, Tensor]] = []
        plain = torch.arange(width).view(heads, size)
        if len(rows) == 1:
            per_head = torch.arange(3 * width).view(heads, 3, size)
            for order_of in ((0, 1, 2), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
                readings.append(tuple(plain + width * i for i in order_of))  # type: ignore[arg-type]
                readings.append(tuple(per_head[:, i] for i in order_of))  # type: ignore[arg-type]
        else:
            for order_of in ((0, 1, 2), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
                readings.append(tuple(plain + width * i for i in order_of))  # type: ignore[arg-type]
        joined = rows[0] if len(rows) == 1 else torch.cat(rows, -1)
        rotations: List[Optional[Tuple[float, bool]]] = [None]
        if size % 2 == 0:
            rotations += [(base, each) for base in self.rotary_bases(order, sources, node, size) for each in (False, True)]
        for rotary in rotations:
            tolerance = 1e-11 if rotary is None else 2e-6
            for reading in readings:
                q, k, v = (joined[..., columns.reshape(-1)].view(batch, length, heads, size).transpose(1, 2) for columns in reading)
                if rotary is not None:
                    q, k = (_rotated(each, *rotary) for each in (q, k))
                for causal in (False, True):
                    out = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
                    for index in forms:
                        shaped = out if index is forms[0] else out.transpose(1, 2)
                        if shaped.numel() != got.numel():
                            continue
                        error = float((shaped.reshape(got.shape) - got).abs().max()) if self.fits(shaped, got) else math.inf
                        if error < tolerance * max(1.0, float(got.abs().max())):
                            if rotary is not None and error > 1e-11:
                                self.single_tables = True
                            return reading, causal, rotary, index.reshape(got.shape)
        return None

    @staticmethod
    def fits(shaped: Tensor, got: Tensor) -> bool:
        """Whether the numbers of a head are on the last axis of the result, as in the formula."""
        return shaped.shape[-1] == got.shape[-1]

    def rotary_bases(self, order: List[_Node], sources: List[_Node], node: _Node, size: int) -> List[float]:
        """Candidates for the base of a rotary embedding, from the code's own tables of cosines."""
        bases = [10000.0]
        length = node.value.shape[-2]
        for each in order:
            for inner in _leaves((each.args, each.kwargs)):
                if isinstance(inner, _Node) and not inner.dynamic and inner.value.is_floating_point() and inner.value.numel() >= size // 2 and length > 1:
                    table = inner.value.detach().reshape(-1, inner.value.shape[-1])
                    if table.shape[0] > 1 and table.shape[1] >= size // 2 and float(table.abs().max()) <= 1 + 1e-6:
                        # cos or sin of base^(-(size - 2) / size), the slowest rotation at position 1.
                        for value in (float(table[1, size // 2 - 1]), float(table[1, -1])):
                            for angle in (math.acos(max(-1.0, min(1.0, value))), math.asin(max(-1.0, min(1.0, value)))):
                                if angle > 0 and size > 2:
                                    base = angle ** (-size / (size - 2))
                                    near = float(f"{base:.4g}")
                                    for candidate in (near, float(round(base))):
                                        if 1 < candidate < 1e9 and candidate not in bases:
                                            bases.append(candidate)
        return bases[:12]

    def product_with_parameter(self, node: _Node) -> Union[_Sym, _Opaque]:
        """x @ W or x @ W.T: a Linear without a bias."""
        x, other = node.args[0], node.args[1]
        known = self.symbols_of(other) if isinstance(other, _Node) else None
        if not isinstance(known, _Param) or known.name is None or known.index is None or known.index.dim() != 2 or not isinstance(x, _Node) or not x.dynamic:
            return _Opaque(node, "a product with a tensor that is not a matrix of parameters")
        width, outputs = known.index.shape
        if known.index.numel() != self.state[known.name].numel():
            return _Opaque(node, f"a product with a part of {known.name}")
        value, row, order = self.rows(node, x, width)
        tied = self.embeddings.get(known.name)
        picked = known.index
        inverse = torch.argsort(order)
        at = known.name.rsplit(".", 1)[0] if known.name.endswith(".weight") else known.name
        if tied is not None:
            spec: Spec = {"type": "dense", "name": self.name(f"{at}-head", "head"), "units": outputs, "bias": False, "tied": tied.spec["name"]}  # type: ignore[index]
            made = _Value("dense", [value], [*value.shape[:-1], outputs], spec, [], _where(node))
        else:
            self.once(node, known.name)
            spec = {"type": "dense", "name": self.name(at, "linear"), "units": outputs, "bias": False}
            made = _Value("dense", [value], [*value.shape[:-1], outputs], spec, [self.weight("kernel", known.name, lambda w: w.reshape(-1)[picked][inverse])], _where(node))
        return self.out_rows(made, row)

    def attention(self, node: _Node, core: _Sym, name: str, bias: Optional[str]) -> _Sym:
        """The core and the Linear after it, as one layer."""
        extra = core.value.extra
        length, width = core.value.shape
        outputs, inner = self.state[name].shape
        moved = core.index.reshape(-1, inner) if core.index.shape[-1] == inner else None
        if moved is None or inner != width or not torch.equal(core.index.reshape(self.batch, -1), self.arange([length * width])):
            raise _Refused(node, "an output projection that does not take all heads of a token next to each other")
        dense: List[_Value] = extra["dense"]
        below = dense[0].inputs[0]
        if below.shape[-1] != outputs:
            raise _Refused(node, f"attention that makes {outputs} numbers per token from {below.shape[-1]}")
        columns: Sequence[Tensor] = extra["columns"]
        weights: List[_Weight] = []
        packed = len(dense) == 1
        if packed:
            order = torch.cat([each.reshape(-1) for each in columns])
            kernel, *rest = dense[0].weights
            weights.append(_Weight("qkv.kernel", kernel.sources, lambda get: kernel.make(get)[:, order], kernel.trained))
            for given in rest:
                weights.append(_Weight("qkv.bias", given.sources, lambda get, given=given: given.make(get)[order], given.trained))  # type: ignore[misc]
        else:
            for role, place in zip(("query", "key", "value"), columns):
                source = dense[int(place.reshape(-1)[0]) // width]
                for given in source.weights:
                    weights.append(_Weight(f"{role}.{given.role}", given.sources, given.make, given.trained))
        weights.append(self.weight("output.kernel", self.once(node, name), lambda w: w.t()))
        if bias is not None:
            weights.append(self.weight("output.bias", self.once(node, bias)))
        for each in dense:
            self.names.pop(each.spec["name"], None)  # type: ignore[index]
        paths = [each.spec["name"] for each in dense] + [name.rsplit(".", 1)[0] if "." in name else ""]  # type: ignore[index]
        at = os.path.commonprefix([path.split(".") for path in paths])
        spec = self.attention_spec(self.name(".".join(at), "attention"), extra["heads"], extra["causal"], packed, weights)
        if outputs != width:
            spec["head_width"] = width // extra["heads"]
        if extra["rotary"] is not None:
            spec["rotary"] = {"base": extra["rotary"][0], "interleaved": extra["rotary"][1]}
        made = _Value("attention", [below], [length, outputs], spec, weights, _where(node))
        return _Sym(made, self.arange([length, outputs]).view(node.value.shape))

    def _log_softmax(self, node: _Node) -> _Sym:
        """Only at the end of a model whose loss is a cross-entropy, which includes it."""
        x, dim = _take(node, "input", ("dim", -1))
        symbol = self.need(x)
        made = _Value("log softmax", [symbol.value], symbol.value.shape, path=_where(node))
        made.extra = {"node": node, "x": x, "dim": dim % x.value.dim()}
        return _Sym(made, symbol.index)


class _Refused(Exception):
    """An operation that cannot be expressed, at a node; becomes CannotExport if its result is needed."""

    def __init__(self, node: _Node, reason: str):
        super().__init__(reason)
        self.node, self.reason = node, reason


def _rotated(x: Tensor, base: float, interleaved: bool) -> Tensor:
    """Rotary positions (Su et al., arXiv:2104.09864): pair i of a head rotated by position * base^(-2i / n)."""
    length, size = x.shape[-2:]
    angle = torch.arange(length, dtype=x.dtype)[:, None] * torch.pow(base, -torch.arange(0, size, 2, dtype=x.dtype) / size)
    cos, sin = angle.cos(), angle.sin()
    if interleaved:
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
    a, b = x[..., : size // 2], x[..., size // 2 :]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def _take(node: _Node, *names: Any) -> List[Any]:
    """Arguments of a call by name, with defaults for those given as (name, default)."""
    taken = []
    aliases = {"input": ("input", "self", "x"), "dim": ("dim", "axis"), "keepdim": ("keepdim", "keepdims"), "other": ("other",)}
    for i, each in enumerate(names):
        name, default = each if isinstance(each, tuple) else (each, None)
        if i < len(node.args):
            taken.append(node.args[i])
            continue
        given = next((node.kwargs[key] for key in aliases.get(name, (name,)) if key in node.kwargs), default)
        taken.append(given)
    return taken


def _pair(given: Any) -> List[Any]:
    if isinstance(given, (tuple, list)):
        return [*given] if len(given) == 2 else [given[0], given[0]]
    return [given, given]


# --------------------------------------------------------------------------------------------------------- from values to chains of layers


class _Placed(NamedTuple):
    """A layer, and where it is in the specification: "layers[3].layers[0]"."""

    place: str
    value: _Value


class _Structure:
    """The values of a pass as chains of layers: series and parallel branches, and nothing else."""

    def __init__(self, output: _Value, start: _Value):
        self.order: List[_Value] = []
        seen: Dict[int, bool] = {}
        stack: List[Tuple[_Value, bool]] = [(output, False)]
        while stack:
            value, done = stack.pop()
            if done:
                self.order.append(value)
                continue
            if id(value) in seen:
                continue
            seen[id(value)] = True
            stack.append((value, True))
            stack += [(each, False) for each in reversed(value.inputs)]
        self.place = {id(value): i for i, value in enumerate(self.order)}
        self.uses: Dict[int, int] = {}
        for value in self.order:
            for each in value.inputs:
                self.uses[id(each)] = self.uses.get(id(each), 0) + 1
        # The nearest value that every path from the input passes through (Cooper, Harvey, Kennedy 2001).
        self.above: Dict[int, _Value] = {id(start): start}
        for value in self.order:
            if value is start:
                continue
            common: Optional[_Value] = None
            for each in value.inputs:
                common = each if common is None else self.meet(common, each)
            if common is None:
                raise CannotExport(f"{value.path or 'the model'}: a result that does not depend on the input")
            self.above[id(value)] = common
        self.layers: List[_Placed] = []
        self.placed: Set[int] = set()
        self.start = start

    def meet(self, a: _Value, b: _Value) -> _Value:
        while a is not b:
            if self.place[id(a)] > self.place[id(b)]:
                a = self.above[id(a)]
            else:
                b = self.above[id(b)]
        return a

    def chain(self, begin: _Value, end: _Value, place: str) -> List[Spec]:
        """The layers from one value to another."""
        values: List[_Value] = []
        at = end
        while at is not begin:
            values.append(at)
            if self.place[id(at)] < self.place[id(begin)] or id(at) in self.placed:
                raise CannotExport(
                    f"{at.path or 'the model'}: its branches cross (one begins inside another and ends outside); the format has branches that "
                    "start at one point and meet at one point (residual, concat), as in series-parallel networks"
                )
            self.placed.add(id(at))
            at = self.above[id(at)]
        specs: List[Spec] = []
        for value in reversed(values):
            here = f"{place}[{len(specs)}]"
            specs.append(self.spec(value, here))
            self.layers.append(_Placed(here, value))
        return specs

    def spec(self, value: _Value, here: str) -> Spec:
        if value.op in ("sum", "concat"):
            begin = self.above[id(value)]
            ends = self.terms(value) if value.op == "sum" else value.inputs
            if value.op == "concat":
                return {**(value.spec or {}), "branches": [self.chain(begin, end, f"{here}.branches[{i}]") for i, end in enumerate(ends)]}
            bare = [end for end in ends if end is begin]
            full = [end for end in ends if end is not begin]
            if not full:
                raise CannotExport(f"{value.path or 'the model'}: a result added to itself")
            spec: Spec = {"type": "residual"}
            rest = full[1:]
            if bare:
                rest = rest + bare[1:]
            elif rest:
                spec["shortcut"] = self.chain(begin, rest[0], f"{here}.shortcut")
                rest = rest[1:]
            spec["layers"] = self.chain(begin, full[0], f"{here}.layers")
            if rest:
                spec["branches"] = [self.chain(begin, end, f"{here}.branches[{i}]") for i, end in enumerate(rest)]
            return spec
        if value.spec is None:
            what = {"pad": "zeros around an image that no convolution uses", "mean square": "a mean of squares that is not a normalisation"}.get(value.op, value.op)
            raise CannotExport(f"{value.path or 'the model'}: {what} cannot be expressed in the model format; {_SEE}")
        return value.spec

    def terms(self, value: _Value) -> List[_Value]:
        """The terms of a sum of sums, if the inner sums are used for nothing else."""
        found: List[_Value] = []
        for each in value.inputs:
            found += self.terms(each) if each.op == "sum" and self.uses[id(each)] == 1 else [each]
        return found


# ------------------------------------------------------------------------------------------------------------------------------- losses

Loss = Union[str, nn.Module, Mapping[str, Any], Callable[..., Any]]

_LOSSES = 'expected "cross-entropy", "mse" (1/2 sum over outputs), "binary-cross-entropy", nn.CrossEntropyLoss(), nn.MSELoss() (mean over outputs, no 1/2) or nn.BCEWithLogitsLoss()'


def _loss_spec(loss: Loss) -> Union[str, Spec]:
    """The loss in the model format. PyTorch's losses keep PyTorch's convention of the mean."""
    if isinstance(loss, str):
        if loss in ("cross-entropy", "mse", "binary-cross-entropy"):
            return loss
        raise CannotExport(f"loss: {loss!r}; {_LOSSES}")
    if isinstance(loss, Mapping):
        return dict(loss)
    if isinstance(loss, nn.CrossEntropyLoss) or (isinstance(loss, nn.NLLLoss) and type(loss) is nn.NLLLoss):
        spec: Spec = {"type": "cross-entropy"}
        if getattr(loss, "label_smoothing", 0):
            spec["label_smoothing"] = float(loss.label_smoothing)  # type: ignore[union-attr, arg-type]
        if loss.weight is not None:
            spec["class_weights"] = [float(each) for each in loss.weight]
        if loss.ignore_index != -100:
            raise CannotExport(f"loss: ignore_index={loss.ignore_index}; mark targets that do not count with -100")
        return "cross-entropy" if len(spec) == 1 else spec
    if isinstance(loss, nn.MSELoss) or loss is F.mse_loss:
        return {"type": "mse", "mean_over_outputs": True}
    if isinstance(loss, nn.BCEWithLogitsLoss):
        if loss.pos_weight is not None or loss.weight is not None:
            raise CannotExport("loss: BCEWithLogitsLoss with weights; the format has it without")
        return {"type": "binary-cross-entropy", "mean_over_outputs": True}
    if loss is F.binary_cross_entropy_with_logits:
        return {"type": "binary-cross-entropy", "mean_over_outputs": True}
    if loss is F.cross_entropy or loss is F.nll_loss:
        return "cross-entropy"
    raise CannotExport(f"loss: {type(loss).__name__} cannot be expressed; {_LOSSES}")


def _losses(spec: Union[str, Spec], outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of every sample; outputs [n, ..., K], targets as they are in the data."""
    given: Spec = {"type": spec} if isinstance(spec, str) else spec
    if given["type"] == "cross-entropy":
        classes = outputs.shape[-1]
        weight = given.get("class_weights")
        settings = {
            "weight": None if weight is None else torch.tensor(weight, dtype=outputs.dtype),
            "label_smoothing": given.get("label_smoothing", 0.0),
            "reduction": "none",
        }
        if outputs.dim() == 2 and targets.is_floating_point() and targets.dim() == 2 and targets.shape[1] == classes:
            return F.cross_entropy(outputs, targets.to(outputs.dtype), **settings)  # type: ignore[arg-type]
        flat = targets.reshape(-1).long()
        each = F.cross_entropy(outputs.reshape(-1, classes), flat, **settings).view(len(outputs), -1)  # type: ignore[arg-type]
        counted = (flat != -100).view(len(outputs), -1)
        return each.sum(1) / counted.sum(1)
    wanted = targets.reshape(len(outputs), -1).to(outputs.dtype)
    made = outputs.reshape(len(outputs), -1)
    if given["type"] == "mse":
        each = (made - wanted) ** 2
        return each.mean(1) if given.get("mean_over_outputs") else 0.5 * each.sum(1)
    each = F.binary_cross_entropy_with_logits(made, wanted, reduction="none")
    return each.mean(1) if given.get("mean_over_outputs") else each.sum(1)


# --------------------------------------------------------------------------------------------------------------------------------- data

Data = Any


def _as_tensor(values: Any) -> Tensor:
    made = values if isinstance(values, Tensor) else torch.as_tensor(np.asarray(values))
    return made.detach().cpu()


def _data(data: Data, samples: Optional[int]) -> Tuple[Tensor, Tensor]:
    """Inputs and targets of the first `samples` samples of a pair of arrays, a Dataset or a DataLoader."""
    if isinstance(data, (tuple, list)) and len(data) == 2 and hasattr(data[0], "__len__"):
        x, y = (_as_tensor(each) for each in data)
    else:
        xs: List[Tensor] = []
        ys: List[Tensor] = []
        is_loader = hasattr(data, "batch_size") and hasattr(data, "dataset") and getattr(data, "batch_size", None) is not None
        count = 0
        size = None if is_loader or not hasattr(data, "__len__") else len(data)
        items: Iterable[Any] = data if size is None else (data[i] for i in range(size))
        for item in items:
            if not isinstance(item, (tuple, list)) or len(item) < 2:
                raise CannotExport(f"data: expected pairs of inputs and targets, found {type(item).__name__}")
            a, b = _as_tensor(item[0]), _as_tensor(item[1])
            xs.append(a if is_loader else a[None])
            ys.append(b if is_loader else b[None])
            count += len(xs[-1])
            if samples is not None and count >= samples:
                break
        if not xs:
            raise CannotExport("data: no samples")
        x, y = torch.cat(xs), torch.cat(ys)
    if len(x) != len(y):
        raise CannotExport(f"data: {len(x)} inputs and {len(y)} targets")
    if samples is not None:
        if not samples >= 1:
            raise CannotExport(f"samples: expected at least 1, found {samples}")
        x, y = x[:samples], y[:samples]
    if len(x) == 0:
        raise CannotExport("data: no samples")
    if x.dim() < 2 or x.dim() > 4:
        raise CannotExport(f"data: inputs of shape {list(x.shape)}; expected [samples, features], [samples, tokens, width] or [samples, channels, height, width]")
    if x.dtype == torch.uint8:
        x = x.to(torch.float32)
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.to(torch.float32)
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        raise CannotExport("data: inputs that are not finite")
    return x, y


# ------------------------------------------------------------------------------------------------------------------------------- export

#: How many numbers of one tensor the check keeps, evenly spaced; more would add little.
_KEPT = 4096


class _Exported(NamedTuple):
    model: Spec
    lowering: _Lowering
    weights: List[Tuple[str, _Weight]]
    metadata: Dict[str, str]
    tensors: Arrays


def _spread(values: Tensor) -> np.ndarray:
    """At most `_KEPT` of a tensor's numbers: every s-th, with the smallest s that suffices."""
    flat = values.detach().reshape(-1)
    step = max(1, -(-flat.numel() // _KEPT))
    return flat[::step].to(torch.float64).numpy().copy()


def _converted(weight: _Weight, get: Get) -> np.ndarray:
    made = weight.make(get).detach().contiguous()
    if made.dtype in (torch.float16, torch.bfloat16):
        made = made.to(torch.float32)
    return made.cpu().numpy()


class _InDouble:
    """
    The model itself in double precision, on the processor, in evaluation mode, within a `with`; afterwards it is as it was. (A copy would not work: functions that a
    model keeps may refer to its modules.)
    """

    def __init__(self, model: nn.Module):
        self.model = model

    def __enter__(self) -> nn.Module:
        self.modes = [(each, each.training) for each in self.model.modules()]
        self.kept: List[Tuple[Dict[str, Any], str, Tensor]] = []
        made: Dict[int, Tensor] = {}
        for module, _ in self.modes:
            tables: List[Dict[str, Any]] = [module._parameters, module._buffers]
            for table in tables:
                for key, value in table.items():
                    if value is None:
                        continue
                    self.kept.append((table, key, value))
                    if id(value) not in made:
                        double = value.detach().cpu()
                        double = double.double() if double.is_floating_point() else double.clone()
                        made[id(value)] = nn.Parameter(double, value.is_floating_point()) if isinstance(value, nn.Parameter) else double
                    table[key] = made[id(value)]
        self.model.eval()
        return self.model

    def __exit__(self, *_error: Any) -> None:
        for table, key, value in self.kept:
            table[key] = value
        for module, training in self.modes:
            module.training = training


def _follow(model: nn.Module, x: Tensor, y: Tensor, loss: Loss, name: str) -> _Exported:
    """Everything in a model file except the data and weights."""
    loss_spec = _loss_spec(loss)
    epsilon = next((torch.finfo(each.dtype).eps for each in model.parameters() if each.is_floating_point()), torch.finfo(torch.float32).eps)
    with _InDouble(model) as double:
        return _followed(double, x, y, loss_spec, name, epsilon)


def _followed(double: nn.Module, x: Tensor, y: Tensor, loss_spec: Union[str, Spec], name: str, epsilon: float) -> _Exported:
    is_tokens = not x.is_floating_point()
    inputs = x.to(torch.int64) if is_tokens else x.double()
    pair = inputs[:2] if len(inputs) > 1 else torch.cat([inputs, inputs])
    pair = pair.clone()
    recorder, start, out = _record(double, pair, epsilon)
    # With gradients on, as below: without them PyTorch's encoder takes a different path, whose numbers differ in the last digits.
    with _Double(epsilon):
        again, alone = (_only(double(each)).detach() for each in (pair.clone(), pair[:1].clone()))
    if again.shape != out.shape or not torch.allclose(again, out.detach(), rtol=1e-12, atol=1e-14):
        raise CannotExport("the model gives two different outputs for the same input (a random number in evaluation mode, such as F.dropout without training=self.training?)")
    parts = out.detach()[: len(out) // 2]
    if alone.numel() * 2 != out.numel() or not torch.allclose(alone.reshape(-1), parts.reshape(-1), rtol=1e-9, atol=1e-12):
        raise CannotExport("the output for a sample depends on the other samples of its batch; C, H and Q are sums over independent samples")
    state: Dict[str, Tensor] = dict(double.named_parameters())
    state.update(double.named_buffers())
    shared = {id(value): key for key, value in double.named_parameters()}
    trained = list(shared.values())
    lowering = _Lowering(recorder, start, state, trained, is_tokens)
    lowering.run()
    end = recorder.of.get(id(out))
    if end is None:
        raise CannotExport("the model's output comes from an operation that cannot be followed")
    try:
        symbol = lowering.selected(lowering.need(end))
    except _Refused as refused:
        raise _refusal(refused.node, refused.reason) from None
    kind = loss_spec if isinstance(loss_spec, str) else loss_spec["type"]
    given = out
    if symbol.value.op == "log softmax":
        if kind != "cross-entropy":
            raise CannotExport(f"the model ends in log_softmax, which belongs to a cross-entropy; the loss is {kind}")
        given = symbol.value.extra["x"].value
        symbol = _Sym(symbol.value.inputs[0], symbol.index)
        lowering.notes.append("the model's log_softmax at the end is left to the loss; outputs are the logits")
    index = symbol.index
    classes_second = kind == "cross-entropy" and index.dim() > 2 and torch.equal(index.movedim(1, -1).reshape(-1), torch.arange(index.numel()))
    if not classes_second and not torch.equal(index.reshape(-1), torch.arange(index.numel())):
        raise CannotExport(f"the outputs {list(out.shape)} are a rearrangement of the last layer's {list(symbol.value.shape)} that the format has no layer for")
    structure = _Structure(symbol.value, lowering.input)
    layers = structure.chain(lowering.input, symbol.value, "layers")
    model_spec: Spec = {"input": list(lowering.input.shape), "layers": layers, "loss": loss_spec}
    weights = [(f"{placed.value.spec['name']}.{weight.role}", weight) for placed in structure.layers for weight in placed.value.weights]  # type: ignore[index]

    # The check: some samples in double precision, the gradient of the first, and every layer's output for it.
    some = min(4, len(inputs))
    tables = getattr(lowering, "tables", {})
    get_double: Get = lambda key: state[key] if key in state else tables[key]  # noqa: E731
    batch = inputs[:some].clone()
    with _Double(epsilon):
        values = _only(double(batch))
    shape = [some, *symbol.value.shape]
    if given is not out:
        recorded, _, _ = _record(double, batch, epsilon)
        values = next(node for node in reversed(recorded.nodes) if node.name == "log_softmax").args[0].value
    outputs = (values.movedim(1, -1) if classes_second else values).reshape(shape)
    losses = _losses(loss_spec, outputs, y[:some])
    gradients = torch.autograd.grad(losses[0], [state[key] for key in trained], allow_unused=True)
    of: Dict[str, Tensor] = {key: torch.zeros_like(state[key]) if each is None else each for key, each in zip(trained, gradients)}
    tensors: Arrays = {
        "check/outputs": outputs.detach().numpy(),
        "check/losses": losses.detach().numpy(),
    }
    for key, weight in weights:
        if weight.trained:
            tensors[f"check/gradients/{key}"] = _spread(weight.make(lambda source: of[source]))
    modules = []
    for placed in structure.layers:
        reached = placed.value.reached
        if reached is not None and placed.value.op not in ("input",):
            tensors[f"check/layers/{placed.place}"] = _spread(reached[0])
            modules.append({"place": placed.place, "module": placed.value.path})
    metadata = {
        "format": "covature-model",
        "version": "1",
        "name": name,
        "model": json.dumps(model_spec),
        "parameters": json.dumps({key: {"from": list(weight.sources), "trained": weight.trained} for key, weight in weights}),
        "layers": json.dumps(modules),
        "notes": json.dumps(lowering.notes),
        "tolerance": "1e-5" if lowering.single_tables else "1e-9",
        "torch": torch.__version__.split("+")[0],
        "source": type(double).__name__,
    }
    if lowering.single_tables:
        metadata["notes"] = json.dumps([*lowering.notes, "the model's rotary tables are in single precision: PyTorch's numbers agree to single precision only"])
    return _Exported(model_spec, lowering, weights, metadata, tensors)


def _only(out: Any) -> Tensor:
    """The one tensor that a model returns (checked when it was recorded)."""
    if isinstance(out, Tensor):
        return out
    if isinstance(out, dict):
        return out["logits"]
    if hasattr(out, "logits"):
        return out.logits
    return next(each for each in out if isinstance(each, Tensor))


def _arranged(lowering: _Lowering, x: Tensor) -> np.ndarray:
    """Inputs in Covature's layout."""
    place = lowering.input_index[0].reshape(-1)
    made = torch.empty(len(x), place.numel(), dtype=x.dtype)
    made[:, place] = x.reshape(len(x), -1)
    return made.view(len(x), *lowering.input.shape).numpy()


def _targets(y: Tensor, kind: str) -> np.ndarray:
    if kind != "cross-entropy":
        made = y.reshape(len(y), -1)
        return (made if made.is_floating_point() else made.to(torch.float64)).numpy().copy()
    if y.is_floating_point():
        if y.dim() == 2 and y.shape[1] > 1:
            return y.numpy().copy()
        if not bool((y == y.round()).all()):
            raise CannotExport("data: targets of a cross-entropy are class numbers or rows of probabilities; these are neither")
        y = y.long()
    if y.dtype == torch.bool:
        y = y.long()
    return (y[:, 0] if y.dim() == 2 and y.shape[1] == 1 else y).to(torch.int64).numpy().copy()


def _weight_arrays(exported: _Exported, model: nn.Module) -> Arrays:
    state: Dict[str, Tensor] = dict(model.named_parameters())
    state.update(model.named_buffers())
    tables = getattr(exported.lowering, "tables", {})
    get: Get = lambda key: (state[key] if key in state else tables[key]).detach().cpu()  # noqa: E731
    return {f"weights/{key}": _converted(weight, get) for key, weight in exported.weights}


def export(model: nn.Module, data: Data, path: PathLike, loss: Loss = "cross-entropy", samples: Optional[int] = None, name: Optional[str] = None) -> Spec:
    """Writes model, weights, data and a check as one file for Covature, and returns the model in Covature's format.

    model: any network whose operations the format can express; it is measured in evaluation mode and is not changed.
    data: (inputs, targets) as tensors or arrays, a Dataset, or a DataLoader. Images are [n, channels, height, width]; tokens are integers [n, length].
    loss: "cross-entropy", "mse" (1/2 sum over outputs), "binary-cross-entropy", or PyTorch's modules of these, in PyTorch's convention.
    samples: use only this many samples, from the start of the data (default: all).

    Raises CannotExport, naming the module, the operation and the nearest thing that can be expressed.
    """
    x, y = _data(data, samples)
    target = os.fspath(path)
    given = name if name is not None else os.path.splitext(os.path.basename(target))[0]
    exported = _follow(model, x, y, loss, given)
    kind = exported.model["loss"] if isinstance(exported.model["loss"], str) else exported.model["loss"]["type"]
    tensors = {
        **_weight_arrays(exported, model),
        "data/inputs": _arranged(exported.lowering, x),
        "data/targets": _targets(y, kind),
        **exported.tensors,
    }
    _write(target, _safetensors(tensors, exported.metadata))
    return exported.model


# --------------------------------------------------------------------------------------------------------------------------- run files


class _Archive:
    """
    A zip archive of any size that grows entry by entry (zip64 if a size or an offset does not fit into 32 bits). Each entry is complete once written, so a reader can use
    what is there, and a killed process loses nothing that was written.
    """

    #: From here on sizes and offsets take 64 bits; from this many entries on, the zip64 end record is needed.
    wide_from = 2**32 - 1
    many = 2**16 - 1

    def __init__(self, path: str):
        self.file = open(path, "xb")
        self.entries: List[bytes] = []

    def add(self, name: str, data: bytes, sync: bool = False) -> None:
        moment = time.localtime()
        date = ((max(moment.tm_year, 1980) - 1980) << 9) | (moment.tm_mon << 5) | moment.tm_mday
        clock = (moment.tm_hour << 11) | (moment.tm_min << 5) | (moment.tm_sec // 2)
        offset = self.file.tell()
        key = name.encode("utf-8")
        wide = len(data) >= self.wide_from
        size = 2**32 - 1 if wide else len(data)
        sizes = struct.pack("<QQ", len(data), len(data)) if wide else b""
        places = struct.pack("<Q", offset) if offset >= self.wide_from else b""

        def common(extra: bytes) -> bytes:
            # Stored without compression, its name in UTF-8.
            return struct.pack("<HHHHHIIIHH", 45 if extra else 20, 0x800, 0, clock, date, zlib.crc32(data), size, size, len(key), len(extra))

        def field(values: bytes) -> bytes:
            return struct.pack("<HH", 1, len(values)) + values if values else b""

        local, central = field(sizes), field(sizes + places)
        self.file.write(b"PK\x03\x04" + common(local) + key + local)
        self.file.write(data)
        self.file.flush()
        if sync:
            os.fsync(self.file.fileno())
        self.entries.append(b"PK\x01\x02" + struct.pack("<H", 45) + common(central) + struct.pack("<HHHII", 0, 0, 0, 0, 2**32 - 1 if places else offset) + key + central)

    def close(self) -> None:
        begin = self.file.tell()
        table = b"".join(self.entries)
        count = len(self.entries)
        wide = count >= self.many or max(begin, len(table)) >= self.wide_from
        if wide:
            end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, len(table), begin)
            table += end + struct.pack("<IIQI", 0x07064B50, 0, begin + len(table), 1)
        short = (2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1) if wide else (count, count, len(table), begin)
        self.file.write(table + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, *short, 0))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


class Run:
    """A training loop as a run of Covature: its curves and checkpoints in one file, NAME.covature, that grows while it trains.

        run = covature.Run("my run", {"lr": 0.1, "batch_size": 50}, model=model, data=(x, y), loss="cross-entropy")
        for step, batch in enumerate(batches):
            ...
            run.log(step, loss=loss.item())
            if step % 1000 == 0:
                run.checkpoint(step, model)
        run.finish()

    `covature import my-run.covature` reads the file at any time, and the window draws it while it grows. With `model` and `data` every checkpoint can be measured
    there later; without them the run has only its curves. Used in a `with`, the run is finished at its end, or marked as failed by an exception.

    config: anything that JSON can express; lr, momentum, weight_decay, batch_size, epochs and seed are recognised as settings of the training.
    path: where to write the file (default: NAME.covature in the current folder); an existing file is never overwritten.
    every: seconds between two writes of what was logged (default 1); a checkpoint and the end are written at once.
    """

    def __init__(
        self,
        name: str,
        config: Optional[Mapping[str, Any]] = None,
        *,
        model: Optional[nn.Module] = None,
        data: Optional[Data] = None,
        loss: Loss = "cross-entropy",
        samples: Optional[int] = None,
        path: Optional[PathLike] = None,
        every: float = 1.0,
    ):
        if not name.strip():
            raise ValueError("name: expected text that is not empty")
        if model is not None and data is None:
            raise ValueError("model: also give data=(inputs, targets), over which checkpoints are measured")
        safe = "".join(each if each.isalnum() or each in "-_." else "-" for each in name.strip())
        self.path = os.path.abspath(os.fspath(path) if path is not None else f"{safe}.covature")
        self._name = name.strip()
        self._every = every
        self._data, self._loss, self._samples = data, loss, samples
        self._exported: Optional[_Exported] = None
        self._batches = 0
        self._points: Dict[str, Tuple[List[int], List[Union[float, str]]]] = {}
        self._lines: List[List[Any]] = []
        self._last: Dict[str, int] = {}
        self._step = 0
        self._saved: Dict[int, bool] = {}
        self._written = time.monotonic()
        self._ended = False
        settings = json.loads(json.dumps(dict(config or {}), default=str))
        # The model first: one that cannot be expressed leaves no file behind.
        first = self._export(model) if model is not None else None
        self._archive = _Archive(self.path)
        head = {
            "format": "covature-log",
            "version": 1,
            "id": uuid.uuid4().hex,
            "name": self._name,
            "config": settings,
            "created": int(time.time() * 1000),
            "pid": os.getpid(),
            "host": os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", ""),
            "python": sys.version.split()[0],
            "torch": torch.__version__.split("+")[0],
        }
        self._archive.add("head.json", json.dumps(head).encode("utf-8"), sync=True)
        if first is not None:
            self._archive.add("model.covature-model", first, sync=True)

    def _export(self, model: nn.Module) -> bytes:
        x, y = _data(self._data, self._samples)
        self._exported = _follow(model, x, y, self._loss, self._name)
        loss = self._exported.model["loss"]
        tensors = {
            **_weight_arrays(self._exported, model),
            "data/inputs": _arranged(self._exported.lowering, x),
            "data/targets": _targets(y, loss if isinstance(loss, str) else loss["type"]),
            **self._exported.tensors,
        }
        self._data = None
        return _safetensors(tensors, self._exported.metadata)

    def _open(self) -> None:
        if self._ended:
            raise ValueError(f"{self.path}: the run is finished")

    def log(self, step: int, text: Optional[str] = None, **values: Any) -> None:
        """Points of curves at a step (numbers, or tensors of one number), and a line of text for the run's log. Steps of a curve increase."""
        self._open()
        at = int(step)
        if at < 0:
            raise ValueError(f"step: expected at least 0, found {step}")
        numbers = {key: float(value.detach()) if isinstance(value, Tensor) else float(value) for key, value in values.items()}
        for key in numbers:
            if key in self._last and at <= self._last[key]:
                raise ValueError(f"{key}: steps increase; found {at} after {self._last[key]}")
        for key, number in numbers.items():
            steps, points = self._points.setdefault(key, ([], []))
            steps.append(at)
            # JSON has no NaN and no infinities, but a diverging loss may be one.
            points.append(number if math.isfinite(number) else "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity")
            self._last[key] = at
        if text is not None:
            self._lines.append([int(time.time() * 1000), "info", str(text)])
        self._step = max(self._step, at)
        if time.monotonic() - self._written >= self._every:
            self.flush()

    def flush(self, sync: bool = False) -> None:
        """Writes what was logged since the last write."""
        self._written = time.monotonic()
        if not self._points and not self._lines:
            return
        batch = {"number": self._batches, "step": self._step, "metrics": {key: {"steps": steps, "values": values} for key, (steps, values) in self._points.items()}, "log": self._lines}
        self._archive.add(f"log/{self._batches}.json", json.dumps(batch).encode("utf-8"), sync)
        self._batches += 1
        self._points, self._lines = {}, []

    def checkpoint(self, step: int, model: nn.Module, epoch: Optional[float] = None) -> None:
        """Stores the model's weights at a step, so that they can be measured there."""
        self._open()
        at = int(step)
        if at in self._saved:
            raise ValueError(f"checkpoint: there is one at step {at}")
        if self._exported is None:
            if self._data is None:
                raise ValueError("checkpoint: give data=(inputs, targets) to Run, over which checkpoints are measured")
            self._archive.add("model.covature-model", self._export(model), sync=True)
        assert self._exported is not None
        self.flush()
        arrays = {key[len("weights/") :]: value for key, value in _weight_arrays(self._exported, model).items()}
        for key, value in arrays.items():
            if not np.isfinite(value).all():
                raise ValueError(f"checkpoint: {key} contains numbers that are not finite at step {at}")
        metadata = {"format": "covature-weights 1", "step": str(at), **({} if epoch is None else {"epoch": repr(float(epoch))})}
        self._archive.add(f"checkpoints/{at}.safetensors", _safetensors(arrays, metadata), sync=True)
        self._saved[at] = True
        self._step = max(self._step, at)

    def finish(self, error: Optional[str] = None) -> str:
        """Ends the run, as failed if `error` says why; returns the file's path. Calling it again does nothing."""
        if not self._ended:
            self.flush()
            end = {"status": "done" if error is None else "failed", "error": error, "step": self._step, "ended": int(time.time() * 1000)}
            self._archive.add("end.json", json.dumps(end).encode("utf-8"))
            self._archive.close()
            self._ended = True
        return self.path

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, _kind: Any, error: Optional[BaseException], _trace: Any) -> None:
        self.finish(None if error is None else f"{type(error).__name__}: {error}")


# ---------------------------------------------------------------------------------------------------------------------- the command line


def _command() -> List[str]:
    """The command that runs Covature: $COVATURE, the one written into this file, the checkout that this file is in, or `covature` on the path."""
    given = os.environ.get("COVATURE")
    if given:
        import shlex

        return shlex.split(given)
    if COMMAND:
        return list(COMMAND)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "covature.mjs")
    node = shutil.which("node")
    if os.path.exists(script) and node is not None:
        return [node, os.path.normpath(script)]
    found = shutil.which("covature")
    if found is not None:
        return [found]
    raise FileNotFoundError('the command "covature" is not on the path; set COVATURE="node /path/to/covature/scripts/covature.mjs"')


def measure(
    model: Union[PathLike, nn.Module],
    parameter: Union[str, Sequence[str]],
    data: Optional[Data] = None,
    *,
    loss: Loss = "cross-entropy",
    samples: Optional[int] = None,
    out: Optional[PathLike] = None,
    **options: Any,
) -> Any:
    """Measures a parameter with `covature measure` and returns its summary as a dictionary (a list of them for several parameters).

    model: a file that `export` wrote, or a module, with `data` as for `export`. parameter: "fc2.kernel", "fc*.kernel", or several.
    out: where to write C, H, Q and the rest, for `load`. Other options are those of the command: method="projected", top=20, assumptions=True, ...
    Raises RuntimeError with the command's own message if it fails.
    """
    names = [parameter] if isinstance(parameter, str) else list(parameter)
    with tempfile.TemporaryDirectory(prefix="covature-") as folder:
        if isinstance(model, nn.Module):
            if data is None:
                raise ValueError("data: to measure a module, give data=(inputs, targets)")
            place = os.path.join(folder, "model.covature-model")
            export(model, data, place, loss=loss, samples=samples)
        else:
            place = os.fspath(model)
            if samples is not None:
                options["samples"] = samples
        command = [*_command(), "measure", "--model", place, "--json"]
        for each in names:
            command += ["--parameter", each]
        if out is not None:
            command += ["--out", os.fspath(out)]
        for key, value in options.items():
            flag = f"--{key.replace('_', '-')}"
            if value is True:
                command.append(flag)
            elif value is not False and value is not None:
                command += [flag, str(value)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip() or f"covature measure ended with {done.returncode}")
    return json.loads(done.stdout)
