"""Calls of every operator of the registry, made up from its schemas: arguments by type and name, kept where the operator accepts them."""
import itertools
import re

import kagari
from kagari import _C

# Draw random numbers, leave memory uninitialised, or give sparse tensors.
RANDOM = re.compile(r"^(rand|bernoulli|normal|poisson|binomial|multinomial|.*dropout|exponential|geometric|cauchy|log_normal|uniform|random|rrelu|.*_like$|empty|"
                    r"new_empty|native_dropout|resize|set_|fractional_max_pool|sample|svd_lowrank|pca_lowrank|to_sparse)")
# Not a function of float64: the result is rounded.
ROUNDED = {"half", "bfloat16", "float", "chalf", "cfloat"}

# Shapes of all tensor arguments of one attempt.
PROFILES = [((3, 3),) * 6, ((4,),) * 6, ((2, 3, 4, 4), (3, 3, 2, 2), (3,), (3,), (3,), (3,)), ((3, 4), (4, 2), (4,), (4,), (4,), (4,)), ((2, 3, 3),) * 6,
            ((3, 3), (3,), (3,), (3,), (3,), (3,)), ((), (), (), (), (), ()), ((2, 3, 5), (4, 3, 2), (4,), (4,), (4,), (4,)), ((3, 4), (3,), (4,), (4,), (4,), (4,)),
            ((5, 4), (2, 4), (5, 4), (4,), (4,), (4,)), ((3,), (3, 3), (3,), (3,), (3,), (3,)), ((3, 3), (3, 3), (3, 3), (), (), ())]
INTEGERS = {"index", "indices", "target", "repeats", "LU_pivots", "input_lengths", "target_lengths", "indices_or_sections", "sorter", "offsets", "positions"}
BOOLS = {"mask", "condition", "attn_mask", "key_padding_mask"}
POSITIVE = {"input2_var", "var"}
TEXTS = {"reduction": "mean", "reduce": "prod", "mode": "constant", "UPLO": "L", "indexing": "ij", "padding_mode": "zeros", "approximate": "none", "equation": "ij,jk->ik",
         "rounding_mode": None, "padding": "same", "side": None, "ord": "fro", "driver": None, "norm": None, "interpolation": "linear"}
INTS = {"dim": 0, "dim0": 0, "dim1": 1, "dim2": 1, "n": 2, "k": 1, "num_groups": 1, "groups": 1, "dims": 2, "num_classes": 3, "num_weights": 5, "size": 2, "sections": 1,
        "split_size": 2, "chunks": 2, "dimension": 0, "ignore_index": -100, "padding_idx": -1, "batch_first": 0, "upscale_factor": 1, "downscale_factor": 2, "index": 1,
        "start": 0, "length": 1, "end": 2, "step": 1, "steps": 3, "offset": 0, "storage_offset": 0, "diagonal": 0, "num_samples": 2, "bins": 4, "correction": 1}


def parse(schema):
    """(name, [(argument, type, has a default, keyword only)])"""
    head, rest = schema.split("(", 1)
    body = rest.rsplit(" -> ", 1)[0][:-1]
    parts, depth, start, keyword = [], 0, 0, False
    for i, c in enumerate(body + ","):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            text = body[start:i].strip()
            start = i + 1
            if text == "*":
                keyword = True
            elif text:
                kind, name = text.split("=")[0].split(" ")
                parts.append((name, kind, "=" in text, keyword))
    return head, parts


def _tensor(name, shape, generator):
    if name in BOOLS:
        return kagari.rand(shape, generator=generator) > 0.4
    if name in INTEGERS:
        return kagari.randint(0, 2, shape, generator=generator)
    # distinct, away from the kinks of common functions, inside (0, 1)
    return kagari.rand(shape, generator=generator, dtype=kagari.float64) * 0.8 + 0.1


def _argument(name, kind, shape, rank, generator):
    base = kind.rstrip("?")
    if base in ("Tensor", "Tensor|Scalar"):
        return _tensor(name, shape, generator)
    if base.startswith("Tensor"):
        return [_tensor("index" if name == "indices" else name, shape, generator) for _ in range(2)] if name != "indices" else [kagari.randint(0, 2, (2,), generator=generator)]
    if base == "int":
        return INTS.get(name, 1)
    if base.startswith("int["):
        if name in ("size", "shape", "input_sizes", "sizes"):
            return list(shape)
        if name in ("dim", "dims"):
            return list(range(rank)) if name == "dims" else [0]
        if name == "normalized_shape":
            return list(shape[-1:])
        if name in ("padding", "output_padding"):
            return [0] * max(rank - 2, 1)
        if name in ("kernel_size", "stride", "dilation"):
            return [1 if name == "dilation" else 2] * max(rank - 2, 1)
        return [1] * max(rank - 2, 1)
    if base == "float":
        return 0.5
    if base == "Scalar":
        return 2
    if base == "bool":
        return False
    if base == "str":
        return TEXTS.get(name)
    if base == "ScalarType":
        return kagari.float64
    return None


class Call:
    """One call that works: function, arguments, and which of them are tensors."""

    def __init__(self, name, function, args, kwargs):
        self.name, self.function, self.args, self.kwargs = name, function, args, kwargs

    def tensors(self):
        return [a for a in self.args if isinstance(a, kagari.Tensor)]

    def __call__(self, *tensors):
        given = iter(tensors)
        return self.function(*[next(given) if isinstance(a, kagari.Tensor) else a for a in self.args], **self.kwargs)

    def examples(self, count):
        """`count` more sets of the tensors, alike in shape and range."""
        generator = kagari.Generator().manual_seed(7)

        def another(t):
            if t.dtype == kagari.bool:
                return t.roll(1) if t.dim() else ~t
            if not t.is_floating_point():
                return t.flip(tuple(range(t.dim()))) if t.dim() else t.clone()
            return kagari.rand(t.shape, generator=generator, dtype=t.dtype) * 0.8 + 0.1
        return [[t.clone() for t in self.tensors()]] + [[another(t) for t in self.tensors()] for _ in range(count - 1)]


def outputs_of(value):
    if isinstance(value, kagari.Tensor):
        return [value]
    return [t for part in value for t in outputs_of(part)] if isinstance(value, (tuple, list)) else []


def calls(limit=2):
    """Up to `limit` working calls per overload of every operator."""
    for qualified in _C._operator_names():
        # private operators trust their callers, and are reached through them
        if not qualified.startswith("ops.") or qualified.startswith("ops._") or qualified.endswith(("_backward", "_")):
            continue
        function = _C._function_by_name(qualified)
        for schema in function.schemas:
            name, arguments = parse(schema)
            found, seen = 0, set()
            for full, profile in itertools.product((True, False), PROFILES):
                generator = kagari.Generator().manual_seed(3)
                shapes, rank = iter(profile), len(profile[0])
                args, kwargs, fits = [], {}, True
                for argument, kind, default, keyword in arguments:
                    if kind in ("Options", "Generator?", "MemoryFormat?", "Device?", "Layout?") or (default and not (full and kind.startswith("Tensor"))):
                        if not keyword and any(k.startswith("Tensor") for _, k, _, kw in arguments[len(args) + 1:] if not kw) and full and kind.startswith(("int", "bool", "float", "Scalar", "str")):
                            value = _argument(argument, kind, profile[0], rank, generator)
                        else:
                            continue
                    else:
                        is_tensor = kind.startswith("Tensor")
                        value = _argument(argument, kind, next(shapes, (3,)) if is_tensor else profile[0], rank, generator)
                    if keyword:
                        kwargs[argument] = value
                    else:
                        args.append(value)
                key = str([(tuple(a.shape) if isinstance(a, kagari.Tensor) else a) for a in args])
                if key in seen or not any(isinstance(a, kagari.Tensor) for a in args):
                    continue
                seen.add(key)
                call = Call(name, function, args, kwargs)
                try:
                    outputs = outputs_of(call(*[t.clone() for t in call.tensors()]))
                except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
                    continue
                if not outputs:
                    continue
                yield call
                found += 1
                if found == limit:
                    break


def _f(*shape):
    return kagari.rand(shape, generator=kagari.Generator().manual_seed(sum(shape) + 5), dtype=kagari.float64) * 0.8 + 0.1


def _i(high, *shape):
    return kagari.randint(0, high, shape, generator=kagari.Generator().manual_seed(11))


def _written(write):
    """A function that changes a copy of its first argument in place."""
    def function(first, *rest):
        out = first.clone()
        write(out, *rest)
        return out
    return function


def more_calls():
    """Calls that the schemas do not tell: lists of tensors, subscripts, changes in place, layers."""
    functional = kagari.nn.functional
    m, v, image = _f(3, 4), _f(4), _f(2, 3, 6, 6)
    listed = [
        ("cat", lambda a, b: kagari.cat([a, b], -1), m, _f(3, 2)), ("stack", lambda a, b: kagari.stack([a, b], 1), m, m + 1), ("hstack", lambda a, b: kagari.hstack([a, b]), m, m),
        ("vstack", lambda a, b: kagari.vstack([a, b]), m, v), ("dstack", lambda a, b: kagari.dstack([a, b]), m, m), ("block_diag", lambda a, b: kagari.block_diag(a, b), m, m),
        ("meshgrid", lambda a, b: kagari.meshgrid(a, b, indexing="ij"), v, v), ("cartesian_prod", lambda a, b: kagari.cartesian_prod(a, b), v, v),
        ("broadcast_tensors", lambda a, b: kagari.broadcast_tensors(a, b), m, v), ("einsum", lambda a, b: kagari.einsum("ij,j->i", a, b), m, v),
        ("multi_dot", lambda a, b: kagari.linalg.multi_dot([a, b, a]), m, _f(4, 3)), ("view", lambda a: a.view(2, -1), m), ("reshape", lambda a: a.t().reshape(6, 2), m),
        ("as_strided", lambda a: a.as_strided((2, 2), (4, 1), 1), m), ("item", lambda a: a[1], m), ("slices", lambda a: a[1:, None, ::2], m), ("ellipsis", lambda a: a[..., -1], m),
        ("positions", lambda a: a[[0, 2], 1:], m), ("two positions", lambda a, i: a[i, i], _f(3, 3), _i(3, 2)), ("later positions", lambda a, i: a[:, i], m, _i(4, 2)),
        ("apart", lambda a, i: a[i, :, i], _f(3, 4, 3), _i(3, 2)), ("number", lambda a, i: a[i], m, _i(3)), ("matrix of positions", lambda a, i: a[i], m, _i(3, 2, 2)),
        ("assign item", _written(lambda a, b: a.__setitem__(1, b)), m, v), ("assign slice", _written(lambda a, b: a.__setitem__((slice(None), slice(1, 3)), b)), m, _f(3, 2)),
        ("assign positions", _written(lambda a, i, b: a.__setitem__(i, b)), m, _i(3, 1), v), ("assign number", _written(lambda a: a.__setitem__((0, 1), 5.0)), m),
        ("add_", _written(lambda a, b: a.add_(b)), m, v), ("mul_ of a view", _written(lambda a: a[0].mul_(2)), m), ("sin_", _written(lambda a: a.sin_()), m),
        ("copy_", _written(lambda a, b: a.copy_(b)), m, v), ("zero_ of a view", _written(lambda a: a.t()[0].zero_()), m), ("masked_fill_", _written(lambda a, b: a.masked_fill_(b > 0.5, 0)), m, m),
        ("fill_", _written(lambda a, b: a.fill_(b)), m, _f()), ("scatter_add", lambda a, i, b: a.scatter_add(1, i, b), m, _i(4, 3, 2), _f(3, 2)),
        ("scatter.reduce", lambda a, i, b: a.scatter(1, i, b, reduce="multiply"), m, _i(4, 3, 1), _f(3, 1)), ("gather", lambda a, i: a.gather(1, i), m, _i(4, 3, 2)),
        ("index_fill", lambda a, i: a.index_fill(1, i, 2.0), m, _i(4, 2)), ("one_hot", lambda i: functional.one_hot(i, 4), _i(4, 3)), ("clamp", lambda a: a.clamp(0.2, 0.6), m),
        ("where", lambda a, b: kagari.where(a > 0.5, a, b), m, v), ("cholesky", lambda a: kagari.linalg.cholesky(a @ a.mT + kagari.eye(3, dtype=a.dtype)), _f(3, 3)),
        ("lu_solve", lambda a, b: kagari.linalg.lu_solve(*kagari.linalg.lu_factor(a), b), _f(3, 3) + kagari.eye(3), _f(3, 2)), ("cov", lambda a: kagari.cov(a), m),
        ("bmm", kagari.bmm, _f(2, 3, 4), _f(2, 4, 2)), ("baddbmm", lambda a, b, c: kagari.baddbmm(a, b, c, beta=0.5, alpha=2), _f(2, 3, 2), _f(2, 3, 4), _f(2, 4, 2)),
        ("addmv", kagari.addmv, _f(3), m, v), ("linear", functional.linear, _f(5, 4), m, _f(3)), ("linear of a vector", functional.linear, v, m, _f(3)), ("matmul", kagari.matmul, _f(2, 3, 4), _f(4, 2)),
        ("conv2d", lambda x, w, b: functional.conv2d(x, w, b, padding=1, stride=2), image, _f(4, 3, 3, 3), _f(4)), ("grouped", lambda x, w: functional.conv2d(x, w, groups=3), image, _f(6, 1, 2, 2)),
        ("conv_transpose1d", lambda x, w, b: functional.conv_transpose1d(x, w, b, stride=2), _f(2, 3, 5), _f(3, 2, 2), _f(2)), ("conv3d", lambda x, w: functional.conv3d(x, w), _f(1, 2, 3, 3, 3), _f(2, 2, 2, 2, 2)),
        ("one image", lambda x, w: functional.conv2d(x, w), _f(3, 6, 6), _f(4, 3, 3, 3)), ("max_pool2d", lambda x: functional.max_pool2d(x, 2), image), ("avg_pool2d", lambda x: functional.avg_pool2d(x, 2), image),
        ("adaptive_avg_pool2d", lambda x: functional.adaptive_avg_pool2d(x, 2), image), ("max_pool1d", lambda x: functional.max_pool1d(x, 2), _f(2, 3, 6)), ("lp_pool2d", lambda x: functional.lp_pool2d(x, 2, 2), image),
        ("layer_norm", lambda x, w, b: functional.layer_norm(x, (4,), w, b), m, v, v), ("rms_norm", lambda x, w: functional.rms_norm(x, (4,), w), m, v), ("group_norm", lambda x, w: functional.group_norm(x, 3, w), image, _f(3)),
        ("batch_norm", lambda x, w, b: functional.batch_norm(x, None, None, w, b, training=True), image, _f(3), _f(3)), ("instance_norm", lambda x: functional.instance_norm(x), image),
        ("batch_norm in evaluation", lambda x, mean, var: functional.batch_norm(x, mean, var), image, _f(3), _f(3)), ("normalize", lambda x: functional.normalize(x, dim=-1), m),
        ("embedding", functional.embedding, _i(3, 5), m), ("embedding with padding", lambda i, w: functional.embedding(i, w, padding_idx=1), _i(3, 5), m), ("embedding_bag", lambda i, w: functional.embedding_bag(i, w), _i(3, 2, 4), m),
        ("cross_entropy", functional.cross_entropy, _f(5, 4), _i(4, 5)), ("cross_entropy of one", functional.cross_entropy, v, _i(4)), ("cross_entropy of images", lambda x, t: functional.cross_entropy(x, t, reduction="sum"), image, _i(3, 2, 6, 6)),
        ("weighted", lambda x, t, w: functional.cross_entropy(x, t, w, label_smoothing=0.1), _f(5, 4), _i(4, 5), v), ("nll_loss", lambda x, t: functional.nll_loss(x, t, ignore_index=1), _f(5, 4), _i(4, 5)),
        ("mse_loss", functional.mse_loss, m, m + 1), ("l1_loss", functional.l1_loss, m, m + 1), ("huber_loss", functional.huber_loss, m, m + 1), ("kl_div", lambda a, b: functional.kl_div(a.log(), b, reduction="sum"), m, m),
        ("binary_cross_entropy", functional.binary_cross_entropy, m, m), ("with logits", functional.binary_cross_entropy_with_logits, m, m), ("cosine_similarity", functional.cosine_similarity, m, m + 1),
        ("cosine_embedding_loss", lambda a, b: functional.cosine_embedding_loss(a, b, kagari.ones(3)), m, m + 1), ("triplet", functional.triplet_margin_loss, m, m + 1, m + 2), ("pairwise_distance", functional.pairwise_distance, m, m + 1),
        ("cdist", kagari.cdist, m, _f(2, 4)), ("attention", functional.scaled_dot_product_attention, _f(2, 3, 4), _f(2, 5, 4), _f(2, 5, 4)),
        ("causal", lambda q: functional.scaled_dot_product_attention(q, q, q, is_causal=True), _f(2, 3, 4)), ("interpolate", lambda x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"), image),
        ("nearest", lambda x: functional.interpolate(x, size=4), image), ("unfold", lambda x: functional.unfold(x, 2), image), ("fold", lambda x: functional.fold(x, (4, 4), 2), _f(2, 4, 9)), ("pad", lambda x: functional.pad(x, (1, 2), mode="reflect"), m),
        ("pad with zeros", lambda x: functional.pad(x, (1, 2, 0, 1)), m), ("grid_sample", lambda x, g: functional.grid_sample(x, g, align_corners=False), image, _f(2, 3, 3, 2)),
        ("pixel_shuffle", lambda x: functional.pixel_shuffle(x, 2), _f(2, 4, 3, 3)), ("glu", functional.glu, m), ("prelu", functional.prelu, m, _f(1)), ("softmax", lambda x: functional.softmax(x, 0), m),
        ("view_as_complex", lambda x: kagari.view_as_complex(x).abs(), _f(3, 2)), ("complex", lambda a, b: kagari.view_as_real(kagari.complex(a, b) ** 2), v, v), ("conj", lambda a, b: (kagari.complex(a, b).conj() * kagari.complex(b, a)).real, v, v),
        ("svdvals", lambda a: kagari.linalg.svdvals(a), m), ("eigvalsh", lambda a: kagari.linalg.eigvalsh(a + a.mT), _f(3, 3)), ("solve", kagari.linalg.solve, _f(3, 3) + kagari.eye(3), _f(3)), ("pinv", kagari.linalg.pinv, m),
        ("norm", lambda a: a.norm(), m), ("std", lambda a: a.std(0), m), ("logsumexp", lambda a: a.logsumexp(-1), m), ("max", lambda a: a.max(), m), ("max of rows", lambda a: a.max(1).values, m), ("median", lambda a: a.median(), m),
        ("sort", lambda a: a.sort(descending=True).values, m), ("topk", lambda a: a.topk(2)[0], m), ("cumsum", lambda a: a.cumsum(0), m), ("trapezoid", lambda a: kagari.trapezoid(a), m), ("tril", lambda a: a.tril(), m),
        ("diagonal", lambda a: a.diagonal(), m), ("unfold of a dimension", lambda a: a.unfold(1, 2, 1), m), ("chunk", lambda a: a.chunk(2, 1), m), ("unbind", lambda a: a.unbind(), m), ("repeat", lambda a: a.repeat(2, 1), m),
        ("tile", lambda a: a.tile(2), m), ("roll", lambda a: a.roll(1), m), ("flip", lambda a: a.flip(0), m), ("movedim", lambda a: a.movedim(0, 1), m), ("zeros_like", lambda a: kagari.zeros_like(a).add_(a), m),
        ("new_zeros", lambda a: a.new_zeros(3, 4).add_(a), m), ("to", lambda a: a.to(kagari.float32).double(), m), ("numbers", lambda a, b: a * 2 + b - 1, m, _f()), ("pow", lambda a, b: a ** b, m, v),
        ("lstm", _recurrent(kagari.nn.LSTM), _f(5, 2, 3)), ("gru", _recurrent(kagari.nn.GRU), _f(5, 2, 3)), ("rnn", _recurrent(kagari.nn.RNN), _f(5, 2, 3)),
        ("lstm_cell", lambda x, cell=kagari.nn.LSTMCell(3, 4).double(): cell(x), _f(2, 3)), ("transformer", _evaluated(kagari.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)), _f(2, 3, 4)),
        ("multi-head attention", lambda x, layer=kagari.nn.MultiheadAttention(4, 2, batch_first=True).double(): layer(x, x, x)[0], _f(2, 3, 4)),
    ]
    for name, function, *tensors in listed:
        yield Call(name, function, tensors, {})


def _recurrent(layer):
    made = layer(3, 4).double()
    return lambda x: made(x)[0]


def _evaluated(layer):
    return layer.double().eval()


def deterministic_calls():
    """One working call per overload of every operator whose result is a function of its arguments, and more_calls()."""
    return (call for call in [*calls(1), *more_calls()] if not RANDOM.match(call.name))
