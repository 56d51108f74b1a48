"""What `modelcollapse lm` does: run, resume, read, show, crosscheck."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from modelcollapse.cli.arguments import make_regime, regime_arguments, setting, sizes, words
from modelcollapse.cli.commands import plain, print_table, shown

#: what a run was asked for, in its folder: all that is needed to take it up again
COMMAND = "command.json"
FORMAT = "modelcollapse lm run"
#: options that name files, which may be said relative to the folder that the command was given in
PATHS = ("corpus", "validation", "test", "model")
#: words in a text, as published
BLOCK = 64
#: options of the regime that a published setting decides
DECIDED = ("n_real", "n_first", "real_fraction", "k", "real_weight", "curation")
#: options that only a transformer has
OF_TRANSFORMERS = ("epochs", "learning_rate", "batch_size", "threads")
#: what a picture may be written as
PICTURES = (".png", ".svg", ".pdf")

EXAMPLES = {
    "lm": """\
examples:
  modelcollapse lm run --order 3 --out my-run             a trigram model of the Python language reference
  modelcollapse lm show my-run --plot my-run.svg
  modelcollapse lm crosscheck my-run                      which part of the loss is sampling?
  modelcollapse lm read their-run --out our-run           texts or logs of other programs, in many formats

Points of the regime are texts: blocks of 64 words. Generation 0 is the real text, generation t what model t wrote.""",
    "lm run": """\
examples:
  modelcollapse lm run --order 2 --smoothing kneser-ney --n 500 --generations 10 --out my-run
  modelcollapse lm run --corpus my.txt --test held-out.txt --regime fresh-real --n 500 --n-real 50 --out my-run
  modelcollapse lm run --corpus my.txt --model tiny --setting "10 % kept" --n 256 --out my-run
  modelcollapse lm run --corpus my.txt --model model.gguf --setting "5 epochs" --beams 5 --out my-run

A run that was stopped is taken up with: modelcollapse lm resume my-run""",
    "lm resume": """\
examples:
  modelcollapse lm resume my-run
  modelcollapse lm resume my-run --generations 20         go on beyond what was planned""",
    "lm read": """\
examples:
  modelcollapse lm read my-run
  modelcollapse lm read 'out/gen*.txt' --real corpus.txt --out our-run
  modelcollapse lm read losses.csv --columns generation=iteration --where paradigm=replace
  modelcollapse lm read samples --format lm-eval

Formats: modelcollapse, lm-eval, detector-study, trainer, arrow, csv, jsonl, text. Pickles are refused.""",
    "lm show": """\
examples:
  modelcollapse lm show my-run
  modelcollapse lm show my-run --json --plot my-run.png""",
    "lm crosscheck": """\
examples:
  modelcollapse lm crosscheck my-run
  modelcollapse lm crosscheck my-run --estimated-on 2 --plot explained.svg

That the change is not neutral is a finding and no failure: the exit code is 0.""",
}


def add(top) -> None:
    """Add the commands to a parser."""
    import argparse

    choices = top.add_subparsers(dest="part", metavar="PART", title="parts")
    top.set_defaults(run=lambda args: top.print_help() or 0)

    def part(name, run, text):
        layout = argparse.RawDescriptionHelpFormatter
        sub = choices.add_parser(
            name, help=text, description=text, epilog=EXAMPLES[f"lm {name}"], formatter_class=layout
        )
        sub.set_defaults(run=_told(run), command=f"lm {name}")
        return sub

    sub = part("run", run, "Fit a language model, generation after generation, to its own texts.")
    _running(sub)
    sub = part("resume", resume, "Go on with a run that was stopped.")
    sub.add_argument("folder", metavar="DIR", help="the folder of the run")
    sub.add_argument("--generations", type=int, metavar="T", help="fits in all (default: as planned)")
    _output(sub)
    sub = part("read", read, "Read the texts or logs of another program; convert them.")
    sub.add_argument("path", metavar="PATH", nargs="+", help="file, folder or pattern, or one for each generation")
    sub.add_argument("--format", help="what it is (default: what it looks like)")
    sub.add_argument("--out", metavar="DIR", help="folder to write it to in our own format")
    sub.add_argument("--real", metavar="FILE.txt", help="the real text, a text a line")
    sub.add_argument("--first", type=int, metavar="N", help="number, there, of the first model (default: 1)")
    sub.add_argument("--per", type=setting, metavar="UNIT", help="text: line, paragraph, file or a number of words")
    sub.add_argument("--text", metavar="NAME", help="jsonl, arrow, detector-study: the entry with the text")
    sub.add_argument("--split", metavar="NAME", help="arrow: which split (default: train)")
    sub.add_argument("--columns", type=words, metavar="ROLE=NAME,...", help="csv: generation=run,text=output")
    sub.add_argument("--where", type=words, metavar="NAME=VALUE,...", help="csv: only these rows")
    sub.add_argument("--tasks", type=words, metavar="A,B", help="lm-eval: which tasks (default: all)")
    sub.add_argument("--filter", metavar="NAME", help="lm-eval: which filter (default: the first)")
    sub.add_argument("--pattern", metavar="REGEX", help="whose group is the generation in a name")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = part("show", show, "Print the measures of a run, generation by generation.")
    sub.add_argument("folder", metavar="DIR", help="the folder of a run, or anything that lm read reads")
    _picture(sub)
    sub = part("crosscheck", crosscheck, "Say which part of the loss of a run is sampling.")
    sub.add_argument("folder", metavar="DIR", help="the folder of a run, or anything that lm read reads")
    sub.add_argument(
        "--estimated-on", type=int, default=1, metavar="T", help="generations that tell the sizes (default: 1)"
    )
    sub.add_argument("--seed", type=int, metavar="N", default=0, help="of the simulated chains (default: %(default)s)")
    _picture(sub)


def _running(sub) -> None:
    group = sub.add_argument_group("text and model")
    group.add_argument("--corpus", metavar="FILE.txt", help="real text (default: the Python language reference)")
    group.add_argument("--validation", metavar="FILE.txt", help="real text to choose checkpoints by")
    group.add_argument("--test", metavar="FILE.txt", help="real text to compute perplexities of")
    group.add_argument(
        "--model",
        default="ngram",
        help="ngram; tiny, a transformer from scratch; or one that is trained: a folder, a .gguf file, a name on the "
        "Hugging Face hub (default: %(default)s)",
    )
    group.add_argument("--order", type=int, metavar="K", help="words in an n-gram, 1 to 5 (default: 3)")
    group.add_argument("--smoothing", type=setting, metavar="A", help="of n-grams: a number or kneser-ney (default: 0)")
    group.add_argument("--epochs", type=int, metavar="E", help="passes of a transformer (default: 5, or the setting's)")
    group.add_argument("--learning-rate", type=float, metavar="R", help="of a transformer")
    group.add_argument("--batch-size", type=int, metavar="B", help="texts in an update of a transformer")
    group.add_argument("--threads", type=int, metavar="J", help="of a transformer (default: 1)")
    regime_arguments(sub)
    group = sub.add_argument_group("the experiment")
    group.add_argument(
        "--blocks", type=sizes, dest="n", metavar="N", default=100, help="texts per generation: another name of --n"
    )
    group.add_argument(
        "--setting", choices=("5 epochs", "10 % kept"), help="of the published experiment, instead of a regime"
    )
    group.add_argument("--generations", type=int, default=5, metavar="T", help="fits (default: %(default)s)")
    group.add_argument("--block-size", type=int, default=BLOCK, metavar="W", help="words of a text (default: 64)")
    group.add_argument(
        "--prompts",
        choices=("original", "previous", "none"),
        default="original",
        help="what is continued (default: %(default)s)",
    )
    group.add_argument("--continued", action="store_true", help="go on with the last model instead of the base model")
    group = sub.add_argument_group("how texts are written")
    group.add_argument("--temperature", type=float, metavar="S", help="0 is greedy (default: 1)")
    group.add_argument("--top-k", type=int, metavar="K", help="only the likeliest tokens")
    group.add_argument("--top-p", type=float, metavar="P", help="only the likeliest tokens of this probability")
    group.add_argument("--beams", type=int, metavar="B", help="beam search (published: 5)")
    group.add_argument("--repetition-penalty", type=float, metavar="R", help="divides logits of used tokens")
    sub.add_argument("--out", metavar="DIR", required=True, help="folder of the run: new, or empty")
    sub.add_argument("--seed", type=int, metavar="N", default=0, help="where randomness starts (default: %(default)s)")
    _output(sub)


def _output(sub) -> None:
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--no-progress", action="store_true", help="no progress bar (there is none off a terminal anyway)")


def _picture(sub) -> None:
    sub.add_argument("--plot", metavar="FILE.png", help=f"draw it ({', '.join(PICTURES)})")
    sub.add_argument("--json", action="store_true", help="print JSON")


def _told(command):
    """Let a library that is missing be bad input, which it is: the message says what to install."""

    def run(args):
        try:
            return command(args)
        except ImportError as error:
            raise ValueError(str(error)) from error

    return run


# ---------------------------------------------------------------------------------------------------- running


def run(args) -> int:
    """Run an experiment, and leave what was asked for in its folder."""
    from modelcollapse.lm import records

    out = Path(args.out)
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"--out must be a folder, got the file {args.out}.")
    if (out / records.MANIFEST).exists():
        raise FileExistsError(
            f"--out must be a new folder (modelcollapse lm resume goes on with a run), got {args.out}."
        )
    if out.is_dir() and {one.name for one in out.iterdir()} - {COMMAND}:
        raise FileExistsError(f"--out must be a new or empty folder, got {args.out}.")
    made = _made(args)  # before anything is written: what cannot be made leaves nothing
    out.mkdir(parents=True, exist_ok=True)
    said = {"format": FORMAT, "version": 1, "directory": os.getcwd(), "arguments": list(args.argv)}
    with records.whole(out / COMMAND) as file:
        file.write((json.dumps(said, indent=1) + "\n").encode())
    return _go_on(args, made, args.generations)


def resume(args) -> int:
    """Go on with a run, from what it was asked for."""
    from modelcollapse.cli import parser
    from modelcollapse.lm import files, records

    path = Path(args.folder) / COMMAND
    if not path.is_file():
        raise FileNotFoundError(f"DIR must be the folder of modelcollapse lm run, with {COMMAND}, got {args.folder}.")
    said = files.document(path)
    argv, directory = said.get("arguments"), said.get("directory")
    strings = isinstance(argv, list) and all(isinstance(word, str) for word in argv) and isinstance(directory, str)
    if said.get("format") != FORMAT or not strings or argv[:2] != ["lm", "run"]:
        raise ValueError(f"{path} must hold the command of a run, got {said!r:.80}.")
    asked = parser().parse_args(argv)
    for name in PATHS:
        value = getattr(asked, name)
        if value is not None and not (name == "model" and not os.path.exists(os.path.join(directory, value))):
            setattr(asked, name, os.path.join(directory, value))
    asked.out, asked.json, asked.no_progress = args.folder, args.json, args.no_progress
    stored = Path(args.folder) / records.MANIFEST
    planned = records.read_manifest(args.folder)["generations"] if stored.exists() else asked.generations
    return _go_on(asked, _made(asked), max(planned, args.generations or 0))


def _go_on(args, made: dict, generations: int) -> int:
    from modelcollapse import lm

    seen = lm.experiment(generations=generations, store=args.out, rng=args.seed, progress=shown(args), **made)
    if not args.json:
        print(f"{seen.attrs['model']} under {seen.attrs['regime_text']}, seed {args.seed}")
    _print(measures(seen), seen, args.json)
    if not args.json:
        print(f"written to {args.out}")
    return 0


def _made(args) -> dict:
    """Make model, text, regime and decoding of what was asked for."""
    from modelcollapse import lm

    made: dict = {"corpus": _text("--corpus", args.corpus) if args.corpus else lm.Corpus.default()}
    made |= {
        name: _text(f"--{name}", getattr(args, name)) if getattr(args, name) else None
        for name in ("validation", "test")
    }
    epochs = args.epochs
    if args.setting is None:
        made["regime"] = make_regime(args)
    else:
        given = [name for name in DECIDED if getattr(args, name) is not None]
        if args.regime != "replace" or given:
            what = f"--{given[0].replace('_', '-')}" if given else f"--regime {args.regime}"
            raise ValueError(f"--setting must come without a regime of your own (it is one), got {what}.")
        if not isinstance(args.n, int):
            raise ValueError(f"--n must be one number with --setting, got {','.join(map(str, args.n))}.")
        setting = lm.published(args.setting, args.n)
        made["regime"] = setting.regime
        epochs = setting.epochs if epochs is None and args.model != "ngram" else epochs
    options = ("temperature", "top_k", "top_p", "beams", "repetition_penalty")
    given = {name: getattr(args, name) for name in options if getattr(args, name) is not None}
    made["decoding"] = lm.Decoding(**given)
    made["model"] = _model(args, made["corpus"], epochs)
    made |= {"prompts": None if args.prompts == "none" else args.prompts, "fresh": not args.continued}
    return made | {"block": args.block_size}


def _model(args, corpus, epochs: int | None):
    from modelcollapse import lm

    if args.model == "ngram":
        for name in OF_TRANSFORMERS:
            if getattr(args, name) is not None:
                option = "--" + name.replace("_", "-")
                raise ValueError(
                    f"{option} must not be given for ngram (counting needs none), got {getattr(args, name)}."
                )
        smoothing = 0.0 if args.smoothing is None else args.smoothing
        # smoothing gives something to words that were not seen, so it must know which words there are
        known = corpus if isinstance(corpus, lm.Corpus) else lm.Corpus.from_text(corpus)
        return lm.NGram(3 if args.order is None else args.order, smoothing, vocabulary=known if smoothing else None)
    for name in ("order", "smoothing"):
        if getattr(args, name) is not None:
            raise ValueError(
                f"--{name} must not be given for a transformer (it is of n-grams), got {getattr(args, name)}."
            )
    given = {name: getattr(args, name) for name in OF_TRANSFORMERS if getattr(args, name) is not None}
    given |= {} if epochs is None else {"epochs": epochs}
    given["block"] = args.block_size
    if args.model == "tiny":
        return lm.CausalLM.tiny(corpus, rng=args.seed, **given)
    return lm.CausalLM.from_pretrained(args.model, **given)


def _text(option: str, path: str) -> str:
    """Return a text file as it is."""
    from modelcollapse.lm import files

    if not os.path.isfile(path):
        raise FileNotFoundError(f"{option} must be a text file, got {path}.")
    return "".join(line for _, line in files.lines(Path(path), ends=True))


# ------------------------------------------------------------------------------------------ reading and showing


def _read(folder: str):
    """Return the generations of a run and, where it is one of ours, what it says of itself."""
    from modelcollapse import lm
    from modelcollapse.lm import readers, records

    generations = lm.read(folder)
    attrs: dict = {}
    if readers.recognise(folder) == "modelcollapse":
        config = records.read_manifest(folder)["config"]
        attrs = {name: value if isinstance(value, str) else json.dumps(value) for name, value in config.items()}
        if "regime" in attrs:
            from modelcollapse import regimes

            attrs["regime_text"] = str(regimes.read(attrs["regime"]))
    return generations, attrs


def _measured(folder: str):
    from modelcollapse import lm

    generations, attrs = _read(folder)
    return lm.measure(generations, attrs=attrs)


def read(args) -> int:
    """Read a run in any format, say what it is, and convert it if a folder is named."""
    from modelcollapse import lm
    from modelcollapse.lm import readers, records

    path = args.path[0] if len(args.path) == 1 else args.path
    names = ("per", "text", "split", "tasks", "filter", "pattern")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    given |= {name: _pairs(name, getattr(args, name)) for name in ("columns", "where") if getattr(args, name)}
    kind = args.format or readers.recognise(path)
    generations = lm.read(path, kind, real=args.real, first=args.first, **given)
    if args.out:
        config = {"format": kind, "read_from": [os.path.abspath(one) for one in args.path]}
        records.write(args.out, generations, config=config)
    rows = [
        {
            "generation": g.number,
            "texts": len(g),
            "characters": sum(map(len, g.texts)),
            "perplexity of real text": _or_nan(g.facts.get("perplexity_real")),
        }
        for g in generations
    ]
    if args.json:
        print(json.dumps({"format": kind, "generations": _finite(rows)}, indent=2))
        return 0
    print(f"{kind}: {len(generations) - 1} generations after the real text")
    print_table(rows)
    if not generations[0].texts:
        print("generation 0 is empty: where is the real text? (--real FILE.txt)")
    if args.out:
        print(f"written to {args.out}")
    return 0


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    out = {}
    for word in given:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise ValueError(f"--{option} must be NAME=VALUE,..., got {word!r}.")
        out[name.strip()] = value.strip()
    return out


def _or_nan(value) -> float:
    return float("nan") if value is None else float(value)


def show(args) -> int:
    """Print the measures of a run; draw them if a file is named."""
    generations, attrs = _read(args.folder)
    if not any(text.strip() for text in generations[0].texts):
        return _show_facts(args, generations)
    from modelcollapse import lm

    seen = lm.measure(generations, attrs=attrs)
    if args.plot:
        _draw_measures(args.plot, seen)
    if not args.json and "regime_text" in seen.attrs:
        print(f"{seen.attrs.get('model', 'a run')} under {seen.attrs['regime_text']}")
    _print(measures(seen), seen, args.json)
    if args.plot and not args.json:
        print(f"drawn in {args.plot}")
    return 0


def _show_facts(args, generations) -> int:
    """Print what is known of a run without real text: no measure can do without."""
    if args.plot:
        raise ValueError(f"--plot must be given for a run with real text (every measure needs it), got {args.folder}.")
    rows = [
        {"generation": g.number, "texts": len(g), "perplexity real": _or_nan(g.facts.get("perplexity_real"))}
        for g in generations
    ]
    if args.json:
        print(json.dumps({"attrs": {}, "generations": _finite(rows)}, indent=2))
    else:
        print(f"{args.folder} has no real text: nothing but its own account of itself")
        print_table(rows)
    return 0


def measures(seen) -> list[dict]:
    """Return the main measures of a run, a row a generation."""
    columns = {
        "texts": seen["n_texts"],
        "words": seen["n_words"],
        "perplexity real": seen["perplexity_real"],
        "heterozygosity": seen["heterozygosity"],
        "support": seen["support"],
        "distinct-2": seen["distinct"].sel(ngram=2),
        "repeated-4": seen["repeated"].sel(ngram=4),
        "median perplexity": seen["perplexity"].sel(quantile=0.5),
        "below median": seen["below_median"],
        "tail share": seen["tail_share"],
        "tail index": seen["tail_index"],
    }
    # what nothing is known of is no column
    columns = {name: values.values for name, values in columns.items() if not np.isnan(values.values).all()}
    return [
        {"generation": int(t), **{name: values[i].item() for name, values in columns.items()}}
        for i, t in enumerate(seen["generation"].values)
    ]


def _print(rows: list[dict], seen, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"attrs": plain(seen.attrs), "generations": _finite(rows)}, indent=2))
    else:
        print_table(rows)


def _finite(value):
    """JSON has no nan and no infinity: the one is null, the other a word, as in the files of a run."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def crosscheck(args) -> int:
    """Hold a run against the theory of drift; whatever is found, the exit code is 0."""
    from modelcollapse import lm

    if args.plot:
        _target(args.plot)
    checked = lm.crosscheck(_measured(args.folder), estimated_on=args.estimated_on, rng=args.seed)
    if args.plot:
        _draw_check(args.plot, checked)
    classes = lm.by_class(checked)
    rows = [_parts(checked, str(quantity)) for quantity in checked["quantity"].values]
    if args.json:
        attrs = plain(checked.attrs)
        found = {"summary": attrs.pop("summary"), "attrs": attrs, "quantities": rows}
        found["classes"] = json.loads(classes.reset_index().to_json(orient="records", double_precision=15))
        print(json.dumps(_finite(found), indent=2))
        return 0
    import pandas as pd

    with pd.option_context("display.width", 160, "display.float_format", "{:.4g}".format):
        print(pd.DataFrame(rows).set_index("quantity").to_string(na_rep="-"))
        print()
        print(classes[classes["words"] > 0].to_string(na_rep="-"))
    print()
    for sentence in checked.attrs["summary"].replace(". ", ".\n").splitlines():
        print(sentence)
    if args.plot:
        print(f"drawn in {args.plot}")
    return 0


def _parts(checked, quantity: str) -> dict:
    """Return one quantity at both ends, what was predicted of the last, and the parts of the loss."""
    at = checked.sel(quantity=quantity)
    seen, last = at["seen"].values, at.isel(generation=-1)
    out = {"quantity": quantity, "at first": float(seen[0]), "at last": float(seen[-1])}
    out |= {str(name): float(last["predicted"].sel(assumption=name)) for name in checked["assumption"].values}
    out |= {f"share of {name}": float(at["share"].sel(part=name)) for name in checked["part"].values}
    return out | {"sd": float(at["share_sd"])}


# ---------------------------------------------------------------------------------------------------- pictures


def _target(path: str) -> None:
    if Path(path).suffix.lower() not in PICTURES:
        raise ValueError(f"--plot must end in {', '.join(PICTURES)}, got {path}.")
    if not Path(path).resolve().parent.is_dir():
        raise FileNotFoundError(f"--plot must lie in a folder that exists, got {path}.")


def _figure(path: str, columns: int):
    """Return a figure that no window ever shows, and its axes."""
    from matplotlib.figure import Figure

    _target(path)
    figure = Figure(figsize=(5.4 * columns, 4.8), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, columns))


def _draw_measures(path: str, seen) -> None:
    from modelcollapse import plot
    from modelcollapse.lm import pictures

    scored = bool((~np.isnan(seen["block_nll"].values)).any())
    figure, axes = _figure(path, 2 if scored else 1)
    t = seen["generation"].values
    for color, (name, values) in zip(
        plot.PALETTE,
        {
            "heterozygosity": seen["heterozygosity"],
            "words left": seen["survival"].sel(ngram=1),
            "distinct 2-grams per 2-gram": seen["distinct"].sel(ngram=2),
        }.items(),
        strict=False,
    ):
        axes[0].plot(t, values.values, marker="o", markersize=4, color=color, label=name)
    axes[0].set_xlabel("generation")
    axes[0].set_ylabel("share")
    axes[0].set_ylim(0, 1.03)
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    if scored:
        pictures.perplexities(seen, ax=axes[1])
    for ax in axes:
        ax.legend(fontsize="small")
    figure.savefig(path)


def _draw_check(path: str, checked) -> None:
    from modelcollapse.lm import pictures

    figure, axes = _figure(path, 3)
    pictures.explained(checked, ax=axes[0])
    pictures.class_survival(checked, ax=axes[1])
    pictures.driven(checked, ax=axes[2])
    for ax in axes:
        ax.legend(fontsize="small")
    figure.savefig(path)
