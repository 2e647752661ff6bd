"""Segments blood vessels in a photograph of a retina with a small U-Net.

    pip install scikit-image matplotlib
    python -m kagari examples/retina_vessels.py

The photograph comes with scikit-image. The reference is a ridge filter's answer on the left half; the network learns it from
colour patches there, and is judged on the right half. Writes retina_vessels.png.
"""
import argparse
from pathlib import Path

import numpy as np
import skimage.data
import torch
import torch.nn.functional as F
from skimage.filters import sato, threshold_otsu
from torch import nn


def convolutions(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
                         nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.down1, self.down2, self.bottom = convolutions(3, width), convolutions(width, 2 * width), convolutions(2 * width, 4 * width)
        self.up2, self.up1 = nn.ConvTranspose2d(4 * width, 2 * width, 2, 2), nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.join2, self.join1 = convolutions(4 * width, 2 * width), convolutions(2 * width, width)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.bottom(F.max_pool2d(b, 2))
        b = self.join2(torch.cat([self.up2(c), b], 1))
        return self.head(self.join1(torch.cat([self.up1(b), a], 1)))


def dice_loss(logits, target):
    p = logits.sigmoid()
    return 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--out", type=Path, default=Path("."))
    options = parser.parse_args()
    torch.manual_seed(0)

    photo = skimage.data.retina()[235:1175:2, 235:1175:2][:464, :464]
    ridges = sato(photo[..., 1].astype(float), sigmas=range(1, 4), black_ridges=True)
    target = torch.from_numpy((ridges > threshold_otsu(ridges)).astype(np.float32))[None]
    image = torch.from_numpy(photo.copy()).permute(2, 0, 1).float() / 255
    image = (image - image.mean((1, 2), keepdim=True)) / image.std((1, 2), keepdim=True)

    net = UNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for step in range(options.steps):
        rows, columns = torch.randint(0, 464 - 64, (8,)), torch.randint(0, 232 - 64, (8,))
        where = list(zip(rows.tolist(), columns.tolist()))
        x, y = (torch.stack([t[:, r:r + 64, c:c + 64] for r, c in where]) for t in (image, target))
        if step % 2:
            x, y = x.flip(-1), y.flip(-1)
        logits = net(x)
        loss = F.binary_cross_entropy_with_logits(logits, y) + dice_loss(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 20 == 0 or step == options.steps - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}", flush=True)

    net.eval()
    with torch.no_grad():
        found = (net(image[None])[0] > 0).float()
    right = (slice(None), slice(None), slice(232, None))
    dice = 2 * (found[right] * target[right]).sum() / (found[right].sum() + target[right].sum())
    print(f"Dice on the half that was not trained on: {dice.item():.3f}")

    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.2))
    for axis, picture, title in zip(axes, (photo, target[0].numpy(), found[0].numpy()), ("photograph", "ridge filter", "U-Net")):
        axis.imshow(picture, cmap="gray")
        axis.axvline(232, color="orange", linewidth=1)
        axis.set_title(title)
        axis.axis("off")
    figure.suptitle(f"left: training, right: judged, Dice {dice.item():.2f}")
    figure.tight_layout()
    figure.savefig(options.out / "retina_vessels.png", dpi=110)
    print("wrote", options.out / "retina_vessels.png")


if __name__ == "__main__":
    main()
