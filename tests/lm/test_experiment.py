"""The loop: every regime as it is planned, every curation that a text can undergo, and no way to kill a run."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcollapse import curation as cure
from modelcollapse import lm
from modelcollapse.lm import Corpus, Decoding, NGram, records
from modelcollapse.lm.corpus import words
from modelcollapse.lm.experiment import Setup, blocks, described, published
from modelcollapse.lm.loop import Loop, perplexity
from modelcollapse.lm.store import Store
from modelcollapse.regimes import Accumulate, FixedReal, FreshReal, Mix, Replace, Subsample, Window
from modelcollapse.testing import assert_kills
from modelcollapse.verify import pvalue_bounded

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=25)
TEXT = "The cat saw the dog, and the dog saw a bird; the bird sang. " * 12
BLOCK = 9
M = 12 * 14 // BLOCK
N = 8


class Killed(BaseException):
    """What a test kills a run with."""


class Unigram:
    """Words from the frequencies that were seen: exact, quick, and killed at its `fuse`-th call."""

    calls, fuse = 0, None

    def __init__(self, counts=None, fits=0):
        self.counts, self.fits = dict(counts or {}), fits

    def __repr__(self):
        return f"Unigram({len(self.counts)} words)"

    @classmethod
    def burn(cls):
        Unigram.calls += 1
        if Unigram.calls == Unigram.fuse:
            raise Killed

    def fit(self, texts, *, validation=None, rng):
        self.burn()
        assert rng.random() >= 0
        return type(self)(Counter(word for text in texts for word in words(text)), self.fits + 1)

    def sample(self, prompts, length, rng, *, decoding):
        self.burn()
        vocabulary = sorted(self.counts)
        p = np.array([self.counts[word] for word in vocabulary], float)
        drawn = rng.choice(len(vocabulary), (len(prompts), length), p=p / p.sum())
        return [" ".join([vocabulary[i] for i in row]) for row in drawn]

    def nll(self, texts):
        self.burn()
        total = sum(self.counts.values())
        cut = [list(words(text)) for text in texts]
        p = [[self.counts.get(word, 0) / total for word in text] for text in cut]
        with np.errstate(divide="ignore"):
            return np.array([-np.log(row).sum() for row in p]), np.array([len(text) for text in cut])


class Noisy(Unigram):
    """One whose fits are random, too."""

    def fit(self, texts, *, validation=None, rng):
        model = super().fit(texts, rng=rng)
        for word in sorted(model.counts):
            model.counts[word] += int(rng.integers(3))
        return model


class Saved(Noisy):
    """One that can be kept, and tells what happened."""

    history = ({"epoch": 1, "training_nll": 2.5},)

    def machine(self):
        return {"device": "cpu"}

    def save(self, folder):
        self.burn()
        folder.mkdir()
        (folder / "counts.json").write_text(json.dumps([self.counts, self.fits]))
        self.burn()

    @classmethod
    def load(cls, folder, *, device):
        cls.burn()
        return cls(*json.loads((folder / "counts.json").read_text()))


@pytest.fixture(autouse=True)
def _no_fuse():
    Unigram.calls, Unigram.fuse = 0, None


def experiment(regime=Replace(N), generations=3, *, model=None, text=TEXT, **options):  # noqa: B008
    options = {"block": BLOCK, "test": TEXT[:200], "rng": 7} | options
    return lm.experiment(Unigram() if model is None else model, text, regime, generations, **options)


def chain(regime, generations=3, seed=7, model=None, text=TEXT, **options):
    """Run without a store and without measuring; return the generations."""
    setup = {"prompts": "original", "decoding": Decoding(), "block": BLOCK, "length": None, "select": None}
    setup |= {"fresh": True, "validation": None, "test": None} | options
    store, seed = Store(), seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    Loop(Setup(model or Unigram(), text, regime, generations, **setup), store, seed).run(False)
    return store.generations


def files(folder):
    """Everything that a run leaves for good."""
    found = {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}
    assert not [name for name in found if name.endswith(records.PARTIAL)]
    return found


ADDITIVE = [
    Replace(N),
    Replace((N, 5, 3)),
    Accumulate(4, n_real=N),
    Subsample(6, n_real=N),
    FixedReal(6, 2, n_first=N),
    FreshReal(N, 3),
    Mix(N, 0.4),
    Window(4, 2, n_real=N),
]

# ------------------------------------------------------------------------------------------ blocks


def test_a_text_is_cut_into_blocks_of_words_and_the_remainder_is_dropped():
    cut = blocks(TEXT, BLOCK)
    assert len(cut) == M
    assert {len(list(words(block))) for block in cut} == {BLOCK}
    assert TEXT.startswith(cut[0] + " ")
    assert blocks([TEXT[:120], TEXT[120:]], BLOCK)[0] == cut[0]
    assert blocks(["a b", "c d e"], 2) == ["a b", "c d"]
    assert blocks(["a b", "c d e"], None) == ["a b", "c d e"]
    corpus = Corpus.from_text(TEXT)
    assert [list(words(a)) for a in blocks(corpus, BLOCK)] == [list(words(a)) for a in cut]

    class Letters:
        def blocks(self, text, size):
            return [text[i : i + size] for i in range(0, len(text) - size + 1, size)]

    assert blocks("abcdefgh", 3, model=Letters()) == ["abc", "def"]


@SETTINGS
@given(text=st.text("ab ,.\n", max_size=60), size=st.integers(1, 5))
def test_blocks_are_the_words_of_the_text_in_order(text, size):
    full = list(words(text))
    if len(full) < size:
        with pytest.raises(ValueError, match=r"text must hold at least one block"):
            blocks(text, size)
    else:
        cut = blocks(text, size)
        assert [word for block in cut for word in words(block)] == full[: len(full) // size * size]


# ------------------------------------------------------------------------------------------ regimes


@pytest.mark.parametrize("regime", ADDITIVE, ids=str)
@pytest.mark.parametrize("prompts", ["original", "previous", None])
def test_every_regime_is_fitted_to_what_its_plan_says(regime, prompts):
    T = 3
    run = chain(regime, T, prompts=prompts)
    plan = regime.plan(T)
    assert [g.number for g in run] == list(range(T + 1))
    assert run[0].texts == tuple(blocks(TEXT, BLOCK))
    assert set(run[0].source) == {"real"}
    for t in range(1, T + 1):
        training = run[t].facts["training"]
        assert len(training) == plan.size[t - 1]
        assert len(np.unique(training, axis=0)) == len(training)
        assert (training[:, 0] < t).all()
        texts = [run[g].texts[i] for g, i in training]
        assert all(texts)
        real = [run[g].source[i] != "synthetic" for g, i in training]
        if t == 1:
            assert all(real)
        elif not plan.drawn.any() and not plan.mix.any():
            first = plan.real[0] if plan.oldest[t - 1] == 1 else plan.pinned
            assert sum(real) == first + plan.real[max(1, plan.oldest[t - 1] - 1) : t].sum()
        written = run[t].source == "synthetic"
        assert set(run[t].source) <= {"synthetic", "kept"}
        assert {len(text.split()) for text in np.array(run[t].texts)[written]} <= {BLOCK}
        assert set(np.array(run[t].texts)[~written]) <= set(run[0].texts)
        if prompts is None:
            assert (run[t].prompt_id == -1).all()
        else:
            assert (run[t].prompt_id[written] >= 0).all()
            assert (run[t].prompt_id[~written] == -1).all()


def test_replace_is_fitted_to_the_batch_before_and_prompted_by_every_block_once():
    run = chain(Replace(M))
    for t in (1, 2, 3):
        assert run[t].facts["training"].tolist() == [[t - 1, i] for i in range(M)]
        assert run[t].prompt_id.tolist() == list(range(M))


def test_the_last_model_writes_as_many_texts_as_the_one_before_it():
    assert [len(g) for g in chain(Replace((N, 5, 3)))[1:]] == [5, 3, 3]
    assert [len(g) for g in chain(Replace(lambda t: 2 * t))[1:]] == [4, 6, 8]


def test_prompts_are_what_they_are_said_to_be():
    seen = []

    class Watching(Unigram):
        def sample(self, prompts, length, rng, *, decoding):
            seen.append(prompts)
            return super().sample(prompts, length, rng, decoding=decoding)

    run = chain(Replace(N), model=Watching())
    first = [run[0].texts[i] for _, i in run[1].facts["training"]]
    assert seen == [first] * 3
    seen.clear()
    run = chain(Replace(N), model=Watching(), prompts="previous")
    assert seen == [first, list(run[1].texts), list(run[2].texts)]
    seen.clear()
    chain(Replace(N), model=Watching(), prompts=None)
    assert seen == [[""] * N] * 3
    seen.clear()
    (_, *rest) = chain(Replace((4, 11, 2)), model=Watching())
    for texts, batch in zip(seen, rest, strict=True):
        times = Counter(batch.prompt_id.tolist()).values()
        assert max(times) - (min(times) if len(texts) >= 4 else 0) <= 1
        assert texts == [run[0].texts[i] for i in batch.prompt_id]


def test_scores_are_those_of_the_first_model_and_of_the_one_that_wrote():
    run = chain(Replace(N), test=TEXT[:200])
    first, second = (
        Unigram().fit([run[g].texts[i] for g, i in run[t].facts["training"]], rng=np.random.default_rng(1))
        for t in (1, 2)
    )
    np.testing.assert_array_equal(run[1].nll_nats["first"], run[1].nll_nats["self"])
    for scorer, model in (("first", first), ("self", second)):
        nats, tokens = model.nll(run[2].texts)
        np.testing.assert_array_equal(run[2].nll_nats[scorer], nats)
        np.testing.assert_array_equal(run[2].n_tokens, tokens)
    nats, tokens = second.nll(blocks(TEXT[:200], BLOCK))
    assert run[2].facts["perplexity_real"] == pytest.approx(np.exp(nats.sum() / tokens.sum()), rel=1e-14)
    used = run[1].facts["training"][:, 1]
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(run[0].nll_nats["first"])), used)
    nats, tokens = first.nll(blocks(TEXT[:200], BLOCK))
    np.testing.assert_array_equal(run[0].facts["held_out_nll_nats"], nats)
    np.testing.assert_array_equal(run[0].facts["held_out_n_tokens"], tokens)
    assert run[1].facts["perplexity_real"] == pytest.approx(np.exp(nats.sum() / tokens.sum()), rel=1e-14)
    assert np.isinf(perplexity(np.array([np.inf]), np.array([2])))
    assert np.isnan(perplexity(np.array([]), np.array([], int)))


def test_models_start_afresh_or_go_on():
    fits = []

    class Counting(Unigram):
        def fit(self, texts, *, validation=None, rng):
            fits.append((self.fits, validation))
            return super().fit(texts, rng=rng)

    valid = blocks(TEXT[:200], BLOCK)
    chain(Replace(N), model=Counting(), validation=TEXT[:200], select="validation")
    chain(Replace(N), model=Counting(), validation=TEXT[:200])
    chain(Replace(N), model=Counting(), fresh=False)
    assert fits == [(0, valid)] * 3 + [(0, None)] * 3 + [(0, None), (1, None), (2, None)]


def test_the_published_settings():
    assert published("5 epochs", 100) == (Replace(100), 5)
    assert published("10 % kept", 100) == (FreshReal(100, 10), 10)
    assert published("10 % kept", 100, kept="current") == (Replace(100, curation=cure.Edit(0.9)), 10)
    with pytest.raises(ValueError, match=r"setting must be one of '5 epochs', '10 % kept', got '7 epochs'\."):
        published("7 epochs", 100)
    run = chain(published("10 % kept", 10).regime)
    assert [int((g.source == "kept").sum()) for g in run[1:]] == [1, 1, 1]
    run = chain(published("10 % kept", 10, kept="current").regime)
    assert [len(set(g.texts) & set(before.texts)) for before, g in pairwise(run[1:])] == [1, 1]


def test_keep_is_short_for_a_regime():
    for keep_from, regime in (("original", FreshReal(10, 2)), ("current", Replace(10, curation=cure.Edit(0.8)))):
        one = experiment(Replace(10), keep=0.2, keep_from=keep_from)
        xr.testing.assert_identical(one, experiment(regime))


# ------------------------------------------------------------------------------------------ curations


def test_decoding_curations_become_the_decoding():
    seen = []

    class Watching(Unigram):
        def sample(self, prompts, length, rng, *, decoding):
            seen.append(decoding)
            return super().sample(prompts, length, rng, decoding=decoding)

    steps = [cure.Temperature(0.5), cure.TopK(9), cure.TopP(0.9)]
    chain(Replace(N, curation=steps), 1, model=Watching(), decoding=Decoding(repetition_penalty=2.0))
    chain(Replace(N, curation=steps[1]), 1, model=Watching())
    assert seen == [Decoding(0.5, 9, 0.9, repetition_penalty=2.0), Decoding(top_k=9)]


def test_selections_choose_among_the_texts():
    def dogs(X):
        return [text.count("dog") for text in X]

    plain = chain(Replace(N), 1)[1]
    top = chain(Replace(N, curation=cure.SelectTop(0.5, by=dogs)), 1)[1]
    assert set(top.texts) <= set(plain.texts)
    assert min(dogs(top.texts)) >= sorted(dogs(plain.texts))[N // 2]
    assert top.facts["dropped"] == {"written": N // 2, "real": 0}
    assert [plain.texts[list(plain.prompt_id).index(i)] for i in top.prompt_id] == list(top.texts)

    likely = chain(Replace(N, curation=cure.SelectTop(0.5, by="likelihood")), 1)[1]
    assert sorted(likely.nll_nats["self"]) == sorted(plain.nll_nats["self"])[: N // 2]

    inside = chain(Replace(N, curation=cure.Truncate(low=1, by=dogs)), 1)[1]
    assert sorted(inside.texts) == sorted(text for text in plain.texts if "dog" in text)

    checked = chain(Replace(N, curation=cure.Verifier(lambda X: np.array(dogs(X)) > 0)), 1)[1]
    assert sorted(checked.texts) == sorted(inside.texts)

    preferred = chain(Replace(N, curation=cure.Prefer(dogs, candidates=4, temperature=0.01)), 1)[1]
    assert len(preferred) == N
    assert min(dogs(preferred.texts)) >= 1


def test_edits_keep_a_part_of_the_batch_before():
    run = chain(Replace(M, curation=cure.Edit(0.5)), 3)
    stay = M - round(0.5 * M)
    assert [int((g.source == "kept").sum()) for g in run[1:2]] == [stay]
    for before, after in pairwise(run):
        assert sum((Counter(before.texts) & Counter(after.texts)).values()) >= stay
        assert [text in run[0].texts for text in after.texts] == (after.source == "kept").tolist()
    assert (run[2].source == "kept").any()


def test_detectors_drop_texts_and_take_real_ones_for_synthetic():
    everything = FreshReal(M, 5, curation=cure.Detector(tpr=1.0, fpr=0.0))
    run = chain(everything, 2)
    assert [set(g.source) for g in run[1:]] == [{"kept"}, {"kept"}]
    assert run[1].facts["dropped"] == {"written": M - 5, "real": 0}
    run = chain(FreshReal(M, 5, curation=cure.Detector(tpr=0.0, fpr=1.0)), 2)
    assert [set(g.source) for g in run[1:]] == [{"synthetic"}, {"synthetic"}]
    assert run[1].facts["dropped"] == {"written": 0, "real": 5}


def test_a_curation_that_leaves_nothing_ends_the_run():
    with pytest.raises(ValueError, match=r"must leave a text to fit to after generation 1 .* got none of 8\."):
        chain(Replace(N, curation=cure.Verifier(lambda X: np.zeros(len(X), bool))))


# ------------------------------------------------------------------------------------------ statistical


@pytest.mark.compiled
def test_refitted_unigrams_drift_as_wright_fisher_says():
    """E H of the text that model t writes is (1 - 1/n)^t H_0 where n words are drawn from n words."""
    text, T = "a a a b b c c d e f " * 2, 3
    counts = np.array([6, 4, 4, 2, 2, 2]) / 20
    expected = (1 - (counts**2).sum()) * (1 - 1 / 20) ** np.arange(1, T + 1)

    def heterozygosity(regime, model=None):
        def draw(size, rng):
            out = np.empty((size, T))
            for r, child in enumerate(np.random.SeedSequence(int(rng.integers(2**63))).spawn(size)):
                for g in chain(regime, T, child, model, text, block=5)[1:]:
                    p = np.array(list(Counter(" ".join(g.texts).split()).values())) / 20
                    out[r, g.number - 1] = 1 - (p**2).sum()
            return out

        return draw

    class Deaf(Unigram):
        """Draws the same noise whatever its stream."""

        def sample(self, prompts, length, rng, *, decoding):
            return super().sample(prompts, length, np.random.default_rng(1), decoding=decoding)

    def pvalues(want):
        return lambda seen: [pvalue_bounded(seen[:, t], want[t], 0, 1) for t in range(T)]

    assert_kills(
        heterozygosity(Replace(4)),
        pvalues(expected),
        size=200,
        formula="(1 - 1/n)^t H_0",
        source="WF-H",
        mutants={"the same noise": heterozygosity(Replace(4), Deaf())},
        wrong={"a generation late": pvalues(expected * 20 / 19), "early": pvalues(expected * 19 / 20)},
    )


# ------------------------------------------------------------------------------------------ stored, killed, resumed

KILLED = [
    (Replace(N), True),
    (Subsample(5, n_real=N), True),
    (Mix(N, 0.4, curation=[cure.Prefer(lambda X: [len(x) for x in X]), cure.Edit(0.7)]), True),
    (FixedReal(5, 2, n_first=N), False),
]


@pytest.mark.parametrize("model", [Noisy, Saved])
@pytest.mark.parametrize(("regime", "fresh"), KILLED, ids=lambda value: str(value)[:20])
def test_a_run_killed_at_any_call_is_resumed_to_the_byte(tmp_path, monkeypatch, model, regime, fresh):
    if not fresh and model is Noisy:
        return
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    loop(regime, 2, tmp_path / "whole", model(), fresh)
    calls, expected = Unigram.calls, files(tmp_path / "whole")
    assert calls >= 10
    for fuse in range(1, calls + 1):
        store = tmp_path / str(fuse)
        Unigram.calls, Unigram.fuse = 0, fuse
        with pytest.raises(Killed):
            loop(regime, 2, store, model(), fresh)
        assert len(records.read(store)) <= 3  # what is there is whole
        Unigram.calls, Unigram.fuse = 0, None
        loop(regime, 2, store, model(), fresh)
        assert files(store) == expected
        if model is Saved:  # models are loaded, and no step is done twice but the one that was killed
            assert Unigram.calls <= calls - fuse + 5
    Unigram.calls = 0
    loop(regime, 2, tmp_path / "1", model(), fresh)
    assert Unigram.calls == 0


def loop(regime, T, store, model, fresh):
    """Resume without measuring, with the seed that is in the store."""
    store = Store(store)
    seed = np.random.SeedSequence(7)
    setup = Setup(
        model,
        TEXT,
        regime,
        T,
        prompts="original",
        decoding=Decoding(),
        block=BLOCK,
        length=None,
        validation=None,
        test=TEXT[:200],
        select="validation",
        fresh=fresh,
    )
    store.open(lambda T: setup.configuration(T, seed), T)
    Loop(setup, store, seed).run(False)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_run_killed_at_any_write_is_resumed_to_the_byte(tmp_path, monkeypatch, step):
    done = {"fsync": lambda handle: None, "replace": os.replace}
    writes, fuse = 0, None

    def write(*arguments):
        nonlocal writes
        writes += 1
        if writes == fuse:
            raise Killed
        return done[step](*arguments)

    monkeypatch.setattr(os, "fsync", done["fsync"])
    monkeypatch.setattr(os, step, write)
    loop(Replace(N), 2, tmp_path / "whole", Saved(), True)
    expected = files(tmp_path / "whole")
    for fuse in range(1, writes + 1):
        store, writes = tmp_path / str(fuse), 0
        with pytest.raises(Killed):
            loop(Replace(N), 2, store, Saved(), True)
        loop(Replace(N), 2, store, Saved(), True)
        assert files(store) == expected


def test_a_killed_process_is_resumed_to_the_byte(tmp_path):
    script = """
        import importlib.util, os, signal, sys
        spec = importlib.util.spec_from_file_location("killed", sys.argv[1])
        tests = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tests)

        class Suicidal(tests.Saved):
            def nll(self, texts):
                if tests.Unigram.calls > 8:
                    (folder / "generation_007.jsonl.partial").write_text("half a li")
                    (folder / "work" / "model_007.partial").mkdir()
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().nll(texts)

        from pathlib import Path
        folder = Path(sys.argv[2])
        tests.loop(tests.Replace(tests.N), 3, folder, Suicidal(), True)
    """
    store = tmp_path / "killed"
    arguments = [sys.executable, "-c", textwrap.dedent(script), __file__, str(store)]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert len(list(store.rglob("*.partial"))) == 2
    assert 0 < len(records.read(store)) < 4
    loop(Replace(N), 3, store, Saved(), True)
    experiment(store=tmp_path / "whole", model=Saved())
    assert files(store) == files(tmp_path / "whole")
    assert not list(store.rglob("*.partial"))


def test_a_run_is_prolonged(tmp_path):
    for regime in (Replace(N), Accumulate(lambda t: 2 + t, n_real=N)):
        name = type(regime).__name__
        experiment(regime, 5, store=tmp_path / f"{name} at once")
        experiment(regime, 2, store=tmp_path / name)
        experiment(regime, 5, store=tmp_path / name)
        once, twice = files(tmp_path / f"{name} at once"), files(tmp_path / name)
        manifests = [json.loads(found.pop(records.MANIFEST)) for found in (once, twice)]
        assert once == twice
        assert manifests[0].pop("run") == manifests[1].pop("run") or not isinstance(regime, Replace)
        assert manifests[0] == manifests[1]
        short = experiment(regime, 3, store=tmp_path / name)
        assert short.sizes["generation"] == 4
        assert len(records.read(tmp_path / name)) == 6


def test_the_seed_is_taken_from_the_store(tmp_path):
    one = experiment(store=tmp_path, rng=None)
    two = experiment(store=tmp_path, rng=None)
    xr.testing.assert_identical(one, two)
    assert one.attrs["entropy"] == records.read_manifest(tmp_path)["config"]["entropy"]


def test_a_store_with_other_settings_is_refused(tmp_path):
    experiment(store=tmp_path)
    before = files(tmp_path)
    for options, said in (
        ({"decoding": Decoding(0.5)}, r"where decoding is \{'temperature': 1\.0.* and not \{'temperature': 0\.5"),
        ({"rng": 8}, r"where entropy is '7' and not '8'\."),
        ({"regime": Replace(N + 1)}, r"where regime is \{'regime': 'Replace', 'n': 8"),
        ({"text": TEXT.replace("cat", "cow")}, r"where corpus is \{'texts': 18, .* and not \{"),
        ({"model": Unigram({"a": 1})}, r"where model is 'Unigram\(0 words\)' and not 'Unigram\(1 words\)'\."),
        ({"prompts": None, "length": 3}, r"where length is 9 and not 3; prompts is 'original' and not None\."),
    ):
        with pytest.raises(ValueError, match=r"store must hold a run with the same settings .*" + said):
            experiment(**options, store=tmp_path)
    with pytest.raises(ValueError, match=r"store must be an empty folder with resume=False"):
        experiment(store=tmp_path, resume=False)
    assert files(tmp_path) == before
    (tmp_path / records.MANIFEST).unlink()
    with pytest.raises(ValueError, match=r"the run that generation_000\.jsonl is of cannot be told"):
        experiment(store=tmp_path)


def test_other_versions_are_warned_of(tmp_path):
    experiment(store=tmp_path)
    path = tmp_path / records.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["config"]["versions"]["numpy"] = "0.1"
    path.write_text(json.dumps(manifest))
    with pytest.warns(UserWarning, match=r"was begun with .*'numpy': '0\.1'.* may not be those"):
        experiment(store=tmp_path)


def test_only_the_models_that_are_needed_are_kept(tmp_path):
    experiment(Replace(N), 4, store=tmp_path / "fresh", model=Saved())
    experiment(Replace(N), 4, store=tmp_path / "on", model=Saved(), fresh=False)
    names = [sorted(p.name for p in (tmp_path / name / "work").iterdir()) for name in ("fresh", "on")]
    assert names == [["model_001", "model_004"], ["model_001", "model_003", "model_004"]]
    with pytest.raises(ValueError, match=r"store must be None where a model is continued that has no save and load"):
        experiment(store=tmp_path / "other", fresh=False)
    import shutil

    shutil.rmtree(tmp_path / "on" / "work")
    with pytest.raises(ValueError, match=r"store must hold the model of generation 4, .* got none"):
        experiment(Replace(N), 5, store=tmp_path / "on", model=Saved(), fresh=False)


# ------------------------------------------------------------------------------------------ no room


@pytest.mark.parametrize(
    ("error", "kind", "what"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError, "disk space"),
        (MemoryError("72 GiB"), MemoryError, "memory"),
        (RuntimeError("CUDA out of memory. Tried"), MemoryError, "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError, "memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), OSError, "memory"),
    ],
)
def test_without_room_the_last_good_generation_is_named_and_left(tmp_path, error, kind, what):
    class Full(Unigram):
        def fit(self, texts, *, validation=None, rng):
            if Unigram.calls > limit:
                raise error
            return super().fit(texts, validation=validation, rng=rng)

        def __repr__(self):
            return "Unigram(0 words)"

    limit = 8
    said = rf"generation 3 of 3 was given up for want of {what} \(.*generation 2 is the last good one in .*same arg"
    with pytest.raises(kind, match=said) as raised:
        experiment(store=tmp_path, model=Full())
    assert raised.value.__cause__ is error
    assert len(records.read(tmp_path)) == 3
    experiment(store=tmp_path)
    assert len(records.read(tmp_path)) == 4
    limit, Unigram.calls = -1, 0
    with pytest.raises(kind, match=r"generation 1 of 3 .*: nothing is kept without store=\."):
        experiment(model=Full())
    with pytest.raises(kind, match=r"generation 1 of 3 .*no generation is in .* yet; make room"):
        experiment(store=tmp_path / "new", model=Full())


def test_a_disk_that_fills_while_a_generation_is_written(tmp_path, monkeypatch):
    sync, syncs = os.fsync, 0

    def full(handle):
        nonlocal syncs
        syncs += 1
        if syncs == 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"for want of disk space .* generation \d is the last good one"):
        experiment(store=tmp_path / "full")
    monkeypatch.undo()
    assert not list((tmp_path / "full").rglob("*.partial"))
    experiment(store=tmp_path / "full")
    experiment(store=tmp_path / "whole")
    assert files(tmp_path / "full") == files(tmp_path / "whole")


def test_other_errors_are_left_as_they_are():
    class Broken(Unigram):
        def fit(self, texts, *, validation=None, rng):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match=r"^a bug$"):
        experiment(model=Broken())


# ------------------------------------------------------------------------------------------ the door


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"regime": Replace(M + 1)}, ValueError, rf"at most {M} real blocks in a generation .* got {M + 1}\."),
        ({"regime": FreshReal((4, 50, 50), 0)}, None, ""),
        ({"regime": Mix((4, 50, 50), 0.1)}, ValueError, rf"at most {M} real blocks in a generation .* got 50\."),
        ({"regime": 8}, TypeError, r"regime must be a regime such as Replace\(n=256\), got 8\."),
        ({"regime": FreshReal(8, 2, real_weight=0.5)}, ValueError, r"real_weight must be None .* got 0\.5\."),
        ({"generations": 0}, ValueError, r"generations must be an integer >= 1, got 0\."),
        ({"text": 3}, TypeError, r"corpus must be a Corpus, a string or a sequence of strings, got 3\."),
        ({"text": "a b"}, ValueError, r"corpus must hold at least one block of 9 words, got 3 characters\."),
        ({"test": "a b"}, ValueError, r"test must hold at least one block of 9 words, got 3 characters\."),
        ({"block": None}, ValueError, r"length must be given with block=None .* got None\."),
        ({"block": None, "length": 3}, TypeError, r"corpus must be a sequence of texts with block=None, got str\."),
        ({"block": None, "length": 3, "text": []}, ValueError, r"corpus must hold at least one text, got none\."),
        ({"prompts": "none"}, ValueError, r"prompts must be one of 'original', 'previous', got 'none'\."),
        ({"select": "test"}, ValueError, r"select must be one of 'validation', got 'test'\."),
        ({"decoding": "beams"}, TypeError, r"decoding must be a Decoding, .* got 'beams'\."),
        ({"model": Unigram}, TypeError, r"model must be a language model, such as NGram\(order=3\), got <class"),
        ({"keep": 1.0}, ValueError, r"keep must be a finite number >= 0 and < 1 .* got 1\."),
        ({"keep": 0.01}, ValueError, r"keep must be 0 or enough for one text of 8, got 0\.01\."),
        ({"keep": 0.1, "regime": Accumulate(4)}, ValueError, r"keep must be 0 unless .* got 0\.1 with Accumulate"),
        ({"keep_from": "here"}, ValueError, r"keep_from must be one of 'original', 'current', got 'here'\."),
        ({"rng": "x"}, TypeError, r"rng must be None, an int"),
    ],
)
def test_the_door_is_kept(options, error, said):
    options = {"test": None} | options
    if error is None:
        experiment(**options)
        return
    with pytest.raises(error, match=said):
        experiment(**options)


@pytest.mark.parametrize(
    ("curation", "said"),
    [
        (cure.SamplingBias(0.9), r"curation must be one that a text can undergo .* got SamplingBias\(bias=0\.9\)\."),
        (cure.SelectTop(0.5), r"by must be a function of an array of texts .* got None in SelectTop"),
        (cure.Prefer(), r"reward must be a function of an array of texts .* got None in Prefer"),
        (cure.Truncate(low=0.0), r"by must be a function of an array of texts .* got None in Truncate"),
        (cure.Detector(0.5, 0.1, action="weight"), r"curation must not weigh texts .* got Detector"),
        ([cure.TopP(0.9), cure.Temperature(0.5)], r"in the order Temperature, TopK, TopP, each once .* got TopP"),
        ([cure.TopK(3), cure.TopK(2)], r"each once .* got TopK\(k=3\) then TopK\(k=2\)\."),
        (cure.Prefer(len, candidates=9), r"candidates must be <= 8"),
    ],
)
def test_curations_that_no_text_can_undergo_are_refused(curation, said):
    with pytest.raises(ValueError, match=said):
        experiment(Replace(N, curation=curation))


def test_a_decoding_is_said_once():
    with pytest.raises(ValueError, match=r"top_k must be said once, .* got Decoding\(.*top_k=3.* and TopK\(k=2\)\."):
        experiment(Replace(N, curation=cure.TopK(2)), decoding=Decoding(top_k=3))


def test_models_must_keep_their_protocol():
    def wrong(**verbs):
        return type("Wrong", (Unigram,), verbs)()

    for model, error, said in (
        (
            wrong(fit=lambda self, texts, **_: None),
            TypeError,
            r"model\.fit must return the fitted model, .* got None\.",
        ),
        (wrong(sample=lambda self, *_, **__: ["a"]), ValueError, r"model\.sample must return one text a prompt, 8 of"),
        (wrong(sample=lambda self, p, *_, **__: [3] * len(p)), ValueError, r"model\.sample must return one text a"),
        (wrong(nll=lambda self, texts: ([0.5], [1])), ValueError, r"model\.nll must return nats and whole numbers"),
        (
            wrong(nll=lambda self, texts: (np.full(len(texts), np.nan), np.ones(len(texts), int))),
            ValueError,
            r"model\.nll must return numbers \(infinity for the impossible\), got nan for '",
        ),
    ):
        with pytest.raises(error, match=said):
            experiment(model=model)


def test_progress_goes_to_standard_error(capsys):
    experiment(progress=True)
    assert "generation 3 of 3: score: 100%" in capsys.readouterr().err


def test_models_are_told_apart():
    assert described(NGram(2)) != described(NGram(3))
    assert described(NGram(2, vocabulary=("a", "b"))) != described(NGram(2, vocabulary=("a", "c")))

    class Bare:
        pass

    class Telling:
        def describe(self):
            return {"layers": 2}

    assert described(Bare()).endswith("Bare")
    assert described(Telling()) == "{'layers': 2}"


def test_a_result_says_how_it_was_made(tmp_path):
    run = experiment(FreshReal(N, 2), store=tmp_path)
    assert run.attrs["regime_text"] == str(FreshReal(N, 2))
    assert json.loads(run.attrs["decoding"])["temperature"] == 1.0
    assert run.attrs["training"] == "recorded"
    assert "history" not in records.read(tmp_path)[1].facts
    assert chain(Replace(N), model=Saved())[1].facts["history"] == list(Saved.history)
    run.to_netcdf(tmp_path / "run.nc")


# ------------------------------------------------------------------------------------------ n-grams


@pytest.mark.compiled
@pytest.mark.parametrize("model", [NGram(1), NGram(3), NGram(3, "kneser-ney")], ids=str)
def test_n_grams_on_a_real_text(tmp_path, model):
    path = Path(os.environ.get("MODELCOLLAPSE_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = path / "wikitext-2" / "valid.txt"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    text = path.read_text(encoding="utf-8")[:200_000]
    options = {"test": text[-20_000:], "rng": 1, "store": tmp_path, "decoding": Decoding()}
    run = lm.experiment(model, text, Replace(256), 3, **options)
    assert (run["n_words"].values[1:] == 256 * 64).all()
    assert (run["new_words"] == 0).all()
    assert (np.diff(run["support"].values[1:]) < 0).all()
    xr.testing.assert_identical(run, lm.experiment(model, text, Replace(256), 3, **options))
    for generation in records.read(tmp_path)[1:]:
        assert np.isfinite(generation.nll_nats["self"]).all() or model.order > 1
