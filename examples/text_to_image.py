"""Teaches a diffusion model to draw handwritten digits from words, with the parts of Hugging Face's diffusers.

    pip install diffusers scikit-learn matplotlib
    python -m kagari examples/text_to_image.py [--prompt "three" ...]

A UNet2DConditionModel learns to take noise away from scikit-learn's digits while it attends to the words of a prompt; drawing starts from
noise and follows a DDIM schedule with classifier-free guidance (Ho and Salimans, 2022). Writes text_to_image.png.
"""
import argparse
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from sklearn.datasets import load_digits
from torch import nn

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class TextEncoder(nn.Module):
    """Letters -> one vector a letter, with a GRU that reads the word. The empty prompt means any digit."""

    def __init__(self, width=32, length=6):
        super().__init__()
        self.length = length
        self.letters, self.read = nn.Embedding(27, width), nn.GRU(width, width, batch_first=True)

    def forward(self, prompts):
        codes = torch.tensor([[ord(c) - 96 for c in p.lower()[:self.length].ljust(self.length, "`")] for p in prompts])
        return self.read(self.letters(codes))[0]


def build():
    unet = UNet2DConditionModel(sample_size=8, in_channels=1, out_channels=1, block_out_channels=(32, 64), layers_per_block=1, norm_num_groups=8,
                                down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
                                mid_block_type="UNetMidBlock2DCrossAttn", cross_attention_dim=32, attention_head_dim=8)
    return unet, TextEncoder()


def train(unet, text, epochs):
    digits = load_digits()
    images = torch.from_numpy(digits.images).float().unsqueeze(1) / 8 - 1
    labels = torch.from_numpy(digits.target).long()
    noising = DDPMScheduler(num_train_timesteps=200, beta_schedule="squaredcos_cap_v2")
    parameters = [*unet.parameters(), *text.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * 18)
    start = time.time()
    for epoch in range(epochs):
        total = 0.0
        batches = torch.randperm(len(images)).split(100)
        for batch in batches:
            prompts = [WORDS[d] if torch.rand(()) > 0.1 else "" for d in labels[batch].tolist()]
            noise, when = torch.randn_like(images[batch]), torch.randint(200, (len(batch),))
            guess = unet(noising.add_noise(images[batch], noise, when), when, encoder_hidden_states=text(prompts)).sample
            loss = F.mse_loss(guess, noise)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() / len(batches)
        if epoch % 5 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch:3d}  loss {total:.4f}  {time.time() - start:.0f} s", flush=True)


@torch.no_grad()
def draw(unet, text, prompts, steps=25, guidance=3.0):
    unet.eval()
    scheduler = DDIMScheduler(num_train_timesteps=200, beta_schedule="squaredcos_cap_v2", clip_sample=True)
    scheduler.set_timesteps(steps)
    images, words = torch.randn(len(prompts), 1, 8, 8), text(prompts + [""] * len(prompts))
    for when in scheduler.timesteps:
        with_words, without = unet(torch.cat([images, images]), when, encoder_hidden_states=words).sample.chunk(2)
        images = scheduler.step(without + guidance * (with_words - without), when, images).prev_sample
    return (images.clamp(-1, 1) + 1) / 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompt", nargs="*", default=WORDS)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--out", type=Path, default=Path("."))
    options = parser.parse_args()
    torch.manual_seed(0)
    unet, text = build()
    print(f"{sum(p.numel() for p in unet.parameters()):,} parameters")
    train(unet, text, options.epochs)
    pictures = draw(unet, text, [p for p in options.prompt for _ in range(4)])

    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(4, len(options.prompt), figsize=(1.1 * len(options.prompt), 4.8), squeeze=False)
    for i, picture in enumerate(pictures):
        axis = axes[i % 4, i // 4]
        axis.imshow(picture[0].numpy(), cmap="gray_r", vmin=0, vmax=1)
        axis.axis("off")
        if i % 4 == 0:
            axis.set_title(options.prompt[i // 4], fontsize=9)
    figure.tight_layout()
    figure.savefig(options.out / "text_to_image.png", dpi=110)
    print("wrote", options.out / "text_to_image.png")


if __name__ == "__main__":
    main()
