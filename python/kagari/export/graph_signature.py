"""What the inputs and outputs of an exported graph are."""
import dataclasses
import enum
import typing

__all__ = ["ConstantArgument", "CustomObjArgument", "ExportBackwardSignature", "ExportGraphSignature", "InputKind", "InputSpec", "OutputKind", "OutputSpec",
           "SymBoolArgument", "SymFloatArgument", "SymIntArgument", "TensorArgument", "TokenArgument"]


@dataclasses.dataclass
class TensorArgument:
    """A tensor: the name of its node."""
    name: str


class TokenArgument(TensorArgument):
    """An order of effects."""


class SymIntArgument(TensorArgument):
    """An int that depends on sizes."""


class SymFloatArgument(TensorArgument):
    """A float that depends on sizes."""


class SymBoolArgument(TensorArgument):
    """A bool that depends on sizes."""


@dataclasses.dataclass
class CustomObjArgument:
    """An object of a custom class."""
    name: str
    class_fqn: str = ""
    fake_val: object = None


@dataclasses.dataclass
class ConstantArgument:
    """A value that the graph fixes."""
    name: str
    value: object


class InputKind(enum.Enum):
    USER_INPUT = enum.auto()
    PARAMETER = enum.auto()
    BUFFER = enum.auto()
    CONSTANT_TENSOR = enum.auto()
    CUSTOM_OBJ = enum.auto()
    TOKEN = enum.auto()


class OutputKind(enum.Enum):
    USER_OUTPUT = enum.auto()
    LOSS_OUTPUT = enum.auto()
    BUFFER_MUTATION = enum.auto()
    PARAMETER_MUTATION = enum.auto()
    GRADIENT_TO_PARAMETER = enum.auto()
    GRADIENT_TO_USER_INPUT = enum.auto()
    USER_INPUT_MUTATION = enum.auto()
    TOKEN = enum.auto()


@dataclasses.dataclass
class InputSpec:
    """One input: its kind, and for parameters, buffers and constants, where they are in the module."""
    kind: InputKind
    arg: object
    target: typing.Optional[str]
    persistent: typing.Optional[bool] = None

    def __str__(self):
        target = "" if self.target is None else f" target='{self.target}'"
        return f"{self.arg.name}: {self.kind.name}{target}{'' if self.persistent is None else f' persistent={self.persistent}'}"


@dataclasses.dataclass
class OutputSpec:
    """One output."""
    kind: OutputKind
    arg: object
    target: typing.Optional[str]

    def __str__(self):
        return f"{self.arg.name}: {self.kind.name}{'' if self.target is None else f' target={self.target!r}'}"


@dataclasses.dataclass
class ExportBackwardSignature:
    """Outputs that are gradients."""
    gradients_to_parameters: dict
    gradients_to_user_inputs: dict
    loss_output: str


@dataclasses.dataclass
class ExportGraphSignature:
    """Inputs and outputs in the order of the graph."""
    input_specs: list
    output_specs: list

    def _targets(self, *kinds):
        return tuple(spec.target for spec in self.input_specs if spec.kind in kinds)

    def _map(self, *kinds):
        return {spec.arg.name: spec.target for spec in self.input_specs if spec.kind in kinds}

    @property
    def parameters(self):
        return self._targets(InputKind.PARAMETER)

    @property
    def buffers(self):
        return self._targets(InputKind.BUFFER)

    @property
    def non_persistent_buffers(self):
        return {spec.target for spec in self.input_specs if spec.kind is InputKind.BUFFER and spec.persistent is False}

    @property
    def lifted_tensor_constants(self):
        return self._targets(InputKind.CONSTANT_TENSOR)

    @property
    def user_inputs(self):
        return tuple(spec.arg.value if isinstance(spec.arg, ConstantArgument) else spec.arg.name for spec in self.input_specs if spec.kind is InputKind.USER_INPUT)

    @property
    def user_outputs(self):
        return tuple(spec.arg.value if isinstance(spec.arg, ConstantArgument) else spec.arg.name for spec in self.output_specs
                     if spec.kind in (OutputKind.USER_OUTPUT, OutputKind.LOSS_OUTPUT))

    @property
    def inputs_to_parameters(self):
        return self._map(InputKind.PARAMETER)

    @property
    def inputs_to_buffers(self):
        return self._map(InputKind.BUFFER)

    @property
    def inputs_to_lifted_tensor_constants(self):
        return self._map(InputKind.CONSTANT_TENSOR)

    @property
    def buffers_to_mutate(self):
        return {spec.arg.name: spec.target for spec in self.output_specs if spec.kind is OutputKind.BUFFER_MUTATION}

    @property
    def user_inputs_to_mutate(self):
        return {spec.arg.name: spec.target for spec in self.output_specs if spec.kind is OutputKind.USER_INPUT_MUTATION}

    @property
    def backward_signature(self):
        return None

    def __str__(self):
        lines = ["", "# inputs", *map(str, self.input_specs), "", "# outputs", *map(str, self.output_specs), ""]
        return "\n".join(lines)
