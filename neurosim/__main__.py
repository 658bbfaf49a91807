"""``python -m neurosim`` is the command ``neurosim``."""

import sys

from neurosim.cli import main

sys.exit(main())
