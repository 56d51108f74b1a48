"""Experiments with image and language models that no closed form and no small simulation can stand for.

They are registered because they are what the theory is about, and out of scope because checking them takes hardware,
data sets or models that a test of a minute does not have. `modelcollapse.lm` runs the published language-model protocol
at reduced size; what came out is in the chapter on language models.
"""

from __future__ import annotations

from modelcollapse.claims.claim import Claim, Kind
from modelcollapse.verify import Status


def _experiment(id, title, statement, source, needs, *, locus="", tags=("language model",)):
    return Claim(
        id=id,
        title=title,
        statement=statement,
        source=source,
        locus=locus,
        kind=Kind.EMPIRICAL,
        expected=Status.OUT_OF_SCOPE,
        reason=f"Needs {needs}.",
        tags=("experiment", *tags),
    )


CLAIMS = (
    _experiment(
        "SHU-EXP-OPT",
        "OPT-125m fine-tuned on its own continuations of WikiText-2",
        "Real test perplexity jumps at the first synthetic generation and then stays flat; keeping a random tenth of "
        "the original data leaves only minor degradation; generated text moves to low perplexity under the first "
        "model, with a longer right tail.",
        ("shumailov2024",),
        "a GPU, OPT-125m and five seeds of ten generations; modelcollapse lm run repeats the protocol with small "
        "models",
        locus="Fig. 1b, c",
    ),
    _experiment(
        "SHU-EXP-VAE",
        "Variational autoencoders refitted to their own digits",
        "The standard deviation over latent coordinates of generated digits, encoded by the first encoder, falls by "
        "about a tenth per generation, and samples become unimodal by generation 20.",
        ("shumailov2024",),
        "MNIST and a GPU (30 epochs of 60,000 fresh samples per generation)",
        locus="Fig. 8, 9",
        tags=("image model",),
    ),
    _experiment(
        "mad-experiments",
        "Image models in self-consuming loops",
        "StyleGAN2, diffusion models and a 25-mode Gaussian mixture lose quality or diversity over generations unless "
        "enough fresh real data come in; total variance misses the loss of modes, recall tracks it.",
        ("alemohammad2024",),
        "FFHQ, MNIST and GPUs",
        locus="Fig. 1-15",
        tags=("image model",),
    ),
    _experiment(
        "GER-VAE",
        "Accumulation in variational autoencoders and molecular diffusion",
        "Under accumulation the error of an autoencoder of faces still grows, slowly, and minor attributes are lost; "
        "diffusion of molecules degrades once under replace and then stays flat.",
        ("gerstgrasser2024",),
        "CelebA, a molecule data set and a GPU",
        tags=("image model",),
    ),
    _experiment(
        "GER-LM",
        "Language models of stories under replace and accumulate",
        "On TinyStories accumulation keeps or slightly improves the held-out cross-entropy of the first iteration in "
        "every model, and replace worsens it in every model, much more at sampling temperature 0.3.",
        ("gerstgrasser2024",),
        "TinyStories (470 million tokens) and a GPU",
        locus="Table 2",
    ),
    _experiment(
        "SC-LM",
        "Synthetic text delays the scaling law of a language model",
        "Mixing generated stories into the training text of a GPT-2 delays its scaling law, without a plateau in the "
        "range shown; larger models are better up to about 1e10 tokens and worse beyond about 3e10.",
        ("dohmatob2025",),
        "BabiStories, generated splits and GPUs",
        locus="Section 4.2, Fig. 8",
    ),
    _experiment(
        "KAZ-LM",
        "Synthetic data help fine-tuning when real data are few",
        "In supervised fine-tuning with at most 1024 real examples a small amount of synthetic data helps; otherwise "
        "it hurts, and both number and proportion of real examples matter.",
        ("kazdan2025",),
        "Gemma-2, HelpSteer2 and a GPU",
    ),
    _experiment(
        "TOEDIT-LM",
        "Token editing improves pretraining",
        "Resampling the tokens that a model finds almost certain, and leaving the others as they are, improves "
        "language models trained on the edited text.",
        ("zhu2025",),
        "OLMo-1B, its data and GPUs; the theorem of the same paper is checked (reg-toedit-token-editing)",
    ),
)
