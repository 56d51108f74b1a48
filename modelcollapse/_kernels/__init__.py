"""Loops, compiled: one file per family.

A kernel is a loop and nothing else. Its first argument is a NumPy Generator, sizes come next, arrays to be filled come
last. It validates nothing, seeds nothing and allocates nothing in its inner loop. Numba's scalar Generator methods
draw NumPy's own streams, so a kernel gives the same bits compiled and interpreted (``NUMBA_DISABLE_JIT=1``); the
mathematics is written with ``math``, which both use alike.
"""
