"""What layers print, as PyTorch 2.13 prints it."""
import pytest

import kagari
from kagari import nn

SHOWN = """
Linear(in_features=3, out_features=4, bias=False) | Linear(3, 4, bias=False)
Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True) | Bilinear(2, 3, 4)
Identity() | Identity(3, a=4)
Conv1d(4, 8, kernel_size=(3,), stride=(1,)) | Conv1d(4, 8, 3)
Conv2d(4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(2, 2), groups=4, bias=False, padding_mode=circular) | Conv2d(4, 8, 3, 2, 1, 2, 4, False, "circular")
Conv2d(4, 8, kernel_size=(3, 5), stride=(1, 1), padding=same) | Conv2d(4, 8, (3, 5), padding="same")
ConvTranspose2d(4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1)) | ConvTranspose2d(4, 8, 3, 2, 1, 1)
BatchNorm2d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True) | BatchNorm2d(4)
InstanceNorm1d(4, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False) | InstanceNorm1d(4)
GroupNorm(2, 4, eps=1e-05, affine=True, bias=True) | GroupNorm(2, 4)
LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=True) | LayerNorm([2, 3])
RMSNorm((4,), eps=None, elementwise_affine=True) | RMSNorm(4)
MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False) | MaxPool2d(2)
AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,)) | AvgPool1d(2)
AdaptiveAvgPool2d(output_size=(None, 3)) | AdaptiveAvgPool2d((None, 3))
LPPool2d(norm_type=2, kernel_size=3, stride=None, ceil_mode=False) | LPPool2d(2, 3)
ReflectionPad2d((1, 1, 1, 1)) | ReflectionPad2d(1)
ConstantPad1d(padding=(1, 1), value=2.0) | ConstantPad1d(1, 2.0)
ZeroPad2d((2, 2, 2, 2)) | ZeroPad2d(2)
Dropout(p=0.5, inplace=False) | Dropout()
Embedding(4, 3, padding_idx=3, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True) | Embedding(4, 3, -1, 2.0, 1.0, True, True)
EmbeddingBag(4, 3, mode='sum') | EmbeddingBag(4, 3, mode="sum")
LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True) | LSTM(3, 4, 2, batch_first=True, dropout=0.5, bidirectional=True)
LSTM(3, 4, proj_size=2, bias=False) | LSTM(3, 4, proj_size=2, bias=False)
RNNCell(3, 4, bias=False, nonlinearity=relu) | RNNCell(3, 4, False, "relu")
ReLU(inplace=True) | ReLU(True)
Threshold(threshold=1, value=2) | Threshold(1, 2)
Hardtanh(min_val=-1.0, max_val=1.0) | Hardtanh()
LeakyReLU(negative_slope=0.01) | LeakyReLU()
GELU(approximate='tanh') | GELU("tanh")
Softplus(beta=1.0, threshold=20.0) | Softplus()
PReLU(num_parameters=3) | PReLU(3)
Softmax(dim=1) | Softmax(1)
Upsample(scale_factor=2.0, mode='nearest') | Upsample(scale_factor=2)
UpsamplingBilinear2d(size=4, mode='bilinear') | UpsamplingBilinear2d(4)
PixelShuffle(upscale_factor=2) | PixelShuffle(2)
Flatten(start_dim=1, end_dim=-1) | Flatten()
Unflatten(dim=1, unflattened_size=(2, 2)) | Unflatten(1, (2, 2))
Unfold(kernel_size=3, dilation=1, padding=0, stride=1) | Unfold(3)
PairwiseDistance() | PairwiseDistance()
CrossEntropyLoss() | CrossEntropyLoss()
"""
CASES = [line.split(" | ") for line in SHOWN.strip().split("\n")]


@pytest.mark.parametrize("shown, text", CASES, ids=[text for _, text in CASES])
def test_layer(shown, text):
    assert repr(eval("nn." + text)) == shown


def test_nested():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
            self.none = None
            self.head = nn.Linear(2, 1)

        def extra_repr(self):
            return "depth=2"

    assert repr(Net()) == """Net(
  depth=2
  (body): Sequential(
    (0): Linear(in_features=1, out_features=2, bias=True)
    (1): ReLU()
  )
  (head): Linear(in_features=2, out_features=1, bias=True)
)"""


CONSTRUCTION_ERRORS = [
    ("Conv2d(4, 4, 3, groups=0)", ValueError, "groups must be a positive integer"),
    ("Conv2d(3, 4, 3, groups=2)", ValueError, "in_channels must be divisible by groups"),
    ("Conv2d(4, 3, 3, groups=2)", ValueError, "out_channels must be divisible by groups"),
    ("Conv2d(4, 4, 3, padding='x')", ValueError, "Invalid padding string 'x'"),
    ("Conv2d(4, 4, 3, 2, padding='same')", ValueError, "padding='same' is not supported for strided convolutions"),
    ("ConvTranspose2d(4, 8, 3, padding_mode='reflect')", ValueError, 'Only "zeros" padding mode is supported'),
    ("GroupNorm(3, 4)", ValueError, r"num_channels \(4\) must be divisible by num_groups \(3\)"),
    ("Dropout(2)", ValueError, "dropout probability has to be between 0 and 1, but got 2"),
    ("Embedding(4, 3, 4)", AssertionError, "Padding_idx must be within num_embeddings"),
    ("LSTM(3, 4, proj_size=5)", ValueError, "proj_size has to be smaller than hidden_size"),
    ("LSTM(3, 4, dropout=2)", ValueError, "dropout should be a number in range"),
    ("GRU(3, 4, proj_size=2)", ValueError, "proj_size argument is only supported for LSTM"),
    ("RNN(3, 4, nonlinearity='x')", ValueError, "Unknown nonlinearity 'x'"),
    ("RNN(3, 4, bias=1)", TypeError, "bias should be of type bool, got: int"),
    ("MultiheadAttention(8, 3)", AssertionError, "embed_dim must be divisible by num_heads"),
    ("TransformerEncoderLayer(8, 2, activation='x')", RuntimeError, "activation should be relu/gelu, not x"),
    ("Hardtanh(2, 1)", AssertionError, "max_val .* must be greater than min_val"),
    ("AdaptiveLogSoftmaxWithLoss(8, 20, [10, 5])", ValueError, "cutoffs should be a sequence of unique, positive"),
    ("MultiMarginLoss(3)", ValueError, "only p == 1 and p == 2 supported"),
    ("TripletMarginLoss(0)", ValueError, "expected margin to be greater than 0, got 0 instead"),
    ("FractionalMaxPool2d(2)", ValueError, "requires specifying either an output size, or a pooling ratio"),
    ("Unflatten(1, 3)", TypeError, "unflattened_size must be a tuple of ints, but found type int"),
]


@pytest.mark.parametrize("text, kind, message", CONSTRUCTION_ERRORS, ids=[case[0] for case in CONSTRUCTION_ERRORS])
def test_construction_errors(text, kind, message):
    with pytest.raises(kind, match=message):
        eval("nn." + text)


def test_dtype_argument():
    for text in ("Linear(2, 3", "Conv2d(2, 3, 1", "BatchNorm1d(2", "LSTM(2, 3", "MultiheadAttention(4, 2", "PReLU(1"):
        module = eval(f"nn.{text}, dtype=kagari.float64)")
        assert all(p.dtype == kagari.float64 for p in module.parameters())
