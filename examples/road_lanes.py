"""Finds the lanes of synthetic road scenes: a camera's view with perspective, curves, shadows and noise.

    pip install matplotlib
    python -m kagari examples/road_lanes.py

A small fully convolutional network learns three classes, road, lane marking and surroundings, from scenes drawn on the fly, and is judged
on new ones by intersection over union. Writes road_lanes.png.
"""
import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

HEIGHT, WIDTH = 64, 96


def scenes(count):
    """(images (count, 3, 64, 96), classes (count, 64, 96)): 0 surroundings, 1 road, 2 marking."""
    y = torch.linspace(0, 1, HEIGHT).view(1, HEIGHT, 1)
    x = torch.linspace(-1, 1, WIDTH).view(1, 1, WIDTH)
    unit = lambda low, high: low + (high - low) * torch.rand(count, 1, 1)  # noqa: E731
    horizon, bend, offset, spread = unit(0.25, 0.4), unit(-0.9, 0.9), unit(-0.25, 0.25), unit(0.7, 1.0)
    depth = ((y - horizon) / (1 - horizon)).clamp(min=0)              # 0 at the horizon, 1 at the camera
    centre = offset * depth + bend * (1 - depth) ** 2
    across = (x - centre) / (spread * depth + 0.02)                   # -1 and 1 are the road's edges
    ground = depth > 0
    road = ground & (across.abs() < 1)
    dashes = torch.sin(12 / (depth + 0.15) + unit(0, 6)) > 0
    thin = 0.05 + 0.01 / (depth + 0.05)
    marking = road & (((across.abs() - 0.92).abs() < thin) | ((across.abs() < thin * 0.8) & dashes))
    classes = road.long() + marking.long()

    sky, grass = torch.stack([unit(0.4, 0.7), unit(0.5, 0.8), unit(0.7, 1.0)], 1), torch.stack([unit(0.1, 0.5), unit(0.3, 0.6), unit(0.1, 0.3)], 1)
    asphalt = torch.stack([unit(0.25, 0.5)] * 3, 1)
    image = torch.where(ground[:, None], grass, sky)
    image = torch.where(road[:, None], asphalt, image)
    image = torch.where(marking[:, None], torch.stack([unit(0.7, 1.0), unit(0.7, 1.0), unit(0.4, 1.0)], 1), image)
    shadow = torch.sigmoid(20 * ((x * unit(-1, 1) + y * unit(-1, 1)).sin() - unit(0.0, 0.6)))
    image = image * (1 - 0.5 * shadow)[:, None] + 0.06 * torch.randn(count, 3, HEIGHT, WIDTH)
    return image.clamp(0, 1), classes


class LaneNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        def layer(i, o, stride=1, dilation=1):
            return nn.Sequential(nn.Conv2d(i, o, 3, stride, dilation, dilation, bias=False), nn.BatchNorm2d(o), nn.ReLU())
        self.fine = nn.Sequential(layer(3, width), layer(width, width))
        self.coarse = nn.Sequential(layer(width, 2 * width, 2), layer(2 * width, 2 * width, dilation=2), layer(2 * width, 2 * width, dilation=4), layer(2 * width, 2 * width))
        self.head = nn.Conv2d(3 * width, 3, 1)

    def forward(self, x):
        fine = self.fine(x)
        wide = F.interpolate(self.coarse(fine), scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(torch.cat([fine, wide], 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("."))
    options = parser.parse_args()
    torch.manual_seed(0)
    net = LaneNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.steps)
    weight = torch.tensor([1.0, 1.0, 3.0])
    for step in range(options.steps):
        image, classes = scenes(8)
        loss = F.cross_entropy(net(image), classes, weight=weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == options.steps - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}", flush=True)

    net.eval()
    image, classes = scenes(24)
    with torch.no_grad():
        found = net(image).argmax(1)
    for number, name in enumerate(("surroundings", "road", "marking")):
        a, b = found == number, classes == number
        print(f"intersection over union, {name}: {(a & b).sum().item() / (a | b).sum().item():.3f}")

    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(3, 4, figsize=(11, 6))
    for column in range(4):
        for row, picture in enumerate((image[column].permute(1, 2, 0), classes[column], found[column])):
            axes[row, column].imshow(picture.numpy(), vmin=0, vmax=2 if row else 1, cmap="viridis")
            axes[row, column].axis("off")
    for row, title in enumerate(("camera", "truth", "network")):
        axes[row, 0].set_title(title, loc="left")
    figure.tight_layout()
    figure.savefig(options.out / "road_lanes.png", dpi=110)
    print("wrote", options.out / "road_lanes.png")


if __name__ == "__main__":
    main()
