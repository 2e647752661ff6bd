"""Types of sparse CUDA tensors, of which nothing is an instance."""


def __getattr__(name):
    if name in ("ByteTensor", "CharTensor", "ShortTensor", "IntTensor", "LongTensor", "FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor"):
        def __new__(cls, *args, **kwargs):
            raise TypeError(f"type torch.cuda.sparse.{name} not available. Torch not compiled with CUDA enabled.")
        globals()[name] = type(name, (), {"__new__": __new__, "__module__": "torch.cuda.sparse", "is_cuda": True, "is_sparse": True,
                                          "__doc__": "A type of sparse CUDA tensors; there are none."})
        return globals()[name]
    raise AttributeError(f"module 'torch.cuda.sparse' has no attribute {name!r}")
