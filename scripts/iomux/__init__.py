"""The modules that the commands in scripts/ share.

This file, and the commands themselves, use nothing that an old Python cannot
parse, so that the sentence below is all that its user sees.
"""
import os
import sys

LEAST = (3, 9)

if sys.version_info < LEAST:
    sys.stderr.write("%s: Python %d.%d is too old: 3.9 or later is needed\n" % (
        (os.path.basename(sys.argv[0]),) + tuple(sys.version_info[:2])))
    sys.exit(2)
