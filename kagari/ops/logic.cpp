#include "kagari/ops/logic.h"

#include "kagari/ops/elementwise.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kInplace | kOut;
constexpr auto bool_result = no_grad("the result is bool");
constexpr auto integer_result = no_grad("the result is an integer");

const auto logical_not_op = define<&logical_not>({
    .schema = "logical_not(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "Which elements are zero.\n\n>>> torch.logical_not(torch.tensor([0., 2.]))\ntensor([ True, False])",
    .run = predicate_unary<"logical_not">,
    .grad = bool_result,
});

const auto logical_and_op = define<&logical_and>({
    .schema = "logical_and(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "Where both elements are nonzero.\n\n>>> torch.logical_and(torch.tensor([True, False]), torch.tensor([0, 0]))\ntensor([False, False])",
    .run = comparing_binary<"logical_and">,
    .grad = bool_result,
});

const auto logical_or_op = define<&logical_or>({
    .schema = "logical_or(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "Where at least one element is nonzero.\n\n>>> torch.logical_or(torch.tensor([True, False]), torch.tensor([0, 0]))\ntensor([ True, False])",
    .run = comparing_binary<"logical_or">,
    .grad = bool_result,
});

const auto logical_xor_op = define<&logical_xor>({
    .schema = "logical_xor(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "Where exactly one element is nonzero.\n\n>>> torch.logical_xor(torch.tensor([True, False]), torch.tensor([0, 0]))\ntensor([ True, False])",
    .run = comparing_binary<"logical_xor">,
    .grad = bool_result,
});

const auto bitwise_not_op = define<&bitwise_not>({
    .schema = "bitwise_not(Tensor self) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "The complement of the bits; of bool, the negation.\n\n>>> torch.bitwise_not(torch.tensor([0, 5]))\ntensor([-1, -6])",
    .run = same_unary<"bitwise_not">,
    .grad = integer_result,
});

const auto bitwise_and_op = define<&bitwise_and>({
    .schema = "bitwise_and(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self & other, bit by bit, of integers and bool.\n\n>>> torch.bitwise_and(torch.tensor([1, 4]), 3)\ntensor([1, 0])",
    .run = promoting_binary_of_numbers<"bitwise_and">,
    .grad = integer_result,
});

const auto bitwise_or_op = define<&bitwise_or>({
    .schema = "bitwise_or(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self | other, bit by bit, of integers and bool.\n\n>>> torch.bitwise_or(torch.tensor([1, 4]), 3)\ntensor([3, 7])",
    .run = promoting_binary_of_numbers<"bitwise_or">,
    .grad = integer_result,
});

const auto bitwise_xor_op = define<&bitwise_xor>({
    .schema = "bitwise_xor(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self ^ other, bit by bit, of integers and bool.\n\n>>> torch.bitwise_xor(torch.tensor([1, 4]), 3)\ntensor([2, 7])",
    .run = promoting_binary_of_numbers<"bitwise_xor">,
    .grad = integer_result,
});

const auto bitwise_left_shift_op = define<&bitwise_left_shift>({
    .schema = "bitwise_left_shift(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self << other, of integers.\n\n>>> torch.bitwise_left_shift(torch.tensor([1, 2]), 2)\ntensor([4, 8])",
    .run = promoting_binary_of_numbers<"bitwise_left_shift">,
    .grad = integer_result,
});

const auto bitwise_right_shift_op = define<&bitwise_right_shift>({
    .schema = "bitwise_right_shift(Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    .in = everywhere,
    .traits = kElementwise,
    .doc = "self >> other, of integers.\n\n>>> torch.bitwise_right_shift(torch.tensor([1, 2]), 2)\ntensor([0, 0])",
    .run = promoting_binary_of_numbers<"bitwise_right_shift">,
    .grad = integer_result,
});

}  // namespace

Tensor logical_not(const Tensor& self) { return logical_not_op(self); }
Tensor bitwise_not(const Tensor& self) { return bitwise_not_op(self); }
Tensor logical_and(const Tensor& self, const Tensor& other) { return logical_and_op(self, other); }
Tensor logical_or(const Tensor& self, const Tensor& other) { return logical_or_op(self, other); }
Tensor logical_xor(const Tensor& self, const Tensor& other) { return logical_xor_op(self, other); }
Tensor bitwise_and(const Tensor& self, const Tensor& other) { return bitwise_and_op(self, other); }
Tensor bitwise_or(const Tensor& self, const Tensor& other) { return bitwise_or_op(self, other); }
Tensor bitwise_xor(const Tensor& self, const Tensor& other) { return bitwise_xor_op(self, other); }
Tensor bitwise_left_shift(const Tensor& self, const Tensor& other) { return bitwise_left_shift_op(self, other); }
Tensor bitwise_right_shift(const Tensor& self, const Tensor& other) { return bitwise_right_shift_op(self, other); }

}  // namespace kagari
