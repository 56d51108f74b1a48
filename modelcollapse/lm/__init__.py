"""Does it hold for language models?

The smallest language models there are, n-grams, refitted to their own text, with a real text as the truth:

* `Corpus`: a real text as numbered words;
* `NGram`: orders 1 to 3, additive smoothing; fitted by counting, sampled at millions of words a second;
* `experiment`: the generational loop under any regime, as a Dataset;
* `cross_check`: a unigram run against Wright-Fisher theory, where the answers are exact.
"""

from modelcollapse.lm.corpus import Corpus
from modelcollapse.lm.experiment import cross_check, experiment
from modelcollapse.lm.ngram import FittedNGram, NGram

__all__ = ["Corpus", "FittedNGram", "NGram", "cross_check", "experiment"]
