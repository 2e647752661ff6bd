"""Detects stars in a photograph of the globular cluster M13, a FITS image that comes with astropy.

    pip install astropy matplotlib
    python -m kagari examples/star_detection.py

A convolutional network is trained only on simulated skies, stars of random brightness and position behind a blurring telescope and noise,
and then looks at the real one. Writes star_detection.png.
"""
import argparse
from pathlib import Path

import astropy
import numpy as np
import torch
import torch.nn.functional as F
from astropy.io import fits
from torch import nn


def simulated_skies(count, size=48):
    """(images, where the stars are), both (count, 1, size, size)."""
    stars = (torch.rand(count, 1, size, size) < 0.015 * torch.rand(count, 1, 1, 1) + 0.002).float()
    brightness = stars * torch.exp(1.2 * torch.randn(count, 1, size, size))
    width = 1.0 + 0.6 * torch.rand(())
    r = torch.arange(-4.0, 5.0)
    blur = torch.exp(-r.square() / (2 * width ** 2))
    image = F.conv2d(F.conv2d(brightness, blur.view(1, 1, -1, 1), padding=(4, 0)), blur.view(1, 1, 1, -1), padding=(0, 4))
    glow = F.interpolate(torch.rand(count, 1, 4, 4), size=size, mode="bicubic", align_corners=False)
    return torch.asinh(image + 0.7 * glow + 0.08 * torch.randn_like(image)), stars


class StarFinder(nn.Sequential):
    def __init__(self, width=24):
        layers, inputs = [], 1
        for dilation in (1, 1, 2, 1):
            layers += [nn.Conv2d(inputs, width, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(width), nn.ReLU()]
            inputs = width
        super().__init__(*layers, nn.Conv2d(width, 1, 1))


def peaks(score, threshold=0.0):
    """The (row, column) of every local maximum above the threshold."""
    top = (F.max_pool2d(score, 5, 1, 2) == score) & (score > threshold)
    return top[0, 0].nonzero()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--out", type=Path, default=Path("."))
    options = parser.parse_args()
    torch.manual_seed(0)
    net = StarFinder()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=options.steps)
    for step in range(options.steps):
        image, stars = simulated_skies(8)
        loss = F.binary_cross_entropy_with_logits(net(image), stars, pos_weight=torch.tensor(8.0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == options.steps - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}", flush=True)

    net.eval()
    with torch.no_grad():
        image, stars = simulated_skies(16)
        found, near = 0, 0
        for i in range(16):
            places = peaks(net(image[i:i + 1]))
            around = F.max_pool2d(stars[i:i + 1], 3, 1, 1)[0, 0]
            found += len(places)
            near += int(around[places[:, 0], places[:, 1]].sum())
        print(f"simulated skies: {near} of {found} detections are stars, of {int(stars.sum())} stars in all")

        path = Path(astropy.__file__).parent / "io" / "fits" / "hdu" / "compressed" / "tests" / "data" / "m13.fits"
        raw = torch.from_numpy(fits.getdata(path).astype(np.float32))
        sky = torch.asinh((raw - raw.median()) / (8 * (raw - raw.median()).abs().median()))[None, None]
        places = peaks(net(sky), threshold=2.0)
    print(f"M13: {len(places)} stars in {raw.shape[0]} x {raw.shape[1]} pixels")

    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(1, 2, figsize=(11, 5.4))
    for axis in axes:
        axis.imshow(sky[0, 0].numpy(), cmap="gray", origin="lower")
        axis.axis("off")
    axes[1].scatter(places[:, 1].numpy(), places[:, 0].numpy(), s=18, facecolors="none", edgecolors="orange", linewidths=0.8)
    axes[0].set_title("M13")
    axes[1].set_title(f"{len(places)} stars found")
    figure.tight_layout()
    figure.savefig(options.out / "star_detection.png", dpi=110)
    print("wrote", options.out / "star_detection.png")


if __name__ == "__main__":
    main()
