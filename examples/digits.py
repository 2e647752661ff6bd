"""Trains a small convolutional network on handwritten digits.

    python -m kagari examples/digits.py            # on kagari
    python examples/digits.py                      # the same program on PyTorch

The data are scikit-learn's 1,797 digits of 8 x 8 pixels. The program shows a progress bar, writes digits.png (the loss, and
the test digits that the network finds hardest), a checkpoint digits.pt and the weights digits.safetensors; then a fresh
process reads both files and must give the same predictions.
"""
import argparse
import subprocess
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(64 * 4 * 4, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def load_data():
    digits = load_digits()
    images = torch.from_numpy(digits.images).float().unsqueeze(1) / 16
    data = TensorDataset(images, torch.from_numpy(digits.target).long())
    return random_split(data, [1400, 397], generator=torch.Generator().manual_seed(0))


def show_progress(done, total, text):
    bar = "#" * (30 * done // total)
    print(f"\r[{bar:30}] {done}/{total} {text}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def train(model, data, epochs):
    loader = DataLoader(data, batch_size=50, shuffle=True, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=epochs * len(loader))
    losses = []
    model.train()
    for epoch in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        show_progress(epoch + 1, epochs, f"loss {sum(losses[-len(loader):]) / len(loader):.4f}")
    return losses, optimizer


@torch.no_grad()
def predict(model, data):
    """Probabilities of all classes, and the true classes."""
    model.eval()
    parts = [(model(images).softmax(1), labels) for images, labels in DataLoader(data, batch_size=200)]
    return torch.cat([p for p, _ in parts]), torch.cat([y for _, y in parts])


def draw(path, losses, data, probabilities, labels):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure = plt.figure(figsize=(9, 6))
    axes = figure.add_subplot(2, 1, 1)
    axes.plot(losses, linewidth=0.8)
    axes.set(title="Training loss", xlabel="step", ylabel="cross entropy", yscale="log")
    certainty = probabilities.gather(1, labels.unsqueeze(1)).squeeze(1)
    for place, i in enumerate(certainty.argsort()[:8].tolist()):
        axes = figure.add_subplot(2, 8, 9 + place)
        axes.imshow(data[i][0][0].numpy(), cmap="gray_r")
        guess = int(probabilities[i].argmax())
        axes.set_title(f"{int(labels[i])} as {guess}\n{float(certainty[i]):.0%}", fontsize=9, color="red" if guess != int(labels[i]) else "black")
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def check_files(folder):
    """Reads the checkpoint and the weights and prints the predictions made with each."""
    from safetensors.torch import load_file
    _, test = load_data()
    for weights in (torch.load(folder / "digits.pt")["model"], load_file(str(folder / "digits.safetensors"))):
        model = DigitNet()
        model.load_state_dict(weights)
        print("".join(str(c) for c in predict(model, test)[0].argmax(1).tolist()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for the files that are written")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--check", action="store_true", help="only read the files and print the predictions")
    options = parser.parse_args()
    if options.check:
        return check_files(options.out)

    torch.manual_seed(0)
    train_data, test_data = load_data()
    model = DigitNet()
    losses, optimizer = train(model, train_data, options.epochs)
    probabilities, labels = predict(model, test_data)
    guesses = probabilities.argmax(1)
    accuracy = (guesses == labels).float().mean().item()
    print(f"{accuracy:.1%} of {len(labels)} held-out digits are recognised")

    from safetensors.torch import save_file
    options.out.mkdir(parents=True, exist_ok=True)
    draw(options.out / "digits.png", losses, test_data, probabilities, labels)
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "losses": losses}, options.out / "digits.pt")
    save_file(model.state_dict(), str(options.out / "digits.safetensors"))

    runner = [sys.executable, "-m", "kagari"] if "kagari" in sys.modules else [sys.executable]
    printed = subprocess.run([*runner, __file__, "--check", "--out", str(options.out)], check=True, capture_output=True, text=True).stdout.split()
    expected = "".join(str(c) for c in guesses.tolist())
    same = printed == [expected, expected]
    print("a fresh process gives the same predictions from digits.pt and digits.safetensors" if same else "the files give OTHER predictions")
    sys.exit(0 if same and accuracy >= 0.97 else 1)


if __name__ == "__main__":
    main()
