"""Does it hold for language models?

* `Corpus`: a real text as numbered words;
* `NGram`: fitted by counting, sampled at millions of words a second;
* `chains`: n-gram models refitted to their own text, many independent chains under any regime, as a Dataset;
* `wright_fisher`: chains of unigrams against population genetics, where the answers are exact.
"""

from modelcollapse.lm.chains import chains, wright_fisher
from modelcollapse.lm.corpus import Corpus
from modelcollapse.lm.ngram import FittedNGram, NGram
from modelcollapse.lm.protocol import Decoding, LanguageModel

__all__ = ["Corpus", "Decoding", "FittedNGram", "LanguageModel", "NGram", "chains", "wright_fisher"]
