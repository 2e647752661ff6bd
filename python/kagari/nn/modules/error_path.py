"""Tells in an exception which layer it came from: `in Net.layers.3.attn.q_proj (Linear)`.

Each Module call that the exception passes on its way out extends the path, so the note that the user sees names the
whole way from the outermost module. Nothing is done on calls that succeed.
"""

_KEY = "_module_path"  # on the exception: (outermost module so far, path below it, class of the innermost, the note)


def _name_in(module, child):
    for name, candidate in module.named_modules():
        if candidate is child:
            return name
    return None


def add_module_path(error, module):
    """Notes in ``error``, which is leaving the call of ``module``, where it happened."""
    try:
        seen = error.__dict__.get(_KEY)
        if seen is None:
            below, innermost, old = "", type(module).__name__, None
        else:
            child, below, innermost, old = seen
            if child is module:
                return
            name = _name_in(module, child)
            if name is None:
                # The callee is not registered in the caller: name both.
                below = f"/{type(child).__name__}{below}"
            elif name:
                below = f".{name}{below}"
        note = f"in {type(module).__name__}{below}" + (f" ({innermost})" if below else "")
        error.__dict__[_KEY] = (module, below, innermost, note)
        notes = error.__dict__.setdefault("__notes__", [])
        if old in notes:
            notes[notes.index(old)] = note
        else:
            notes.append(note)
    except Exception:
        # Describing an error must never replace it.
        return
