"""The table of bench/operators.py: which expressions are timed, with which kinds of operands and which dtypes.

An expression is written in PyTorch's public API and in the names of MAKERS, which say what an operand looks like. In a family with a
`call`, a bare name f stands for that call of it, as torch.f, torch.special.f or torch.nn.functional.f.
"""
import itertools

FLOATS = ("float32", "float64", "bfloat16", "float16")
INTS = ("int64", "int32", "uint8")
DTYPES = {"f": FLOATS, "i": INTS, "b": ("bool",), "c": ("complex64",), "s": ("float32", "float64"), "h": ("float32", "bfloat16", "float16"), "1": ("float32",)}
SIZES = {"64k": 1 << 16, "1M": 1 << 20}
COLUMNS = 256


class Operands:
    """Operands of one dtype and size, made when first asked for. n elements each, matrices of n/256 rows of 256."""

    def __init__(self, torch, dtype, n):
        self.torch, self.dtype, self.n, self.rows, self.made = torch, getattr(torch, dtype), n, n // COLUMNS, {}
        torch.manual_seed(len(dtype))

    def __getitem__(self, name):
        if name not in self.made:
            self.made[name] = MAKERS[name](self)
        return self.made[name]

    def between(self, low, high, *shape):
        t = self.torch
        if self.dtype.is_floating_point or self.dtype.is_complex:
            x = t.rand(shape) * (high - low) + low
            return (t.complex(x, t.rand(shape)) if self.dtype.is_complex else x).to(self.dtype)
        return t.randint(0, 2 if self.dtype == t.bool else 7 if high <= 1 else 100, shape).to(self.dtype)

    def signed(self, *shape):
        t = self.torch
        if self.dtype.is_floating_point or self.dtype.is_complex:
            x = t.randn(shape)
            return (t.complex(x, t.randn(shape)) if self.dtype.is_complex else x).to(self.dtype)
        return self.between(0, 2, *shape)

    def index(self, limit, *shape):
        return self.torch.randint(0, limit, shape)

    def mask(self, *shape):
        return self.torch.rand(shape) < 0.5

    def definite(self, size):
        m = self.signed(self.n // size**2, size, size).to(self.torch.float64)
        return (m @ m.mT + size * self.torch.eye(size, dtype=self.torch.float64)).to(self.dtype)


MAKERS = {
    # Vectors: u, v, w in (0.05, 0.95), p, q in (1.05, 3), s, t normal. Matrices have the capital letter.
    "u": lambda o: o.between(0.05, 0.95, o.n), "v": lambda o: o.between(0.05, 0.95, o.n), "w": lambda o: o.between(0.05, 0.95, o.n),
    "p": lambda o: o.between(1.05, 3, o.n), "q": lambda o: o.between(1.05, 3, o.n),
    "s": lambda o: o.signed(o.n), "t": lambda o: o.signed(o.n),
    "U": lambda o: o.between(0.05, 0.95, o.rows, COLUMNS), "V": lambda o: o.between(0.05, 0.95, o.rows, COLUMNS),
    "P": lambda o: o.between(1.05, 3, o.rows, COLUMNS),
    "S": lambda o: o.signed(o.rows, COLUMNS), "T": lambda o: o.signed(o.rows, COLUMNS),
    # The same in other layouts: transposed, one row or one column for all.
    "Ut": lambda o: o["U"].t(), "Pt": lambda o: o["P"].t(), "St": lambda o: o["S"].t(),
    "Vr": lambda o: o["V"].t().contiguous(), "Qr": lambda o: o.between(1.05, 3, COLUMNS, o.rows), "Tr": lambda o: o["T"].t().contiguous(),
    "vrow": lambda o: o.between(0.05, 0.95, COLUMNS), "qrow": lambda o: o.between(1.05, 3, COLUMNS), "trow": lambda o: o.signed(COLUMNS),
    "ucol": lambda o: o.between(0.05, 0.95, o.rows, 1), "scol": lambda o: o.signed(o.rows, 1),
    # Masks and indices: of elements, of columns for each element, of rows, labels.
    "k": lambda o: o.mask(o.n), "K": lambda o: o.mask(o.rows, COLUMNS), "kcol": lambda o: o.mask(o.rows, 1),
    "i": lambda o: o.index(o.n, o.n), "C": lambda o: o.index(COLUMNS, o.rows, COLUMNS), "R": lambda o: o.index(o.rows, o.rows, COLUMNS),
    "rows": lambda o: o.index(o.rows, o.rows), "cols": lambda o: o.index(COLUMNS, COLUMNS), "label": lambda o: o.index(COLUMNS, o.rows),
    "sorted": lambda o: o.between(0, 1, o.n).sort()[0], "edges": lambda o: o.torch.linspace(0, 1, 65).to(o.dtype),
    "small": lambda o: o.between(0, 1, o.n // 16), "sign": lambda o: o.mask(o.n).to(o.dtype) * 2 - 1,
    # Layers: images, sequences, weights.
    "image": lambda o: o.signed(o.n // 16384, 16, 32, 32), "last": lambda o: o["image"].to(memory_format=o.torch.channels_last),
    "volume": lambda o: o.signed(o.n // 32768, 8, 16, 16, 16), "line": lambda o: o.signed(o.n // 4096, 16, 256),
    "weight": lambda o: o.between(0.5, 1, COLUMNS), "bias": lambda o: o.signed(COLUMNS), "w16": lambda o: o.between(0.5, 1, 16), "b16": lambda o: o.signed(16),
    "mean16": lambda o: o.signed(16), "var16": lambda o: o.between(0.5, 1, 16), "grid": lambda o: o.between(-1, 1, o.n // 16384, 32, 32, 2),
    "table": lambda o: o.signed(1000, COLUMNS), "ids": lambda o: o.index(1000, o.rows),
    "heads": lambda o: o.signed(o.n // 32768, 4, 128, 64), "square": lambda o: o.signed(COLUMNS, COLUMNS),
    # Batches of small matrices, and of lines.
    "m8": lambda o: o.definite(8), "m32": lambda o: o.definite(32), "r8": lambda o: o.signed(o.n // 64, 8, 1), "r32": lambda o: o.signed(o.n // 1024, 32, 4),
    "lower": lambda o: o["m32"].tril(), "x3": lambda o: o.signed(o.n // 3, 3), "y3": lambda o: o.signed(o.n // 3, 3),
    "lines256": lambda o: o.signed(o.n // 256, 256), "lines1000": lambda o: o.signed(o.n // 1000, 1000), "lines4096": lambda o: o.signed(o.n // 4096, 4096),
    "plane": lambda o: o.signed(o.n // 16384, 128, 128), "spectrum": lambda o: o["lines256"].to(o.torch.complex64),
}

# (family, kinds of dtypes, operands of a bare name by layout, expressions that also run with gradients, expressions)
UNARY_U = {"": "u", "transposed": "Ut"}
UNARY_P = {"": "p", "transposed": "Pt"}
UNARY_S = {"": "s", "transposed": "St"}
FAMILIES = [
    ("unary", "fibc", UNARY_U, "", "sin cos tan tanh sinh cosh asin acos atan asinh exp sqrt reciprocal square sigmoid log log2 log10 log1p sgn"),
    ("unary", "fib", UNARY_U, "", "expm1 exp2 atanh rsqrt erf erfc erfinv lgamma digamma logit i0 sinc"),
    ("unary", "fc", UNARY_P, "", "acosh"),
    ("unary", "fic", UNARY_S, "", "neg abs positive angle"),
    ("unary", "fi", UNARY_S, "", "sign floor ceil trunc round deg2rad rad2deg signbit"),
    ("unary", "fibc", UNARY_S, "", "isnan isinf isfinite logical_not clone zeros_like"),
    ("unary", "f", UNARY_S, "", "frac nan_to_num isposinf frexp round(s,decimals=2) s.clamp(-0.5,0.5) s.clamp_min(0.0)"),
    ("unary", "ib", UNARY_S, "", "bitwise_not"),
    ("unary", "fic", {}, "", "s+1 s*2 1-s s**2 s**3 s/3 s==1 s!=0 s.fill_(1) s.zero_()"),
    ("unary", "fi", {}, "", "s>1 s//2 s%3 u**0.5 s**-1 2**u"),
    ("unary", "s", UNARY_U, "", "i0e i1 i1e bessel_j0 bessel_j1 bessel_y0 modified_bessel_k0 ndtr ndtri log_ndtr erfcx entr polygamma(1,p) mvlgamma(p+2,2) airy_ai spherical_bessel_j0 torch.special.zeta(p,2.0) torch.special.hermite_polynomial_h(u,3)"),
    ("activation", "f", {"": "s", "transposed": "St"},
     "relu leaky_relu gelu silu mish softplus elu selu hardtanh hardswish hardsigmoid logsigmoid tanh sigmoid exp log sqrt sin cos abs",
     "relu leaky_relu gelu F.gelu(s,approximate='tanh') silu mish softplus elu celu selu hardtanh hardswish hardsigmoid logsigmoid softsign tanhshrink hardshrink softshrink relu6 threshold(s,0.1,0.2) F.glu(S) F.prelu(S,weight)"),
    ("binary", "fic", {"": "s,t", "transposed": "St,Tr", "row": "S,trow", "column": "scol,T"}, "add mul sub div", "add sub mul"),
    ("binary", "fic", {"": "p,q", "transposed": "Pt,Qr", "row": "P,qrow"}, "div", "div eq ne"),
    ("binary", "fi", {"": "p,q", "transposed": "Pt,Qr", "row": "P,qrow"}, "maximum minimum", "maximum minimum fmax fmin remainder fmod floor_divide lt gt ge le torch.div(p,q,rounding_mode='trunc')"),
    ("binary", "fc", {"": "p,q", "transposed": "Pt,Qr", "row": "P,qrow"}, "pow", "pow"),
    ("binary", "f", {"": "u,v", "transposed": "Ut,Vr", "row": "U,vrow"}, "atan2 hypot", "atan2 hypot copysign nextafter logaddexp logaddexp2 xlogy heaviside isclose"),
    ("binary", "s", {"": "p,q"}, "", "special.xlog1py igamma igammac ldexp(p,q)"),
    ("binary", "i", {"": "p,q", "row": "P,qrow"}, "", "gcd lcm bitwise_left_shift(p,q%5) bitwise_right_shift(p,q%5) p**2 torch.pow(p,q%4)"),
    ("binary", "ib", {"": "s,t", "transposed": "St,Tr", "row": "S,trow"}, "", "bitwise_and bitwise_or bitwise_xor logical_and logical_or logical_xor"),
    ("binary", "f", {"": "s,t"}, "", "logical_and dist"),
    ("ternary", "fic", {}, "torch.where(k,s,t) torch.addcmul(s,t,u) torch.lerp(s,t,0.3) torch.masked_fill(s,k,1)",
     "torch.where(k,s,t) torch.where(K,S,trow) torch.where(kcol,S,T) torch.where(k,s,1) torch.addcmul(s,t,u) torch.masked_fill(s,k,1) torch.masked_fill(S,kcol,1)"),
    ("ternary", "f", {}, "torch.lerp(s,t,0.3) torch.addcdiv(s,t,p)", "torch.lerp(s,t,0.3) torch.lerp(s,t,u) torch.addcdiv(s,t,p) torch.clamp(s,u,p) torch.addcdiv(S,T,qrow)"),
    ("cast", "fibc", {}, "", "s.float() s.double() s.bfloat16() s.half() s.long() s.int() s.byte() s.bool() St.float() s.to(torch.complex64)"),
    ("reduce", "fib", {}, "S.sum() S.sum(1) S.sum(0) S.mean() S.mean(1)", "S.sum() S.sum(1) S.sum(0) St.sum(1) S.any() S.any(1) S.all(0) S.count_nonzero() S.count_nonzero(0)"),
    ("reduce", "c", {}, "", "S.sum() S.sum(1) S.sum(0) S.mean() S.prod(1) S.norm() S.var(1) S.cumsum(1)"),
    ("reduce", "fi", {}, "S.amax(1) S.max(1) S.prod(1)", "S.prod() S.prod(1) S.prod(0) S.max() S.max(1) S.max(0) S.min(1) S.amax(1) S.amax(0) S.amin() S.aminmax() S.aminmax(dim=1) S.argmax() S.argmax(1) S.argmin(0)"),
    ("reduce", "f", {}, "S.var(1) S.std() S.norm() S.logsumexp(1) S.softmax(1) S.log_softmax(1) S.norm(dim=1)",
     "S.mean() S.mean(1) S.mean(0) S.var() S.var(1) S.var(0) S.std(1) torch.var_mean(S,1) torch.std_mean(S,0) S.norm() S.norm(dim=1) S.norm(dim=0) S.norm(1) S.norm(float('inf'),1) torch.linalg.vector_norm(S,3,1) S.logsumexp(1) S.logsumexp(0) "
     "S.nansum(1) S.nanmean(0) S.softmax(1) S.softmax(0) S.log_softmax(1) S.log_softmax(0) F.softmin(S,1) F.normalize(S) F.cosine_similarity(S,T) F.pairwise_distance(S,T) torch.dot(s,t) torch.trace(S[:256])"),
    ("scan", "fi", {}, "S.cumsum(1) S.cumprod(1)", "s.cumsum(0) S.cumsum(1) S.cumsum(0) S.cumprod(1) S.cummax(1) S.cummin(0) S.diff() S.diff(dim=0) torch.trapezoid(U)"),
    ("scan", "f", {}, "S.logcumsumexp(1)", "S.logcumsumexp(1) S.logcumsumexp(0) torch.cumulative_trapezoid(U,dim=1) torch.gradient(s)"),
    ("sort", "fi", {}, "", "s.sort() S.sort(1) S.sort(0) S.argsort(1) S.topk(10,1) s.topk(100) S.kthvalue(5,1) S.median(1) s.median() S.mode(1) small.unique() small.unique_consecutive() torch.isin(s,vrow) torch.searchsorted(sorted,small) torch.bucketize(u,edges)"),
    ("sort", "s", {}, "", "torch.quantile(S,0.3,1) torch.nanmedian(S,1) torch.histc(s,64) torch.histogram(s,64) S.quantile(0.5) torch.cov(S[:64]) torch.corrcoef(S[:64])"),
    ("sort", "i", {}, "", "torch.bincount(s)"),
    ("index", "fib", {}, "", "s.nonzero() torch.masked_select(s,k) s[k]"),
    ("index", "fic", {}, "S.gather(1,C) S.gather(0,R) S[rows] s[i] S.index_select(0,rows) S[:,cols] F.embedding(ids,table)",
     "S.gather(1,C) S.gather(0,R) S[rows] S[:,cols] s[i] s.take(i) S.index_select(0,rows) S.index_select(1,cols) S.take_along_dim(C,1) S.scatter(1,C,T) S.scatter(0,R,T) S.scatter(1,C,1) S.index_add(0,rows,T) S.index_add(1,cols,T) "
     "S.index_copy(0,rows,T) S.index_fill(0,rows,1) S.index_put((rows,),T) S.clone().index_put_((rows,),T,accumulate=True) s.clone().index_put_((i,),t) s.clone().put_(i,t) S[R,C] F.embedding(ids,table) S[1:,::2].clone() S.clone().masked_fill_(K,1) s.masked_scatter(k,t)"),
    ("index", "fi", {}, "S.scatter_add(1,C,T)", "S.scatter_add(1,C,T) S.scatter_add(0,R,T) S.scatter_reduce(1,C,T,'amax') S.scatter_reduce(0,R,T,'sum') S.index_reduce(0,rows,T,'amax') s.scatter_add(0,i,t)"),
    ("index", "h", {}, "", "S.scatter_reduce(1,C,T,'mean') S.scatter_reduce(1,C,T,'prod') F.embedding_bag(ids.view(-1,8),table)"),
    ("shape", "fibc", {}, "torch.cat((S,T)) torch.stack((s,t))",
     "torch.cat((S,T)) torch.cat((S,T),1) torch.stack((s,t)) torch.stack((s,t),1) S.t().contiguous() image.permute(0,2,3,1).contiguous() last.contiguous() S.repeat(2,2) S.repeat_interleave(2,0) S.repeat_interleave(2,1) s.flip(0) S.flip(1) S.roll(3,1) S.roll(3) s.roll(7) S.rot90() "
     "S.tril() S.triu() torch.diag_embed(S[:64]) S[:,::2].contiguous() S.expand(2,-1,-1).contiguous() torch.kron(S[:16,:16],T[:8,:8]) F.pad(image,(1,1,1,1)) torch.full_like(s,1) S.unfold(1,8,4).contiguous() torch.block_diag(S[:128],S[:128])"),
    ("shape", "fic", {}, "F.pad(image,(1,1,1,1),mode='reflect')", "F.pad(image,(1,1,1,1),mode='reflect') F.pad(image,(1,1,1,1),mode='replicate') F.pad(image,(1,1,1,1),mode='circular') F.pixel_shuffle(image,2) F.pixel_unshuffle(image,2) F.channel_shuffle(image,4) torch.arange(s.numel(),dtype=s.dtype)"),
    ("shape", "f", {}, "F.unfold(image,3)", "F.unfold(image,3) F.fold(F.unfold(image,3),(32,32),3) torch.linspace(0,1,s.numel(),dtype=s.dtype)"),
    ("shape", "i", {}, "", "F.one_hot(label%16,16) s.view(torch.uint8).bool()"),
    ("pool", "f", {}, "F.max_pool2d(image,2) F.avg_pool2d(image,2) F.adaptive_avg_pool2d(image,4) F.interpolate(image,scale_factor=2) F.interpolate(image,scale_factor=2,mode='bilinear')",
     "F.max_pool2d(image,2) F.max_pool2d(image,3,2,1) F.max_pool2d(last,3,2,1) F.avg_pool2d(image,2) F.avg_pool2d(image,3,1,1) F.avg_pool2d(last,2) F.max_pool1d(line,3) F.avg_pool1d(line,3) F.max_pool3d(volume,2) F.avg_pool3d(volume,2) F.adaptive_avg_pool2d(image,1) F.adaptive_avg_pool2d(image,5) F.adaptive_max_pool2d(image,4) F.lp_pool2d(image,2,2) "
     "F.interpolate(image,scale_factor=2) F.interpolate(last,scale_factor=2) F.interpolate(image,scale_factor=0.5) F.interpolate(image,scale_factor=2,mode='bilinear') F.interpolate(last,scale_factor=2,mode='bilinear') F.interpolate(image,scale_factor=2,mode='bicubic') F.interpolate(image,size=20,mode='bilinear',antialias=True) F.interpolate(volume,scale_factor=2,mode='trilinear') F.interpolate(line,scale_factor=2,mode='linear') F.interpolate(image,size=20,mode='area')"),
    ("pool", "s", {}, "F.grid_sample(image,grid,align_corners=False)", "F.grid_sample(image,grid,align_corners=False) F.grid_sample(image,grid,mode='nearest',align_corners=False) F.grid_sample(image,grid,mode='bicubic',align_corners=False)"),
    ("pool", "i", {}, "", "F.max_pool2d(image,2)"),
    ("norm", "f", {}, "F.layer_norm(S,(256,),weight,bias) F.rms_norm(S,(256,),weight) F.batch_norm(image,mean16,var16,w16,b16,True) F.group_norm(image,4,w16,b16) F.group_norm(last,4,w16,b16)",
     "F.layer_norm(S,(256,)) F.layer_norm(S,(256,),weight,bias) F.rms_norm(S,(256,),weight) F.batch_norm(image,mean16,var16,w16,b16) F.batch_norm(last,mean16,var16,w16,b16) F.batch_norm(image,mean16,var16,w16,b16,True) F.batch_norm(S,bias,weight,weight,bias,True) F.group_norm(image,4,w16,b16) F.group_norm(last,4,w16,b16) F.instance_norm(image) F.local_response_norm(image,3) F.dropout(s,0.3) F.alpha_dropout(s,0.3,True) F.feature_alpha_dropout(image,0.3,True)"),
    ("nn", "f", {}, "F.linear(S,square,bias) F.scaled_dot_product_attention(heads,heads,heads)", "F.linear(S,square,bias) S@square torch.bmm(m32,m32) torch.bmm(m8,m8) torch.mv(S,bias) torch.addmm(S,T,square) F.scaled_dot_product_attention(heads,heads,heads) F.scaled_dot_product_attention(heads,heads,heads,is_causal=True) torch.outer(bias,bias) torch.einsum('ij,jk->ik',S,square) torch.cdist(S[:256],T[:256])"),
    ("nn", "i", {}, "", "S[:256]@S[:256] torch.bmm(m8,m8)"),
    ("loss", "f", {}, "F.mse_loss(s,t) F.l1_loss(s,t) F.smooth_l1_loss(s,t) F.huber_loss(s,t) F.binary_cross_entropy(u,v) F.binary_cross_entropy_with_logits(s,v) F.kl_div(s,u) F.cross_entropy(S,label) F.nll_loss(S,label) F.cross_entropy(S,label,label_smoothing=0.1)",
     "F.mse_loss(s,t) F.l1_loss(s,t) F.smooth_l1_loss(s,t) F.huber_loss(s,t) F.binary_cross_entropy(u,v) F.binary_cross_entropy_with_logits(s,v) F.kl_div(s,u) F.cross_entropy(S,label) F.nll_loss(S,label) F.cross_entropy(S,label,label_smoothing=0.1) F.mse_loss(s,t,reduction='none') F.poisson_nll_loss(s,u) F.gaussian_nll_loss(s,t,p) F.soft_margin_loss(s,sign) F.hinge_embedding_loss(s,sign) F.margin_ranking_loss(s,t,sign) F.multi_margin_loss(S,label) F.triplet_margin_loss(S,T,U) F.cosine_embedding_loss(S,T,sign[:S.shape[0]]) F.multilabel_soft_margin_loss(S,U)"),
    ("linalg", "s", {}, "", "torch.linalg.inv(m8) torch.linalg.inv(m32) torch.linalg.det(m8) torch.linalg.det(m32) torch.linalg.slogdet(m8) torch.linalg.solve(m8,r8) torch.linalg.solve(m32,r32) torch.linalg.cholesky(m8) torch.linalg.cholesky(m32) torch.linalg.qr(m8) torch.linalg.qr(m32) torch.linalg.lu_factor(m8) torch.linalg.eigh(m8) torch.linalg.svd(m8) torch.linalg.svdvals(m8) torch.linalg.eigvalsh(m8) "
     "torch.linalg.pinv(m8) torch.linalg.matrix_exp(m8/50) torch.linalg.matrix_power(m8/50,5) torch.linalg.solve_triangular(lower,r32,upper=False) torch.linalg.lstsq(m8,r8)[0] torch.linalg.matrix_norm(m8) torch.linalg.vecdot(S,T) torch.linalg.cross(x3,y3) torch.cholesky_solve(r32,lower) torch.cholesky_inverse(lower) torch.linalg.matrix_rank(m8) torch.linalg.cond(m8)"),
    ("fft", "s", {}, "torch.fft.rfft(lines256)", "torch.fft.fft(lines256) torch.fft.rfft(lines256) torch.fft.rfft(lines1000) torch.fft.rfft(lines4096) torch.fft.irfft(spectrum) torch.fft.fft(s) torch.fft.rfft2(plane) torch.fft.fft2(plane) torch.fft.rfft(lines256,dim=0) torch.stft(s,256,return_complex=True) torch.fft.fftshift(S)"),
    ("fft", "c", {}, "", "torch.fft.fft(lines256) torch.fft.ifft(lines256) torch.fft.fft(lines1000) torch.fft.fft(lines4096) torch.fft.fft2(plane) torch.fft.fft(s) torch.view_as_real(s).clone() s.conj()*t s.real.clone() s.abs()"),
    ("random", "f", {}, "", "torch.rand_like(s) torch.randn_like(s) s.clone().uniform_() s.clone().normal_() s.clone().exponential_() torch.bernoulli(u) s.clone().bernoulli_(0.3)"),
    ("random", "1", {}, "", "torch.randperm(s.numel()) torch.randint(0,100,s.shape) torch.multinomial(U,4) torch.poisson(p) torch._standard_gamma(p)"),
]
LAYOUT_DTYPES = ("float32", "bfloat16", "int64", "bool")
GRADIENT_DTYPES = ("float32", "bfloat16")


def cases():
    """(operator, expression, layout, dtype, size, with gradients), the same list for every implementation."""
    for family, kinds, layouts, gradients, texts in FAMILIES:
        dtypes = list(itertools.chain.from_iterable(DTYPES[k] for k in kinds))
        with_gradients = set(gradients.split())
        for text in texts.split() + sorted(with_gradients - set(texts.split())):
            bare = text.replace(".", "").isidentifier() and layouts
            forms = {layout: f"{text}({operands})" for layout, operands in layouts.items()} if bare else {"": text}
            forward = text in texts.split()
            for (layout, form), dtype, size in itertools.product(forms.items(), dtypes, SIZES):
                if forward and (not layout or size == "1M" and dtype in LAYOUT_DTYPES):
                    yield family, text, form, layout, dtype, size, False
                if text in with_gradients and not layout and dtype in GRADIENT_DTYPES:
                    yield family, text, form, layout, dtype, size, True
