"""From one seed, training follows PyTorch's own loss curve: initial weights, data, dropout masks and updates agree."""
import pytest

import kagari as torch
from kagari import nn

# Losses that PyTorch 2.13.0 printed for these programs.
RECORDED = {
    "mlp": [1.36252, 1.290467, 1.204238, 1.175483, 1.096165, 1.066606, 0.992057, 0.9734, 0.95654, 0.859307, 0.82302, 0.760888],
    "cnn": [1.600073, 1.185645, 0.903768, 0.555784, 0.24039, 0.216028, 0.136133, 0.05635, 0.04644, 0.03683, 0.018152, 0.02214],
    "lstm": [1.349113, 1.312581, 1.279442, 1.244421, 1.209249, 1.172683, 1.129631, 1.092766, 1.054487, 1.01919, 0.972086, 0.930866],
}


def mlp():
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 4))
    return model, torch.randn(24, 16), torch.randint(0, 4, (24,)), torch.optim.AdamW(model.parameters(), lr=1e-2)


def cnn():
    model = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1), nn.Flatten(), nn.Linear(8 * 16, 4))
    return model, torch.randn(12, 2, 8, 8), torch.randint(0, 4, (12,)), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.out = nn.Embedding(20, 8), nn.LSTM(8, 16, 2, batch_first=True, dropout=0.1), nn.Linear(16, 4)

    def forward(self, x):
        return self.out(self.lstm(self.embedding(x))[0][:, -1])


def lstm():
    model = Recurrent()
    return model, torch.randint(0, 20, (10, 7)), torch.randint(0, 4, (10,)), torch.optim.Adam(model.parameters(), lr=1e-2)


def losses(make):
    torch.manual_seed(7)
    model, x, y, optimizer = make()
    result = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return result


@pytest.mark.parametrize("make", [mlp, cnn, lstm], ids=lambda make: make.__name__)
def test_the_curve_is_pytorchs(make):
    assert losses(make) == pytest.approx(RECORDED[make.__name__], rel=2e-4)
