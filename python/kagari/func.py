"""Functions of functions: vmap, derivatives, and modules called with given parameters."""
from kagari._functorch.apis import grad, grad_and_value, vmap
from kagari._functorch.batch_norm_replacement import replace_all_batch_norm_modules_
from kagari._functorch.eager_transforms import debug_unwrap, functionalize, hessian, jacfwd, jacrev, jvp, linearize, vjp
from kagari._functorch.functional_call import functional_call, stack_module_state
from kagari._functorch.rearrange import rearrange

__all__ = ["grad", "grad_and_value", "vmap", "vjp", "jvp", "jacrev", "jacfwd", "hessian", "linearize", "functionalize", "debug_unwrap", "functional_call",
           "stack_module_state", "replace_all_batch_norm_modules_", "rearrange"]
