"""ATen's names for the overloads of kagari's operators, where kagari's registry has one operator for several of them.

A line is: operator, the overload, and `argument:overload` for calls that give that argument. Operators without a line are called
`default`, or as their own schema says.
"""

_TABLE = """
add Tensor
all default dim:dim
any default dim:dim
arange default
atleast_1d default
bitwise_and Tensor
bitwise_left_shift Tensor
bitwise_or Tensor
bitwise_right_shift Tensor
bitwise_xor Tensor
bucketize Tensor
copysign Tensor
count_nonzero default dim:dim_IntList
div Tensor rounding_mode:Tensor_mode
divide Tensor rounding_mode:Tensor_mode
empty memory_format
eq Tensor
eye default m:m
float_power Tensor_Tensor
fmod Tensor
ge Tensor
greater Tensor
greater_equal Tensor
gt Tensor
flatten using_ints
hsplit int
vsplit int
dsplit int
isin Tensor_Tensor
ldexp Tensor
le Tensor
less Tensor
less_equal Tensor
linspace default
log_softmax int
logspace default
lt Tensor
mean default dim:dim
mul Tensor
multiply Tensor
narrow default
ne Tensor
norm Scalar dim:ScalarOpt_dim dtype:ScalarOpt_dim_dtype
not_equal Tensor
pow Tensor_Tensor
prod default dim:dim_int
rand default generator:generator
rand_like default
randint default generator:generator
randn default generator:generator
randperm default generator:generator
range step
remainder Tensor
round default decimals:decimals
rsub Tensor
searchsorted Tensor
select int
select_copy int
slice Tensor
slice_copy Tensor
softmax int
split Tensor
split_copy Tensor
std correction
std_mean correction
sub Tensor
subtract Tensor
sum default dim:dim_IntList
tensor_split sections
transpose int
transpose_copy int
true_divide Tensor
unbind int
unbind_copy int
unflatten int
unsafe_split Tensor
var correction
var_mean correction
xlogy Tensor
conv_transpose2d input
conv_transpose3d input
gru input
lstm input
rnn_relu input
rnn_tanh input
upsample_bicubic2d vec
upsample_bilinear2d vec
upsample_linear1d vec
upsample_nearest1d vec
upsample_nearest2d vec
upsample_nearest3d vec
upsample_trilinear3d vec
"""

# Operators whose number argument is Scalar in one overload and a tensor in another.
_SCALAR = {"pow": "Tensor_Scalar", "float_power": "Tensor_Scalar", "where": "Scalar"}
_RULES = {}
for _line in _TABLE.split("\n"):
    if _line:
        _name, _first, *_conditions = _line.split()
        _RULES[_name] = _first, [tuple(condition.split(":")) for condition in _conditions]


def base_name(name):
    """The functional operator behind an in-place one: add for add_."""
    return name[:-1] if name.endswith("_") and not name.endswith("__") else name


def overload_of(name, own, given):
    """The overload that a call with these given arguments is; `own` is the one in the operator's own schema."""
    if own:
        return own
    first, conditions = _RULES.get(base_name(name), ("default", ()))
    for argument, overload in reversed(conditions):
        if argument in given:
            return overload
    return first


def overloads_of(name, schemas):
    """All overloads that an operator with these schemas has."""
    found = []
    for schema in schemas:
        if schema.overload_name:
            names = [schema.overload_name]
        else:
            first, conditions = _RULES.get(base_name(name), ("default", ()))
            names = [first, *(overload for _, overload in conditions)]
            if any(argument.type == "Tensor|Scalar" for argument in schema.arguments) and first.startswith("Tensor"):
                names.append(_SCALAR.get(base_name(name), first.replace("Tensor", "Scalar")))
        found += [one for one in names if one not in found]
    return found
