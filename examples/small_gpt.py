"""Trains a small GPT on English text and lets it write.

    python -m kagari examples/small_gpt.py [--steps 1200]

The text is the documentation of Python's own statements, which every Python carries (pydoc_data.topics). The model predicts
the next character; the program prints the loss while it learns and, at the end, 400 characters of its own.
"""
import argparse
import time

import torch
import torch.nn.functional as F
from pydoc_data import topics
from torch import nn


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary, context, width=128, depth=4, heads=4):
        super().__init__()
        self.context = context
        self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(torch.arange(tokens.size(1)))
        return self.head(self.norm(self.blocks(x)))

    @torch.no_grad()
    def write(self, tokens, count, temperature=0.8):
        for _ in range(count):
            logits = self(tokens[:, -self.context:])[:, -1] / temperature
            best = logits.topk(20).values[:, -1:]
            chosen = torch.multinomial(F.softmax(logits.masked_fill(logits < best, -torch.inf), -1), 1)
            tokens = torch.cat([tokens, chosen], 1)
        return tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1200)
    options = parser.parse_args()
    torch.manual_seed(0)

    text = "\n".join(topics.topics.values())
    letters = sorted(set(text))
    number = {letter: i for i, letter in enumerate(letters)}
    data = torch.tensor([number[letter] for letter in text])
    context, batch = 96, 16
    model = GPT(len(letters), context)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=options.steps, pct_start=0.1)
    print(f"{len(text):,} characters, {sum(p.numel() for p in model.parameters()):,} parameters")

    start = time.time()
    for step in range(options.steps):
        at = torch.randint(len(data) - context - 1, (batch,))
        window = torch.stack([data[i:i + context + 1] for i in at.tolist()])
        loss = F.cross_entropy(model(window[:, :-1]).flatten(0, 1), window[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0 or step == options.steps - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}  {time.time() - start:.1f} s", flush=True)

    model.eval()
    prompt = "The function "
    written = model.write(torch.tensor([[number[letter] for letter in prompt]]), 400)
    print("\n" + "".join(letters[i] for i in written[0].tolist()))


if __name__ == "__main__":
    main()
