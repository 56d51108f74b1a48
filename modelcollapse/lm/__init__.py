"""Does it hold for language models?

* `Corpus`: a real text as numbered words;
* `NGram`: fitted by counting, sampled at millions of words a second; `WordModel`: fitted to texts;
* `CausalLM`: a transformer, from scratch or trained by somebody (extra ``lm``);
* `experiment`: any language model refitted to its own texts, written down generation by generation; `published`: the
  settings of the published experiment; `modelcollapse.lm.records`: what is written down, and how to read it;
* `read`: what other programs have written down, in many formats;
* `measure`: what there is to count and score in its texts, generation by generation;
* `crosscheck`: which part of the collapse is explained by sampling; `neutrality`: drift, or a directed change?
  `by_class`: a table, one row for every class of words; `pictures`: what all this looks like;
* `chains`: n-gram models refitted to their own text, many independent chains under any regime, as a Dataset;
* `wright_fisher`: chains of unigrams against population genetics, where the answers are exact.
"""

from modelcollapse.lm import pictures
from modelcollapse.lm.causal import CausalLM
from modelcollapse.lm.chains import chains, wright_fisher
from modelcollapse.lm.corpus import Corpus
from modelcollapse.lm.crosscheck import by_class, crosscheck
from modelcollapse.lm.experiment import Published, experiment, published
from modelcollapse.lm.measures import measure
from modelcollapse.lm.ngram import FittedNGram, NGram
from modelcollapse.lm.protocol import Decoding, LanguageModel
from modelcollapse.lm.readers import read
from modelcollapse.lm.temporal import neutrality
from modelcollapse.lm.word_model import WordModel

__all__ = [
    "CausalLM",
    "Corpus",
    "Decoding",
    "FittedNGram",
    "LanguageModel",
    "NGram",
    "Published",
    "WordModel",
    "by_class",
    "chains",
    "crosscheck",
    "experiment",
    "measure",
    "neutrality",
    "pictures",
    "published",
    "read",
    "wright_fisher",
]
