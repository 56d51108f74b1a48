"""`python -m modelcollapse.cli` is `modelcollapse`."""

import sys

from modelcollapse.cli import main

sys.exit(main())
