"""Matrices of which two of four neighbouring elements are zero, a format of GPUs. There is none here: everything raises NotImplementedError."""
import kagari

__all__ = ["SparseSemiStructuredTensor", "SparseSemiStructuredTensorCUSPARSELT", "SparseSemiStructuredTensorCUTLASS", "to_sparse_semi_structured"]


class SparseSemiStructuredTensor(kagari.Tensor):
    """Exists for isinstance and annotations; making one raises NotImplementedError."""

    def __new__(cls, *args, **kwargs):
        raise NotImplementedError(f"{cls.__name__}: the semi-structured format needs a CUDA device")

    @classmethod
    def from_dense(cls, original_tensor):
        """NotImplementedError: the format needs a CUDA device."""
        return cls(original_tensor)


class SparseSemiStructuredTensorCUTLASS(SparseSemiStructuredTensor):
    """Exists for isinstance and annotations; making one raises NotImplementedError."""


class SparseSemiStructuredTensorCUSPARSELT(SparseSemiStructuredTensor):
    """Exists for isinstance and annotations; making one raises NotImplementedError."""


def to_sparse_semi_structured(original_tensor, transposed=False):
    """NotImplementedError: the format needs a CUDA device. Matrices with any pattern of zeros: Tensor.to_sparse_csr."""
    raise NotImplementedError(f"to_sparse_semi_structured: original_tensor.device= {original_tensor.device} is not supported! Only CUDA tensors have this format; "
                              "to_sparse_csr() keeps the elements that are not zero on the CPU")
