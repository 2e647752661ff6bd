"""Types of TorchScript as objects: torch.TensorType.get(), torch.ListType(torch.IntType.get()), ..."""

__all__ = ["Type"]


class Type:
    """Base class: compares and prints by the text of the type."""
    annotation_str = ""

    def kind(self):
        """The name of the class of types."""
        return type(self).__name__

    def isSubtypeOf(self, other):
        """Whether a value of this type is one of the other."""
        return self == other or isinstance(other, AnyType) or isinstance(other, OptionalType) and self in (other.element, NoneType.get()) or \
            isinstance(other, UnionType) and any(self.isSubtypeOf(one) for one in other.options)

    def str(self):
        """The text of the type."""
        return self.annotation_str

    def __repr__(self):
        return self.annotation_str

    def __eq__(self, other):
        return isinstance(other, Type) and self.annotation_str == other.annotation_str

    def __hash__(self):
        return hash(self.annotation_str)


def _simple(name, text):
    made = type(name, (Type,), {"annotation_str": text, "__doc__": f"The type {text}; get() is the only one.", "__module__": "torch"})
    made.get = staticmethod(lambda only=made(): only)
    __all__.append(name)
    return made


TensorType, IntType, FloatType = _simple("TensorType", "Tensor"), _simple("IntType", "int"), _simple("FloatType", "float")
BoolType, StringType, NoneType = _simple("BoolType", "bool"), _simple("StringType", "str"), _simple("NoneType", "NoneType")
AnyType, NumberType, ComplexType = _simple("AnyType", "Any"), _simple("NumberType", "number"), _simple("ComplexType", "complex")
DeviceObjType, PyObjectType = _simple("DeviceObjType", "Device"), _simple("PyObjectType", "PyObject")
SymIntType, SymBoolType, StreamObjType = _simple("SymIntType", "int"), _simple("SymBoolType", "bool"), _simple("StreamObjType", "Stream")


class _OfOne(Type):
    """A type with one parameter."""
    _name = ""

    def __init__(self, element):
        self.element = element
        self.annotation_str = f"{self._name}[{element.annotation_str}]"

    def getElementType(self):
        """The parameter."""
        return self.element


def _of_one(name, text):
    __all__.append(name)
    return type(name, (_OfOne,), {"_name": text, "__doc__": f"{text}[T]", "__module__": "torch"})


ListType, OptionalType, FutureType = _of_one("ListType", "List"), _of_one("OptionalType", "Optional"), _of_one("FutureType", "Future")
RRefType, AwaitType = _of_one("RRefType", "RRef"), _of_one("AwaitType", "Await")
ListType.ofInts = staticmethod(lambda: ListType(IntType.get()))
ListType.ofFloats = staticmethod(lambda: ListType(FloatType.get()))
ListType.ofBools = staticmethod(lambda: ListType(BoolType.get()))
ListType.ofStrings = staticmethod(lambda: ListType(StringType.get()))
ListType.ofTensors = staticmethod(lambda: ListType(TensorType.get()))
ListType.ofComplexDoubles = staticmethod(lambda: ListType(ComplexType.get()))
OptionalType.ofTensor = staticmethod(lambda: OptionalType(TensorType.get()))


class DictType(Type):
    """Dict[K, V]"""

    def __init__(self, key, value):
        self.key, self.value = key, value
        self.annotation_str = f"Dict[{key.annotation_str}, {value.annotation_str}]"

    def getKeyType(self):
        """K"""
        return self.key

    def getValueType(self):
        """V"""
        return self.value


class TupleType(Type):
    """Tuple[T1, T2, ...]"""

    def __init__(self, elements):
        self._elements = list(elements)
        self.annotation_str = f"Tuple[{', '.join(one.annotation_str for one in self._elements) or '()'}]"

    def elements(self):
        """The types of the elements."""
        return self._elements


class UnionType(Type):
    """Union[T1, T2, ...]"""

    def __init__(self, options):
        self.options = list(options)
        self.annotation_str = f"Union[{', '.join(sorted(one.annotation_str for one in self.options))}]"


__all__ += ["DictType", "TupleType", "UnionType"]
