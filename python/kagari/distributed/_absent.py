"""Names of what does not exist here, for imports, annotations and isinstance: using one raises NotImplementedError that names it."""


def absent_class(name, module, bases=()):
    """A class that cannot be instantiated."""
    def __new__(cls, *args, **kwargs):
        raise NotImplementedError(f"{module}.{name}: kagari has no sharded tensors, parameters or checkpoints")
    return type(name, bases, {"__new__": __new__, "__module__": module, "__doc__": "Exists for isinstance and annotations; making one raises NotImplementedError."})


def absent_function(name, module):
    """A function that cannot be called."""
    def fail(*args, **kwargs):
        raise NotImplementedError(f"{module}.{name}: kagari has no sharded tensors, parameters or checkpoints")
    fail.__name__, fail.__qualname__, fail.__module__ = name, name, module
    fail.__doc__ = "Raises NotImplementedError."
    return fail


def absent(module, classes=(), functions=()):
    """{name: class or function} for a module's namespace."""
    return {**{name: absent_class(name, module) for name in classes}, **{name: absent_function(name, module) for name in functions}}
