"""Some eigenpairs of a large symmetric matrix, by the locally optimal block preconditioned conjugate gradient method.

A. V. Knyazev, "Toward the optimal preconditioned eigensolver: Locally optimal block preconditioned conjugate gradient method", SIAM Journal on
Scientific Computing 23 (2001). The basis of every step is made orthonormal, and directions that depend on others are left out, as in
A. Stathopoulos and K. Wu, "A block orthogonalization procedure with constant synchronization requirements", SIAM J. Sci. Comput. 23 (2002).
"""
import kagari

__all__ = ["lobpcg"]


def lobpcg(A, k=None, B=None, X=None, n=None, iK=None, niter=None, tol=None, largest=None, method=None, tracker=None, ortho_iparams=None,
           ortho_fparams=None, ortho_bparams=None):
    """The k largest (or smallest) eigenvalues and their eigenvectors of A x = e B x: a tuple of tensors (*, k) and (*, m, k).

    A: symmetric, dense or sparse, (*, m, m) with m >= 3 n. B: symmetric and positive definite, or None for the identity. X: a guess of the
    eigenvectors, (*, m, n); random numbers by default. n: how many columns are worked with (k by default); the more, the faster it converges.
    iK: a preconditioner, about the inverse of A, (*, m, m). niter: at most so many iterations (1000). tol: of the residual, relative to the
    norms of A and B (square root of the dtype's epsilon). largest: which end of the spectrum (True). method: "ortho" or "basic", the same here.
    tracker: a function that is called in each iteration with an object that has E, X, R, ivars["istep"] and ivars["converged_count"].

    Gradients with respect to A go through both results, if B is None; they are those of a symmetric A.

    >>> E, X = torch.lobpcg(torch.diag(torch.arange(1., 10.)), k=2)
    >>> E.round()
    tensor([9., 8.])
    """
    if method not in (None, "ortho", "basic"):
        raise ValueError(f"LOBPCG method is 'ortho' or 'basic', but got {method!r}")
    m = A.shape[-1]
    if A.dim() < 2 or A.shape[-2] != m:
        raise AssertionError(f"A must be square, got shape {A.shape}")
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if X is None else X.shape[-1]) if n is None else n
    if m < 3 * n:
        raise ValueError(f"LOBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of requested eigenpairs (={n})")
    dtype = A.dtype if A.dtype.is_floating_point else kagari.get_default_dtype()
    X = kagari.randn(*A.shape[:-2], m, n, dtype=dtype, device=A.device) if X is None else X
    if X.shape[-2:] != (m, n):
        raise RuntimeError(f"lobpcg: expected X with the last dimensions {(m, n)}, but got {tuple(X.shape)}")
    tol = kagari.finfo(dtype).eps ** 0.5 if tol is None else tol
    options = (B, X, iK, k, 1000 if niter in (None, -1) else niter, tol, largest is None or bool(largest), tracker)
    if kagari.is_grad_enabled() and A.requires_grad:
        if B is not None or A.layout != kagari.strided:
            raise NotImplementedError("lobpcg: gradients are supported for dense A without B only")
        return _Eigenpairs.apply(A, options)
    with kagari.no_grad():
        return _solve(A, *options)


def _solve(A, B, X, iK, k, niter, tol, largest, tracker):
    if A.dim() == 2:
        return _Iteration(A, B, X, iK, k, tol, largest, tracker).run(niter)
    def flat(t):
        return [None] * count if t is None else t.reshape(-1, *t.shape[-2:]).unbind(0) if t.layout == kagari.strided else t.unbind(0)
    count = A.shape[:-2].numel()
    results = [_Iteration(*parts, k, tol, largest, tracker).run(niter) for parts in zip(flat(A), flat(B), flat(X), flat(iK))]
    E, V = (kagari.stack(list(parts)) for parts in zip(*results))
    return E.reshape(*A.shape[:-2], k), V.reshape(*A.shape[:-1], k)


class _Iteration:
    """The state of the iteration for one matrix; what a tracker sees."""

    def __init__(self, A, B, X, iK, k, tol, largest, tracker):
        self.A, self.B, self.iK, self.k, self.tol, self.largest, self.tracker = A, B, iK, k, tol, largest, tracker
        self.ivars = {"istep": 0, "converged_count": 0, "m": A.shape[-1], "n": X.shape[-1], "k": k}
        self.X, self.P, self.E, self.R = self._orthonormal(X), None, None, None
        self.A_norm = float((A @ X).norm() / X.norm())
        self.B_norm = 1.0 if B is None else float((B @ X).norm() / X.norm())

    def _times_B(self, t):
        return t if self.B is None else self.B @ t

    def _orthonormal(self, S):
        """A basis of the columns of S in which B is the identity. Twice: rounding spoils the first one."""
        for _ in range(2):
            S = S / S.norm(dim=0).clamp(min=kagari.finfo(S.dtype).tiny)
            values, vectors = kagari.linalg.eigh(S.mT @ self._times_B(S))
            kept = values > kagari.finfo(S.dtype).eps * S.shape[1] * values[-1]
            S = S @ (vectors[:, kept] / values[kept].sqrt())
        return S

    def _ritz(self, S, count):
        """The best eigenpairs within the space of S."""
        values, vectors = kagari.linalg.eigh(S.mT @ (self.A @ S))
        if self.largest:
            values, vectors = values.flip(0), vectors.flip(1)
        return values[:count], S @ vectors[:, :count]

    def run(self, niter):
        n = self.X.shape[1]
        self.E, self.X = self._ritz(self.X, n)
        for step in range(niter + 1):
            self.R = self.A @ self.X - self._times_B(self.X) * self.E
            error = self.R.norm(dim=0) / (self.X.norm(dim=0) * (self.A_norm + self.E.abs() * self.B_norm))
            good = (error < self.tol).tolist()
            self.ivars.update(istep=step, converged_count=good.index(False) if False in good else n)
            if self.tracker is not None:
                self.tracker(self)
            if self.ivars["converged_count"] >= self.k or step == niter:
                break
            W = self.R if self.iK is None else self.iK @ self.R
            W = W - self.X @ (self.X.mT @ self._times_B(W))
            S = self._orthonormal(kagari.cat([self.X, W] if self.P is None else [self.X, W, self.P], 1))
            before = self.X
            self.E, self.X = self._ritz(S, n)
            self.P = self.X - before @ (before.mT @ self._times_B(self.X))
        return self.E[:self.k].contiguous(), self.X[:, :self.k].contiguous()


class _Eigenpairs(kagari.autograd.Function):
    """The eigenpairs with their gradient: that of the eigenvalues, of the rotation among the eigenvectors that are known, and of what leaves
    their space, which needs the solution of a linear system for each."""

    @staticmethod
    def forward(ctx, A, options):
        E, X = _solve(A.detach(), *options)
        ctx.save_for_backward(A, E, X)
        return E, X

    @staticmethod
    def backward(ctx, grad_E, grad_X):
        A, E, X = ctx.saved_tensors
        grad = kagari.zeros_like(A)
        if grad_E is not None:
            grad = grad + (X * grad_E.unsqueeze(-2)) @ X.mT
        if grad_X is not None:
            gap = E.unsqueeze(-2) - E.unsqueeze(-1)
            gap.diagonal(dim1=-2, dim2=-1).fill_(float("inf"))
            grad = grad + X @ ((X.mT @ grad_X) / gap) @ X.mT
            outside = grad_X - X @ (X.mT @ grad_X)
            eye = kagari.eye(A.shape[-1], dtype=A.dtype, device=A.device)
            known = X @ X.mT
            for i in range(E.shape[-1]):           # (e - A) y = the part outside; within the known space the matrix does not matter
                e = E[..., i, None, None]
                y = kagari.linalg.solve((e * eye - A) + (e.abs() + 1) * known, outside[..., i:i + 1])
                y = y - known @ y
                grad = grad + y @ X[..., i:i + 1].mT
        return (grad + grad.mT) / 2, None
