"""Record the published language-model protocol at reduced size: measurements of every generation, no text.

    python docs/data/record_language_models.py --corpus valid.txt --test test.txt --work runs \
        --out docs/data/language_models.csv

WikiText-2's validation split is the training text and its test split the real text for perplexities (both as plain
text files). Every chain is an experiment of `modelcollapse.lm` in a folder of ``--work``: kill the script, start it
again, and it goes on where it was. The two settings are those of Shumailov et al. (2024): five epochs and nothing kept,
ten epochs and a random tenth of the original text kept; plain sampling, prompts from the original text. As published,
the checkpoint is the one that is best on real text: the last tenth of the corpus, on which no model is trained.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

import numpy as np

from modelcollapse import lm

SETTINGS = ("5 epochs", "10 % kept")
SCALARS = (
    "perplexity_real",
    "n_words",
    "support",
    "new_words",
    "heterozygosity",
    "entropy",
    "below_median",
    "tail_share",
    "tail_index",
    "impossible",
)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PARTS = ("sampling", "clustering", "directed")


def ngram(order, smoothing):
    """Return a maker of n-gram models: (text, epochs, seed) -> model. Epochs mean nothing to counts."""
    return lambda text, epochs, seed: lm.NGram(order, smoothing, unknown=smoothing != 0.0).fit([text])


def tiny(text, epochs, seed):
    """Make an untrained two-layer transformer with a tokenizer of its own."""
    return lm.CausalLM.tiny(text, epochs=epochs, rng=seed)


#: maker, generations, seeds, texts per generation, share of the test text that is scored (slow for a transformer)
MODELS = {
    "unigram": (ngram(1, 0.0), 20, 5, 2500, 1.0),
    "trigram": (ngram(3, 0.0), 20, 5, 2500, 1.0),
    "Kneser-Ney trigram": (ngram(3, "kneser-ney"), 20, 5, 2500, 1.0),
    "tiny transformer": (tiny, 8, 3, 512, 0.2),
}


def rows(name, setting, seed, run, check):
    """Yield one row per generation of a run."""
    quantity = check["quantity"].values.tolist()
    for t in run["generation"].values.tolist():
        at = run.sel(generation=t)
        row = {"model": name, "setting": setting, "seed": seed, "generation": t}
        row |= {key: float(at[key]) for key in SCALARS if key in at}
        row |= {f"distinct_{k}": float(at["distinct"].sel(ngram=k)) for k in (1, 2, 3)}
        row |= {f"survival_{k}": float(at["survival"].sel(ngram=k)) for k in (1, 2, 3)}
        row["repeated_4"] = float(at["repeated"].sel(ngram=4))
        nll = at["block_nll"].values
        nll = nll[np.isfinite(nll)]
        row |= {
            f"block_perplexity_{q:g}": float(np.exp(np.quantile(nll, q))) if len(nll) else np.nan for q in QUANTILES
        }
        if t in check["generation"].values:
            for kind in quantity:
                row[f"seen_{kind}"] = float(check["seen"].sel(quantity=kind, generation=t))
                for assumption in check["assumption"].values.tolist():
                    known = check["predicted"].sel(quantity=kind, generation=t, assumption=assumption)
                    row[f"{assumption}_{kind}"] = float(known)
        if t == run["generation"].values[-1]:
            row |= {
                f"share_{part}_{kind}": float(check["share"].sel(quantity=kind, part=part))
                for kind in quantity
                for part in check["part"].values.tolist()
            }
            row["neutrality"] = check.attrs["neutrality"]
        yield row


def main() -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--work", required=True, help="folder for the runs")
    parser.add_argument("--out", required=True, help="the table, CSV")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", type=int, nargs="+", help="only these")
    args = parser.parse_args()
    text, test = (Path(path).read_text(encoding="utf-8") for path in (args.corpus, args.test))
    cut = text.index("\n", int(0.9 * len(text)))
    text, validation = text[:cut], text[cut:]
    table = []
    for name in args.models:
        make, generations, seeds, n, share = MODELS[name]
        for setting in SETTINGS:
            for seed in args.seeds or range(seeds):
                regime, epochs = lm.published(setting, n)
                model = make(text, epochs, seed)
                folder = Path(args.work) / f"{name} {setting} {seed}".replace(" ", "_").replace("%", "percent")
                run = lm.experiment(
                    model,
                    text,
                    regime,
                    generations,
                    validation=validation,
                    test=test[: int(share * len(test))],
                    store=folder,
                    rng=seed,
                    progress=True,
                )
                check = lm.crosscheck(run, rng=seed, replicates=50)
                table += rows(name, setting, seed, run, check)
                print(f"{name}, {setting}, seed {seed}: {check.attrs['summary']}", flush=True)
    names = list(dict.fromkeys(key for row in table for key in row))
    partial = f"{args.out}.partial"
    with open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{x:.6g}" if isinstance(x, float) else x for key, x in row.items()} for row in table)
    os.replace(partial, args.out)


if __name__ == "__main__":
    main()
