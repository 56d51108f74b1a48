"""`modelcollapse` on the command line: report, simulate, predict, check, diagnose, plan, claims, verify, cite, lm.

Data go to standard output (as text, or with ``--json`` as JSON), progress and errors to standard error. Exit codes:
0 all is well, 1 a check failed, 2 bad usage or bad input, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys

from modelcollapse import __version__
from modelcollapse.cli import commands, language, literature
from modelcollapse.cli.arguments import (
    claim_arguments,
    kept,
    regime_arguments,
    running,
    truth_arguments,
    words,
)

EXAMPLES = {
    None: """\
start here:
  modelcollapse report                          real data in, one page out: what collapses, how fast, what helps
  modelcollapse simulate --regime replace --n 100 --estimator mle
  modelcollapse predict variance --regime accumulate --n 100 --estimator mle
  modelcollapse check --regime replace --n 100 --estimator unbiased
  modelcollapse verify --quick                  every published claim, checked by theory and by simulation

A model is refitted, generation after generation, on its own samples. Generation 0 is the truth, generation 1 is fitted
to real data, and the regime says what every later generation is fitted to.""",
    "report": """\
examples:
  modelcollapse report                                    iris and the Python language reference, about a minute
  modelcollapse report --quick                            the same, coarser
  modelcollapse report --data my.csv --columns height,weight --label group
  modelcollapse report --corpus my.txt --out my-report

The page is report.html in the output folder; beside it are the numbers (CSV, JSON) and the runs (netCDF).""",
    "simulate": """\
examples:
  modelcollapse simulate --regime replace --n 100 --estimator mle --generations 200 --replicates 1000
  modelcollapse simulate --regime fixed-real --n 900 --n-real 100 --n-first 1000 --estimator mle --out run.nc
  modelcollapse simulate --family categorical --probabilities 0.9,0.09,0.01 --regime replace --n 50
  modelcollapse simulate --family kernel-density --data my.csv --columns x --bandwidth scott --regime replace --n 100
  modelcollapse simulate --family mixture --data my.csv --columns x,y --components 2 --regime accumulate --n 200
  modelcollapse simulate --regime fresh-real --n 200 --n-real 20 --estimator mle --curation Detector:tpr=0.9,fpr=0.05
  modelcollapse simulate --regime replace --n 100 --estimator mle --replicates 1000000 --summary""",
    "predict": """\
examples:
  modelcollapse predict                                   list what is known for a family and a regime
  modelcollapse predict log_variance --regime replace --n 100 --estimator unbiased --generations 50
  modelcollapse predict heterozygosity --family categorical --probabilities 0.5,0.5 --regime accumulate --n 50""",
    "check": """\
examples:
  modelcollapse check --regime replace --n 100 --estimator mle
  modelcollapse check heterozygosity --family categorical --probabilities 0.5,0.3,0.2 --regime accumulate --n 20
  modelcollapse check --run run.nc

Simulates (or reads a stored run), predicts from theory, and tests one against the other. Exit code 1 if theory and
simulation contradict each other. For what the literature says, see modelcollapse verify.""",
    "claims": """\
examples:
  modelcollapse claims                                    all claims, one line each
  modelcollapse claims SUR-T1 'WF-*'                      some of them, whole
  modelcollapse claims --paper shumailov2024 --kind bound
  modelcollapse claims --errata                           published statements that fail, shown by numbers
  modelcollapse claims --tag artefact""",
    "verify": """\
examples:
  modelcollapse verify --quick                            all claims, in less than two minutes on two cores
  modelcollapse verify SHU-THM3.1 'WF-*'
  modelcollapse verify --paper seddik2024 --json
  modelcollapse verify --details SUR-T1                   every case of every check

Every claim has an error rate of 1e-6. Exit code 1 if a verdict is not the expected one: CONTRADICTED is expected of
published statements that do not hold. To test a model and a regime of your own, see modelcollapse check.""",
    "lm": language.EXAMPLES["lm"],
    "cite": """\
examples:
  modelcollapse cite SHU-THM3.1 WF-H > refs.bib           BibTeX of what these claims rest on
  modelcollapse cite shumailov2024                        the same, by key""",
    "diagnose": """\
examples:
  modelcollapse simulate --regime replace --n 50 --estimator mle --out run.nc && modelcollapse diagnose run.nc

The definitions are those of Schaeffer et al. (2025); what each asks, and of which number, is in the column criterion of
the JSON and in the documentation.""",
    "plan": """\
examples:
  modelcollapse plan --n 1000 --generations 100 --variance-lost 0.05
  modelcollapse plan --n 1000 --generations 100 --minority 0.01 --survives 0.95
  modelcollapse plan --n 1000 --generations 50 --tail-lost 0.2 --beyond 3 --stream 0.1""",
}


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    args = parser().parse_args(argv)
    args.argv = sys.argv[1:] if argv is None else argv
    if args.command is None:
        parser().print_help()
        return 0
    try:
        return args.run(args)
    except (ValueError, TypeError, KeyError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        message = error.args[0] if isinstance(error, KeyError) else error  # the text of a KeyError is quoted
        print(f"modelcollapse {args.command}: {message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"modelcollapse {args.command}: interrupted.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Build the parser."""
    layout = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        prog="modelcollapse",
        formatter_class=layout,
        epilog=EXAMPLES[None],
        description="What happens to a model that is refitted, generation after generation, on its own samples?",
    )
    top.add_argument("--version", action="version", version=f"modelcollapse {__version__}")
    choices = top.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name, run, text):
        sub = choices.add_parser(name, help=text, description=text, epilog=EXAMPLES[name], formatter_class=layout)
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "report", commands.report, "Refit models of real data on their own samples and write one page about it."
    )
    sub.add_argument("--data", metavar="FILE.csv", help="table with a header row (default: iris)")
    sub.add_argument("--columns", metavar="A,B", type=words, help="numeric columns to use (default: all that are)")
    sub.add_argument("--label", metavar="COL", help="text column with the classes (default: the first text column)")
    sub.add_argument("--corpus", metavar="FILE.txt", help="text (default: the Python language reference)")
    sub.add_argument(
        "--out", metavar="DIR", default="modelcollapse-report", help="output folder (default: %(default)s)"
    )
    sub.add_argument("--overwrite", action="store_true", help="replace an earlier report in the output folder")
    sub.add_argument("--quick", action="store_true", help="fewer generations and replicates")
    running(sub)

    sub = command("simulate", commands.simulate, "Simulate chains of refitted models.")
    truth_arguments(sub)
    regime_arguments(sub)
    sub.add_argument("--generations", type=int, default=100, metavar="T", help="fits per chain (default: %(default)s)")
    sub.add_argument("--replicates", type=int, default=1000, metavar="R", help="chains (default: %(default)s)")
    sub.add_argument(
        "--keep", type=kept, metavar="T1,T2,NAME", help="generations (5, or 0:101:10) and variables to record"
    )
    sub.add_argument(
        "--summary", action="store_true", help="record mean, sd and quantiles over chains: for any number of chains"
    )
    sub.add_argument("--out", metavar="FILE.nc", help="write the run as netCDF")
    sub.add_argument("--overwrite", action="store_true", help="replace FILE.nc if it exists")
    running(sub)

    sub = command("predict", commands.predict, "Say what theory knows, in closed form.")
    sub.add_argument("quantity", nargs="?", metavar="QUANTITY", help="what to predict; without it, list what is known")
    truth_arguments(sub)
    regime_arguments(sub)
    sub.add_argument("--generations", type=int, default=100, metavar="T", help="fits (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = command("check", commands.check, "Test theory against simulation, for a model and a regime of your own.")
    sub.add_argument("quantity", nargs="*", metavar="QUANTITY", help="what to check (default: all that is known)")
    sub.add_argument("--run", dest="stored", metavar="FILE.nc", help="check a stored run instead of simulating one")
    truth_arguments(sub)
    regime_arguments(sub)
    sub.add_argument("--generations", type=int, default=50, metavar="T", help="fits per chain (default: %(default)s)")
    sub.add_argument("--replicates", type=int, default=4000, metavar="R", help="chains (default: %(default)s)")
    sub.add_argument("--alpha", type=float, default=1e-6, help="false-alarm rate of each check (default: %(default)s)")
    running(sub)

    sub = command("claims", literature.claims, "List the claims of the literature, or show some.")
    claim_arguments(sub)
    sub.add_argument("--text", metavar="WORD", help="those in which a word occurs")
    sub.add_argument("--errata", action="store_true", help="published statements that fail, each shown by numbers")
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = command("verify", literature.verify, "Check the claims of the literature, by theory and by simulation.")
    claim_arguments(sub)
    sub.add_argument("--quick", action="store_true", help="smaller samples and fewer cases")
    sub.add_argument("--details", action="store_true", help="show every case of every check")
    running(sub)

    sub = command("cite", literature.cite, "Print BibTeX.")
    sub.add_argument("ids", nargs="+", metavar="ID", help="claims, or keys of the bibliography")

    language.add(command("lm", None, "Refit language models on their own texts; read and judge the runs of others."))

    sub = command("diagnose", commands.diagnose, "Say in which of eight senses of the word a stored run has collapsed.")
    sub.add_argument("stored", metavar="FILE.nc", help="a run that simulate has written")
    sub.add_argument("--scaling", nargs="+", metavar="FILE.nc", help="runs of other sample sizes (definition 5)")
    sub.add_argument("--seed", type=int, metavar="N", default=0, help="for what is sampled (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON")

    sub = command(
        "plan", commands.plan, "Say what would keep a loss within a tolerance: real data, growth, a detector."
    )
    sub.add_argument("--n", type=int, default=1000, metavar="N", help="points per generation (default: %(default)s)")
    sub.add_argument("--generations", type=int, default=100, metavar="T", help="horizon (default: %(default)s)")
    what = sub.add_mutually_exclusive_group(required=True)
    what.add_argument("--variance-lost", type=float, metavar="SHARE", help="of the variance that may be lost")
    what.add_argument("--tail-lost", type=float, metavar="SHARE", help="of the tail's mass that may be lost")
    what.add_argument("--minority", type=float, metavar="Q", help="frequency of a category that is to survive")
    sub.add_argument("--beyond", type=float, metavar="K", help="sd where the tail begins (default: 2)")
    sub.add_argument("--survives", type=float, metavar="P", help="probability of the minority (default: 0.95)")
    sub.add_argument(
        "--stream", type=float, metavar="SHARE", help="real share of a stream to be cleaned (default: 0.01)"
    )
    sub.add_argument("--false-positive", type=float, metavar="P", help="of the detector (default: 0.05)")
    sub.add_argument("--json", action="store_true", help="print JSON")
    return top
