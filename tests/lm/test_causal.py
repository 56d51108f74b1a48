"""Transformers behind the protocol: one law for fitting, scoring and writing; and nothing read that could run."""

import copy
import importlib.util
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelcollapse.lm import Decoding, LanguageModel, checkpoints
from modelcollapse.lm.causal import CausalLM
from modelcollapse.lm.steps import LAST_RATE, choose, cut, learning_rates, padded_left

MISSING = [name for name in ("torch", "transformers", "tokenizers") if importlib.util.find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(MISSING), reason=f"the extra lm is missing: {', '.join(MISSING)}")

TEXT = " ".join(" ".join(topics[name].split()) for name in sorted(topics))[:60_000]


# ------------------------------------------------------------------------------------ without the extra


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_without_the_extra_the_message_says_how_to_get_it(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    message = re.escape("CausalLM needs torch and transformers: pip install 'modelcollapse[lm]'")
    with pytest.raises(ImportError, match=message):
        CausalLM.tiny("some text")
    with pytest.raises(ImportError, match=message):
        CausalLM.from_pretrained("gpt2")


def test_importing_language_models_imports_no_deep_learning():
    script = (
        "import sys; from modelcollapse.lm import causal; "
        "print([name for name in ('torch', 'transformers', 'tokenizers') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@given(st.integers(0, 200), st.integers(1, 20), st.integers(0, 10))
def test_rows_are_the_text_and_no_row_is_short_for_want_of_slack(tokens, block, slack):
    slack = min(slack, block - 1)
    rows = cut(range(tokens), block, slack)
    assert [token for row in rows for token in row] == list(range(tokens))
    assert all(len(row) == block for row in rows[:-1])
    assert not rows or 1 <= len(rows[-1]) <= block + slack
    assert len(rows) < 2 or len(rows[-1]) > slack


def test_learning_rates_rise_fall_and_end():
    rates = learning_rates(1e-3, 100, 0.1)
    assert len(rates) == 100
    assert rates[:10] == pytest.approx(1e-4 * np.arange(1, 11))
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[54] == pytest.approx((1e-3 + LAST_RATE) / 2)
    assert rates[-1] == LAST_RATE
    assert learning_rates(1e-3, 3, 0.0)[-1] == LAST_RATE
    assert learning_rates(1e-3, 1, 1.0).tolist() == [1e-3]
    assert learning_rates(1e-7, 4, 0.25).tolist() == [1e-7] * 4


def test_padding_stands_before_the_start():
    tokens, mask = padded_left([[], [5, 6]], 9)
    assert tokens.tolist() == [[9, 9, 9], [9, 5, 6]]
    assert mask.tolist() == [[0, 0, 1], [1, 1, 1]]


# --------------------------------------------------------------------------------------- how to choose


def chosen(law, decoding, places=4000):
    """Frequencies of the tokens over evenly spaced uniforms: the law of the choice, to 1 / places."""
    import torch

    uniforms = (torch.arange(places, dtype=torch.float64) + 0.5) / places
    logits = torch.tensor(law, dtype=torch.float64).log().float().expand(places, -1)
    return np.bincount(choose(logits, uniforms, decoding).numpy(), minlength=len(law)) / places


@needs_extra
@pytest.mark.parametrize(
    ("decoding", "expected"),
    [
        (Decoding(), [0.4, 0.0, 0.3, 0.2, 0.1]),
        (Decoding(temperature=0.5), [16 / 30, 0, 9 / 30, 4 / 30, 1 / 30]),
        (Decoding(temperature=0), [1, 0, 0, 0, 0]),
        (Decoding(top_k=1), [1, 0, 0, 0, 0]),
        (Decoding(top_k=2), [4 / 7, 0, 3 / 7, 0, 0]),
        (Decoding(top_k=99), [0.4, 0, 0.3, 0.2, 0.1]),
        (Decoding(top_p=0.01), [1, 0, 0, 0, 0]),
        (Decoding(top_p=0.6), [4 / 7, 0, 3 / 7, 0, 0]),
        (Decoding(top_p=0.75), [4 / 9, 0, 3 / 9, 2 / 9, 0]),
        (Decoding(top_p=1.0), [0.4, 0, 0.3, 0.2, 0.1]),
        (Decoding(temperature=0.5, top_k=3, top_p=0.8), [16 / 25, 0, 9 / 25, 0, 0]),
    ],
    ids=str,
)
def test_the_choice_has_the_law_that_the_decoding_names(decoding, expected):
    assert chosen([0.4, 0.0, 0.3, 0.2, 0.1], decoding) == pytest.approx(np.array(expected), abs=1 / 2000)


@needs_extra
@pytest.mark.parametrize("decoding", [Decoding(), Decoding(top_k=3), Decoding(top_p=0.9)], ids=str)
def test_the_ends_of_the_unit_interval_choose_what_is_possible(decoding):
    import torch

    logits = torch.tensor([[-math.inf, 0.1, 0.2, 0.3, -math.inf]]).expand(2, -1)
    uniforms = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert set(choose(logits, uniforms, decoding).tolist()) <= {1, 2, 3}


# ------------------------------------------------------------------------------------------- end to end


@pytest.fixture(scope="module")
def base():
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    return CausalLM.tiny(
        TEXT, vocabulary_size=400, width=32, context=40, rng=1, block=16, epochs=2, precision="float32", rows=16
    )


@pytest.fixture(scope="module")
def blocks(base):
    return base.blocks(TEXT, 16)


@pytest.fixture(scope="module")
def fitted(base, blocks):
    return base.fit(blocks[:200], rng=2)


def weights(model):
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(bool((one[name] == two[name]).all()) for name in one)


def perplexity(model, texts):
    nats, tokens = model.nll(texts)
    return math.exp(nats.sum() / tokens.sum())


def test_a_fit_learns_and_leaves_its_base_alone(base, blocks, fitted):
    assert isinstance(base, LanguageModel)
    before = weights(base)
    again = fitted.fit(blocks[:200], rng=3)
    unseen = blocks[300:340]
    assert same(before, weights(base))
    assert perplexity(base, unseen) == pytest.approx(len(base.tokenizer), rel=0.05)
    assert perplexity(fitted, unseen) < perplexity(base, unseen) / 2
    assert perplexity(again, unseen) < perplexity(fitted, unseen)
    assert [entry["epoch"] for entry in fitted.history] == [1, 2]
    assert fitted.history[1]["training_nll"] < fitted.history[0]["training_nll"]
    assert base.history == ()


def test_equal_seeds_give_equal_models_and_texts_and_torch_is_left_as_it_was(base, blocks, monkeypatch):
    import torch

    careful = replace(base, epochs=1)
    before, threads = torch.get_rng_state(), [3]
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    one, two, other = (careful.fit(blocks[:40], validation=blocks[40:50], rng=seed) for seed in (5, 5, 6))
    assert same(weights(one), weights(two))
    assert not same(weights(one), weights(other))
    prompts = ["", "The value of", *blocks[:3]]
    assert one.sample(prompts, 9, 7) == two.sample(prompts, 9, 7)
    assert one.sample(prompts, 9, 7) != one.sample(prompts, 9, 8)
    tiny = [CausalLM.tiny(TEXT, vocabulary_size=300, width=8, context=20, rng=seed) for seed in (3, 3, 4)]
    assert same(weights(tiny[0]), weights(tiny[1]))
    assert not same(weights(tiny[0]), weights(tiny[2]))
    assert tiny[0].tokenizer.get_vocab() == tiny[1].tokenizer.get_vocab()
    assert torch.equal(torch.get_rng_state(), before)
    assert set(threads) == {1, 3}
    assert threads[-1] == 3


def test_dropout_comes_from_the_generator(blocks):
    wet = CausalLM.tiny(TEXT, vocabulary_size=300, width=16, context=40, dropout=0.5, rng=1, block=16, epochs=1)
    import torch

    one = wet.fit(blocks[:16], rng=2)
    torch.rand(1)  # torch's own stream goes on, and must not matter
    assert same(weights(one), weights(wet.fit(blocks[:16], rng=2)))
    dry = replace(wet, network=type(wet.network)(wet.network.config))
    dry.network.load_state_dict(wet.network.state_dict())
    for module in dry.network.modules():
        if hasattr(module, "p"):
            module.p = 0.0
    assert not same(weights(one), weights(dry.fit(blocks[:16], rng=2)))


def test_the_likelihood_is_the_chain_rule_from_the_start_token(fitted):
    import torch

    text = "The value of an expression is"
    ids = fitted.tokenizer(text, add_special_tokens=False)["input_ids"]
    start = fitted.tokenizer.bos_token_id
    with torch.inference_mode():
        law = fitted.network(torch.tensor([[start, *ids[:-1]]])).logits[0].double().log_softmax(-1)
    expected = -law[torch.arange(len(ids)), torch.tensor(ids)].sum().item()
    nats, tokens = fitted.nll([text, "", text + " not always so, and this one is padded"])
    assert nats[0] == pytest.approx(expected, rel=1e-5)
    assert tokens[0] == len(ids)
    assert (nats[1], tokens[1]) == (0, 0)


def test_texts_do_not_change_each_other_and_long_ones_are_scored_in_parts(fitted, blocks):
    texts = [*blocks[:7], "a", TEXT[:700]]
    nats, tokens = fitted.nll(texts)
    alone = [replace(fitted, rows=1).nll([text])[0][0] for text in texts]
    assert nats == pytest.approx(np.array(alone), rel=1e-5)
    ids = fitted.tokenizer(texts[-1], add_special_tokens=False)["input_ids"]
    assert tokens[-1] == len(ids) > fitted.context
    parts = [fitted.tokenizer.decode(part) for part in cut(ids, fitted.context - 1, 0)]
    assert all(fitted._tokens("part", [part])[0] for part in parts)
    assert fitted.nll([])[0].shape == (0,)


def test_memory_is_bounded_without_another_result(base, blocks, monkeypatch):
    rows = [base._tokens("text", [text])[0][: 3 + i] for i, text in enumerate(blocks[:9])]

    def gradient():
        model = replace(base, network=copy.deepcopy(base.network))
        total = model._gradient(rows)
        return total, np.concatenate([value.grad.numpy().ravel() for value in model.network.parameters()])

    whole = gradient()
    monkeypatch.setattr("modelcollapse.lm.causal.MOST_LOGITS", 3 * 8 * len(base.tokenizer))
    assert len(list(base._affordable(rows, 9, len))) > 3
    parts = gradient()
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    assert parts[1] == pytest.approx(whole[1], abs=1e-6)


@pytest.mark.parametrize("kind", ["GPT2", "Llama"])
def test_keys_values_and_padding_do_not_matter(base, kind):
    """Against a loop without cache and padding, with weights so large that places and contexts decide."""
    import torch
    import transformers

    sizes = {"vocab_size": 400, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = getattr(transformers, f"{kind}Config")(
        **sizes, max_position_embeddings=40, initializer_range=0.5, bos_token_id=0, eos_token_id=0
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        wild = replace(base, network=transformers.AutoModelForCausalLM.from_config(config))
    prompts = ["", "If", "the value of the", TEXT[:40], TEXT[100:130]]
    expected = []
    for prompt in prompts:
        head = [0, *base._tokens("prompt", [prompt])[0]]
        ids = list(head)
        with torch.inference_mode():
            for _ in range(12):
                ids.append(1 + int(wild.network(torch.tensor([ids])).logits[0, -1, 1:].argmax()))
        expected.append(wild._continuation(head[1:], ids[len(head) :]))
    assert wild.sample(prompts, 12, decoding=Decoding(temperature=0)) == expected


def test_texts_are_continued_whatever_stands_beside_them(fitted, blocks):
    prompts = ["", "If", *blocks[:6], "the value of the"]
    together = fitted.sample(prompts, 12, 4)
    assert together == replace(fitted, rows=2).sample(prompts, 12, 4)
    greedy = Decoding(temperature=0)
    alone = [fitted.sample([prompt], 12, 0, decoding=greedy)[0] for prompt in prompts]
    assert fitted.sample(prompts, 12, 1, decoding=greedy) == alone
    assert fitted.sample([], 12, 4) == []


def test_prompts_are_read_and_only_what_follows_is_returned(fitted):
    prompt = "the value of the"
    greedy = Decoding(temperature=0)
    first = fitted.sample([prompt], 5, decoding=greedy)[0]
    longer = fitted.sample([prompt], 10, decoding=greedy)[0]
    assert longer.startswith(first)
    # of a long prompt the end is read
    most = fitted.context - 1 - 5
    ids = fitted.tokenizer(TEXT[:900], add_special_tokens=False)["input_ids"]
    end = fitted.tokenizer.decode(ids[-most:])
    assert fitted.sample([TEXT[:900]], 5, decoding=greedy) == fitted.sample([end], 5, decoding=greedy)


def test_special_tokens_are_never_written(base):
    # an untrained model would write any token: 400 tokens, 40 x 30 draws
    texts = base.sample([""] * 40, 30, 1)
    assert not any("<|endoftext|>" in text for text in texts)
    assert set(np.flatnonzero(base._banned())) == {base.tokenizer.bos_token_id}


def test_a_used_token_can_be_forbidden(fitted):
    text = fitted.sample(["the the"], 20, decoding=Decoding(temperature=0, repetition_penalty=1e9))[0]
    written = fitted.tokenizer("the the" + text, add_special_tokens=False)["input_ids"]
    assert len(set(written)) >= len(written) - 2  # the prompt's two, and a seam that is read otherwise


@pytest.mark.parametrize("penalty", [1.0, 1.5])
def test_beams_find_likelier_texts_and_nothing_is_left_to_chance(fitted, penalty):
    prompts = ["", "the value", "If the object is a class,"]
    beams = Decoding(beams=4, repetition_penalty=penalty)
    texts = fitted.sample(prompts, 8, 1, decoding=beams)
    assert texts == fitted.sample(prompts, 8, 2, decoding=beams)
    assert texts == [fitted.sample([prompt], 8, 2, decoding=beams)[0] for prompt in prompts]
    assert all(texts)
    if penalty == 1:
        greedy = fitted.sample(prompts, 8, decoding=Decoding(temperature=0))
        whole = [[prompt + text for prompt, text in zip(prompts, kind, strict=True)] for kind in (texts, greedy)]
        assert fitted.nll(whole[0])[0].sum() <= fitted.nll(whole[1])[0].sum() + 1e-3


def test_validation_chooses_the_checkpoint(base, blocks):
    eager = replace(base, epochs=8, learning_rate=2e-2, batch_size=2)
    chosen = eager.fit(blocks[:8], validation=blocks[300:320], rng=1)
    scores = [entry["validation_nll"] for entry in chosen.history]
    assert min(scores) < scores[-1]
    assert math.log(perplexity(chosen, blocks[300:320])) == pytest.approx(min(scores), rel=1e-6)
    assert math.log(perplexity(eager.fit(blocks[:8], rng=1), blocks[300:320])) > min(scores)


def test_blocks_are_the_text(base):
    text = "Größe, naïveté & 日本語 – then plain words again. " * 20
    for size in (1, 5, 16):
        pieces = base.blocks(text, size)
        assert text.startswith("".join(pieces))
        assert len(pieces) == len(base._tokens("text", [text])[0]) // size
    assert base.blocks("", 5) == []


def test_half_precision_is_near(fitted, blocks):
    half = replace(fitted, precision="bfloat16")
    one, two = fitted.nll(blocks[:50]), half.nll(blocks[:50])
    assert not np.array_equal(one[0], two[0])
    assert one[0].sum() == pytest.approx(two[0].sum(), rel=2e-3)
    trained = half.fit(blocks[:50], validation=blocks[50:60], rng=1)
    assert {str(value.dtype) for value in weights(trained).values()} == {"torch.float32"}
    assert perplexity(trained, blocks[300:340]) < perplexity(replace(fitted, history=()), blocks[300:340]) * 1.1
    assert len(half.sample(["", "the"], 5, 1)) == 2


# -------------------------------------------------------------------------------------------- from disk


def test_a_saved_model_is_the_same_model(fitted, blocks, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = CausalLM.load(tmp_path / "model", rows=16)
    assert same(weights(fitted), weights(loaded))
    assert loaded._settings() == fitted._settings()
    assert loaded.history == fitted.history
    assert loaded.describe() == fitted.describe()
    assert loaded.sample(["the"], 9, 1) == fitted.sample(["the"], 9, 1)
    assert not [file for pattern in checkpoints.PICKLED for file in (tmp_path / "model").glob(pattern)]
    bare = CausalLM.from_pretrained(tmp_path / "model", block=16, precision="float32")
    assert bare.nll(blocks[:5])[0].tolist() == fitted.nll(blocks[:5])[0].tolist()
    assert bare.describe() != fitted.describe()
    with pytest.raises(FileNotFoundError, match=r"folder must be one that CausalLM\.save wrote .* got '.*nothing'"):
        CausalLM.load(tmp_path / "nothing")


def test_pickled_weights_are_refused(fitted, tmp_path):
    import torch

    folder = tmp_path / "pickled"
    fitted.save(folder)
    (folder / "model.safetensors").unlink()
    torch.save(fitted.network.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"weights must be safetensors .* got pytorch_model\.bin in"):
        CausalLM.from_pretrained(folder)


def test_code_that_comes_with_a_model_is_refused(fitted, tmp_path):
    folder, ran = tmp_path / "code", tmp_path / "ran"
    fitted.save(folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "stranger", "auto_map": {"AutoConfig": "stranger.C", "AutoModelForCausalLM": "stranger.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "stranger.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    with pytest.raises(ValueError, match="code that comes with a model is never run"):
        CausalLM.from_pretrained(folder)
    assert not ran.exists()


@needs_extra
@pytest.mark.parametrize("path", ["./nothing", "/no/such/folder", "no/such/folder", "~/nothing-here"])
def test_a_path_that_does_not_exist_is_named(path):
    with pytest.raises(FileNotFoundError, match=f"must be a folder that exists, .* got '{re.escape(path)}'"):
        CausalLM.from_pretrained(path)


@needs_extra
@pytest.mark.parametrize("flag", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_a_name_that_cannot_be_fetched_is_named_with_the_flag(monkeypatch, tmp_path, flag):
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(flag, "1")
    with pytest.raises(FileNotFoundError, match=rf"{flag} is set, .* got 'no-such-owner/no-such-model'"):
        CausalLM.from_pretrained("no-such-owner/no-such-model")


def test_tokenizers_without_a_beginning(fitted, blocks):
    bare = fitted.tokenizer.__class__(tokenizer_object=fitted.tokenizer.backend_tokenizer, eos_token="<|endoftext|>")
    assert bare.bos_token_id is None
    assert bare.pad_token_id is None
    model = replace(fitted, tokenizer=bare)
    assert model.nll(blocks[:3])[0].tolist() == fitted.nll(blocks[:3])[0].tolist()
    assert model.sample(["", "the value"], 4, 1) == fitted.sample(["", "the value"], 4, 1)
    none = fitted.tokenizer.__class__(tokenizer_object=fitted.tokenizer.backend_tokenizer)
    network = type(fitted.network)(fitted.network.config.__class__(**{**fitted.network.config.to_dict()}))
    network.config.bos_token_id = network.config.eos_token_id = None
    with pytest.raises(ValueError, match="tokenizer must have a bos or eos token"):
        CausalLM(network, none, block=16)


def test_a_model_with_rotary_positions_and_a_larger_vocabulary(fitted, blocks):
    """A Llama has no table of positions, and its embedding may be longer than its tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        network = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=450,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                max_position_embeddings=48,
                bos_token_id=0,
                eos_token_id=0,
            )
        )
    llama = replace(fitted, network=network, epochs=1).fit(blocks[:80], rng=1)
    assert llama.context == 48
    assert np.flatnonzero(llama._banned()).tolist() == [0, *range(400, 450)]
    prompts = ["", "If", "the value of the"]
    greedy = Decoding(temperature=0)
    assert llama.sample(prompts, 6, decoding=greedy) == [
        llama.sample([prompt], 6, decoding=greedy)[0] for prompt in prompts
    ]
    assert all(llama.sample(prompts, 6, decoding=Decoding(beams=3)))


# ---------------------------------------------------------------------------------------------- GGUF


def written_gguf(path, tokenizer, width=32, heads=2):
    """Write a Llama of one layer with the tokens of `tokenizer`; return its matrix of embeddings."""
    import gguf

    rng = np.random.default_rng(np.random.SeedSequence(1))
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    file = gguf.GGUFWriter(path, "llama")
    file.add_context_length(64)
    file.add_embedding_length(width)
    file.add_block_count(1)
    file.add_feed_forward_length(64)
    file.add_head_count(heads)
    file.add_head_count_kv(heads)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(width // heads)
    file.add_vocab_size(len(vocabulary))
    file.add_tokenizer_model("gpt2")
    file.add_token_list(vocabulary)
    file.add_token_types([3 if token == "<|endoftext|>" else 1 for token in vocabulary])
    file.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    file.add_bos_token_id(tokenizer.bos_token_id)
    file.add_eos_token_id(tokenizer.bos_token_id)
    shapes = {
        "token_embd": (len(vocabulary), width),
        "output": (len(vocabulary), width),
        **{f"blk.0.attn_{kind}": (width, width) for kind in ("q", "k", "v", "output")},
        "blk.0.ffn_gate": (64, width),
        "blk.0.ffn_up": (64, width),
        "blk.0.ffn_down": (width, 64),
    }
    tensors = {name: rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()}
    norms = ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")
    tensors |= {name: np.ones(width, np.float32) for name in norms}
    for name, tensor in tensors.items():
        file.add_tensor(f"{name}.weight", tensor)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return tensors["token_embd"]


def test_a_gguf_file_is_read_trained_and_written_again(base, blocks, tmp_path):
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    path = tmp_path / "model.gguf"
    embedding = written_gguf(path, base.tokenizer)
    model = CausalLM.from_pretrained(path, block=16, epochs=1, learning_rate=2e-3, precision="float32")
    assert np.array_equal(model.network.get_input_embeddings().weight.detach().numpy(), embedding)
    assert model._tokens("text", blocks[:3]) == base._tokens("text", blocks[:3])
    trained = model.fit(blocks[:80], rng=1)
    assert perplexity(trained, blocks[300:320]) < perplexity(model, blocks[300:320])
    trained.save(tmp_path / "saved")
    again = CausalLM.load(tmp_path / "saved")
    assert again.sample(["the"], 9, 1) == trained.sample(["the"], 9, 1)


@needs_extra
@pytest.mark.parametrize("missing", ["gguf", "accelerate"])
def test_what_reading_gguf_takes_is_named(monkeypatch, tmp_path, missing):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == missing else find(name, *more))
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ImportError, match=rf"a \.gguf file needs .*{missing}.*pip install 'modelcollapse\[lm\]'"):
        CausalLM.from_pretrained(tmp_path / "model.gguf")
    with pytest.raises(FileNotFoundError, match=r"file that exists when it ends in \.gguf, got '.*nothing\.gguf'"):
        CausalLM.from_pretrained(tmp_path / "nothing.gguf")


# -------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, r"epochs must be an integer >= 1, got 0\."),
        ({"learning_rate": 0}, r"learning_rate must be a finite number > 0, got 0\."),
        ({"block": 40}, r"block must be an integer >= 1 and <= 39 \(a block and the start token .*\), got 40\."),
        ({"warmup": 1.5}, r"warmup must be a finite number >= 0 .*, got 1\.5\."),
        ({"precision": "float16"}, r"precision must be one of 'auto', 'float32', 'bfloat16', got 'float16'\."),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_settings_are_checked(base, settings, message):
    with pytest.raises(ValueError, match=message):
        replace(base, **settings)


@needs_extra
def test_impossible_requests_are_refused(base, blocks):
    with pytest.raises(TypeError, match=r"settings must be among epochs, .*, got 'epoch'\."):
        CausalLM.tiny(TEXT, epoch=3)
    with pytest.raises(ValueError, match=r"vocabulary_size must be an integer >= 257 .*, got 100\."):
        CausalLM.tiny(TEXT, vocabulary_size=100)
    with pytest.raises(ValueError, match=r"width must be a multiple of heads .*, got 10 and 3\."):
        CausalLM.tiny(TEXT, width=10, heads=3)
    with pytest.raises(ValueError, match=r"length must be an integer >= 1 and <= 39 .*, got 40\."):
        base.sample([""], 40)
    with pytest.raises(TypeError, match="texts must be a sequence of strings, got 'one text'"):
        base.fit("one text")
    with pytest.raises(ValueError, match=r"texts must hold at least one token .*, got none\."):
        base.fit(["", ""])
    with pytest.raises(ValueError, match=r"validation must hold at least one token .*, got none\."):
        base.fit(blocks[:3], validation=[""])
    with pytest.raises(TypeError, match=r"text must be a string, got \['a'\]"):
        base.blocks(["a"], 5)
    with pytest.raises(ValueError, match=r"learning_rate must be small enough .* in epoch 1\), got 1e\+30\."):
        replace(base, learning_rate=1e30, epochs=1).fit(blocks[:40], rng=1)


def test_progress_is_shown_when_asked_for(base, blocks, capsys):
    loud = replace(base, progress=True, epochs=1).fit(blocks[:8], rng=1)
    loud.nll(blocks[:2])
    loud.sample([""], 2, 1)
    said = capsys.readouterr().err
    assert all(word in said for word in ("fitting CausalLM", "scoring with CausalLM", "writing with CausalLM"))
    assert "CausalLM(GPT2LMHeadModel, " in repr(loud)
