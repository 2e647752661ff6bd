"""Modules of settings: values that can be set, looked at and patched for a time."""
import contextlib
import copy
import sys
import types

__all__ = ["ConfigModule", "install_config_module"]


class ConfigModule(types.ModuleType):
    """A module whose public names are settings."""

    def _settings(self):
        return {name: value for name, value in self.__dict__.items()
                if not name.startswith("_") and not isinstance(value, (types.ModuleType, types.FunctionType))}

    def patch(self, arg1=None, arg2=None, **kwargs):
        """Context manager and decorator: settings have other values meanwhile. patch("name", value), patch({...}) or patch(name=value)."""
        changes = dict(kwargs)
        if isinstance(arg1, dict):
            changes.update(arg1)
        elif arg1 is not None:
            changes[arg1] = arg2
        unknown = [name for name in changes if not self._has(name)]
        if unknown:
            raise AttributeError(f"{self.__name__.replace('kagari', 'torch', 1)}.{unknown[0]} does not exist")
        return _Patch(self, changes)

    def _has(self, name):
        place, last = self._place(name)
        return hasattr(place, last)

    def _place(self, name):
        """The object that holds the setting, for names such as cpp.threads."""
        place = self
        *path, last = name.split(".")
        for part in path:
            place = getattr(place, part)
        return place, last

    def get_config_copy(self):
        """The settings as a dict."""
        return {name: copy.copy(value) for name, value in self._settings().items()}

    shallow_copy_dict = to_dict = get_config_copy

    def load_config(self, settings):
        for name, value in settings.items():
            setattr(self, name, value)

    def save_config_portable(self, **options):
        return self.get_config_copy()


class _Patch(contextlib.ContextDecorator):
    """Sets, and sets back."""

    def __init__(self, module, changes):
        self.module, self.changes, self.before = module, changes, []

    def __enter__(self):
        before = []
        for name, value in self.changes.items():
            place, last = self.module._place(name)
            before.append((place, last, getattr(place, last)))
            setattr(place, last, value)
        self.before.append(before)

    def __exit__(self, *exception):
        for place, last, value in self.before.pop():
            setattr(place, last, value)


def install_config_module(module):
    """Makes a module a module of settings."""
    module = module if isinstance(module, types.ModuleType) else sys.modules[module]
    module.__class__ = ConfigModule
