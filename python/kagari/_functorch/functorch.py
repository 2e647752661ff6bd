"""The names of the older package functorch."""
from kagari._functorch.apis import chunk_vmap, grad, grad_and_value, vmap
from kagari._functorch.batch_norm_replacement import replace_all_batch_norm_modules_
from kagari._functorch.eager_transforms import functionalize, hessian, jacfwd, jacrev, jvp, vjp
from kagari._functorch.make_functional import combine_state_for_ensemble, make_functional, make_functional_with_buffers

__version__ = "2.13.0"
__all__ = ["vmap", "grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "functionalize", "chunk_vmap", "make_functional",
           "make_functional_with_buffers", "combine_state_for_ensemble", "replace_all_batch_norm_modules_"]
