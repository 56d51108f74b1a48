"""Simulation against theory. The programs under test and their mutants are in programs.py."""

import sys
from pathlib import Path

# pytest imports each test file on its own (import mode importlib), so what they share must be found by its name
sys.path.insert(0, str(Path(__file__).parent))
