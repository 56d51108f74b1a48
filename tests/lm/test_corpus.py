"""Text to tokens and back."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelcollapse.lm import Corpus
from modelcollapse.lm.corpus import words

SETTINGS = settings(deadline=None, derandomize=True, database=None, max_examples=60)
TEXT = "The cat saw the dog; the dog saw the cat. (42 times!)"


def test_words_are_runs_of_word_characters_in_lower_case():
    assert " ".join(words(TEXT)) == "the cat saw the dog the dog saw the cat 42 times"
    assert list(words("L'été à_b 3.14 Ünder")) == ["l", "été", "à_b", "3", "14", "ünder"]
    assert list(words(" ,.; \n\t")) == []


def test_the_vocabulary_is_sorted_by_count_then_alphabetically():
    corpus = Corpus.from_text(TEXT)
    assert corpus.vocabulary == ("the", "cat", "dog", "saw", "42", "times")
    assert corpus.counts.tolist() == [4, 2, 2, 2, 1, 1]
    assert len(corpus) == corpus.tokens.size == corpus.counts.sum() == 12


@SETTINGS
@given(text=st.text(max_size=300))
def test_text_to_tokens_to_text_to_tokens(text):
    assume(len(set(words(text))) >= 2)
    corpus = Corpus.from_text(text)
    written = corpus.text(corpus.tokens)
    again = Corpus.from_text(written)
    assert again.vocabulary == corpus.vocabulary
    assert np.array_equal(again.tokens, corpus.tokens)
    assert again.text(again.tokens) == written
    assert np.array_equal(corpus.encode(text), corpus.tokens)
    assert (np.diff(corpus.counts) <= 0).all()


def test_files_are_read_in_the_encoding_named(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("né l'été né".encode("latin-1"))
    assert Corpus.from_file(path, encoding="latin-1").vocabulary == ("né", "l", "été")
    assert Corpus.from_file(str(path), encoding="latin-1").source == str(path)
    with pytest.raises(ValueError, match=r"encoding 'utf-8' \(name another with encoding=\), got byte 0xe9 at 1"):
        Corpus.from_file(path)
    with pytest.raises(ValueError, match=r"encoding must be one that Python knows .* got 'klingon'"):
        Corpus.from_file(path, encoding="klingon")
    with pytest.raises(ValueError, match=r"path must be a text file that can be read, got .*absent"):
        Corpus.from_file(tmp_path / "absent.txt")
    with pytest.raises(ValueError, match=r"path must be a text file that can be read"):
        Corpus.from_file(tmp_path)


@pytest.mark.parametrize(
    ("text", "seen"),
    [("", "no word at all in 0 characters"), ("?!", "no word at all"), ("Go, go, GO!", "only the word 'go'")],
)
def test_a_text_needs_two_words(text, seen, tmp_path):
    with pytest.raises(ValueError, match=rf"text must hold at least 2 distinct words .* got {re.escape(seen)}"):
        Corpus.from_text(text)
    path = tmp_path / "few.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        Corpus.from_file(path)


def test_a_corpus_made_by_hand_is_checked():
    assert Corpus([0, 1, 1], ["a", "b"]).text([1, 0]) == "b a"
    with pytest.raises(ValueError, match=r"largest of tokens must be an integer <= 1 .*2 words.* got 2"):
        Corpus([0, 2], ["a", "b"])
    with pytest.raises(ValueError, match=r"smallest of tokens must be an integer >= 0 .* got -1"):
        Corpus([0, -1], ["a", "b"])
    with pytest.raises(ValueError, match=r"every word once .* got 'b' twice"):
        Corpus([0, 1], ["a", "b", "b"])
    with pytest.raises(ValueError, match=r"at least 2 distinct words .* got 1"):
        Corpus([0], ["a"])
    with pytest.raises(TypeError, match=r"tokens must be integers of shape"):
        Corpus([0.5], ["a", "b"])
    with pytest.raises(ValueError, match=r"tokens must hold at least 1 .* got 0"):
        Corpus([], ["a", "b"])
    with pytest.raises(TypeError, match=r"text must be a string"):
        Corpus.from_text(b"a b")
    with pytest.raises(TypeError, match=r"text must be a string"):
        Corpus.from_text("a b").encode(3)


def test_a_corpus_cannot_be_changed():
    corpus = Corpus.from_text(TEXT)
    with pytest.raises(ValueError, match=r"read-only"):
        corpus.tokens[0] = 1
    assert repr(corpus) == "Corpus(12 tokens, 6 words, from a text)"


def test_unknown_words_and_no_words():
    corpus = Corpus.from_text(TEXT)
    assert corpus.encode("The mouse").tolist() == [0, -1]
    assert corpus.encode("").tolist() == []
    assert corpus.text([]) == ""


def test_the_default_corpus_is_a_real_text():
    corpus = Corpus.default()
    assert len(corpus) > 10_000
    assert len(corpus.vocabulary) > 1000
    assert "the" in corpus.vocabulary[:5]
