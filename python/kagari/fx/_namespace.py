"""Names of variables in generated code: unlike each other, no keywords, no names of what the code uses."""
import builtins
import keyword
import re

_ILLEGAL = re.compile(r"[^0-9a-zA-Z_]+")
_NUMBERED = re.compile(r"(.*)_(\d+)$")


class _Namespace:
    """Gives each object a name of its own."""

    def __init__(self):
        self._obj_to_name, self._used, self._next = {}, set(), {}

    def create_name(self, candidate, obj):
        """A valid name like `candidate`: add, add_1, add_2 ... The same object gets the same name again."""
        if obj is not None and obj in self._obj_to_name:
            return self._obj_to_name[obj]
        candidate = _ILLEGAL.sub("_", candidate) or "_unnamed"
        if candidate[0].isdigit():
            candidate = f"_{candidate}"
        match = _NUMBERED.match(candidate)
        base, number = (match.group(1), int(match.group(2))) if match else (candidate, None)
        if candidate in self._used or self._is_illegal_name(candidate, obj):
            number = self._next.get(base, 1) if number is None else number + 1
            while f"{base}_{number}" in self._used or self._is_illegal_name(f"{base}_{number}", obj):
                number += 1
            candidate = f"{base}_{number}"
        if number is not None:
            self._next[base] = number + 1
        self._used.add(candidate)
        if obj is not None:
            self._obj_to_name[obj] = candidate
        return candidate

    def associate_name_with_obj(self, name, obj):
        self._obj_to_name.setdefault(obj, name)

    def _rename_object(self, obj, name):
        self._obj_to_name[obj] = name
        self._used.add(name)

    @staticmethod
    def _is_illegal_name(name, obj):
        if keyword.iskeyword(name):
            return True
        if name in builtins.__dict__ and name not in ("_",):
            return obj is None or obj is not builtins.__dict__[name]
        return name in _CODE_NAMES and _CODE_NAMES[name] is not obj


_CODE_NAMES = {"torch": "module", "device": "type", "inf": "number", "nan": "number", "NoneType": "type", "fx_pytree": "module", "pytree": "module", "self": "argument"}
