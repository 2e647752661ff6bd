"""Learns to see digits without their labels, by contrasting two views of each image (SimCLR).

    pip install scikit-learn matplotlib
    python -m kagari examples/self_supervised.py

Two random shifts, scalings and blots of one image must be recognised as a pair among all others (Chen et al., A simple framework for
contrastive learning of visual representations, 2020). Then a linear classifier on the frozen features, trained with few labels, shows
what was learned. Writes self_supervised.png: the features in two dimensions, coloured by the labels that training never saw.
"""
import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1, stride=2), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.projection = nn.Sequential(nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        return self.projection(self.features(x))


def view(images):
    """Each image turned, scaled, shifted and partly blotted out at random."""
    n = len(images)
    angle, scale = (torch.rand(n) - 0.5) * 0.7, 1 + (torch.rand(n) - 0.5) * 0.4
    shift = (torch.rand(n, 2) - 0.5) * 0.5
    cos, sin = scale * angle.cos(), scale * angle.sin()
    theta = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    moved = F.grid_sample(images, F.affine_grid(theta, list(images.shape), align_corners=False), align_corners=False)
    row, column = torch.randint(0, 7, (2, n, 1, 1, 1))
    y, x = torch.arange(8).view(1, 1, 8, 1), torch.arange(8).view(1, 1, 1, 8)
    blot = (y >= row) & (y < row + 2) & (x >= column) & (x < column + 2)
    return moved.masked_fill(blot, 0) + 0.05 * torch.randn_like(moved)


def contrastive_loss(a, b, temperature=0.2):
    """Cross-entropy of finding the other view of each image among all 2 n - 1 others."""
    z = F.normalize(torch.cat([a, b]), dim=1)
    similar = z @ z.T / temperature
    similar.fill_diagonal_(-torch.inf)
    n = len(a)
    return F.cross_entropy(similar, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


def linear_probe(features, labels, count):
    """The accuracy of a linear classifier trained on the first `count` features, on those after 1,400."""
    x = (features - features.mean(0)) / (features.std(0) + 1e-5)
    layer = nn.Linear(x.size(1), 10)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=80)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(layer(x[:count]), labels[:count]) + 1e-2 * layer.weight.square().sum()
        loss.backward()
        return loss
    optimizer.step(closure)
    return (layer(x[1400:]).argmax(1) == labels[1400:]).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("."))
    options = parser.parse_args()
    torch.manual_seed(0)
    digits = load_digits()
    order = torch.randperm(len(digits.target))
    images, labels = torch.from_numpy(digits.images).float().unsqueeze(1)[order] / 16, torch.from_numpy(digits.target).long()[order]

    encoder = Encoder()
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=2e-3)
    for epoch in range(options.epochs):
        total = 0.0
        for batch in torch.randperm(1400).split(200):
            loss = contrastive_loss(encoder(view(images[batch])), encoder(view(images[batch])))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 7
        if epoch % 10 == 0 or epoch == options.epochs - 1:
            print(f"epoch {epoch:3d}  contrastive loss {total:.3f}", flush=True)

    encoder.eval()
    with torch.no_grad():
        features = encoder.features(images)
    for count in (50, 200, 1400):
        print(f"linear probe with {count:4d} labels: {linear_probe(features, labels, count):.1%} of the held-out digits; "
              f"on raw pixels {linear_probe(images.flatten(1), labels, count):.1%}")

    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    u, s, v = torch.pca_lowrank(features - features.mean(0), q=2)
    flat = (u * s).numpy()
    plt.figure(figsize=(6, 5))
    plt.scatter(flat[:, 0], flat[:, 1], c=labels.numpy(), cmap="tab10", s=8)
    plt.colorbar(ticks=range(10), label="digit, unknown in training")
    plt.title("features learned without labels")
    plt.tight_layout()
    plt.savefig(options.out / "self_supervised.png", dpi=110)
    print("wrote", options.out / "self_supervised.png")


if __name__ == "__main__":
    main()
