"""The worm's report: what is simulated beside what is published, row by row; rows that fail say so.

``atlas`` reads the functional atlas and compares, ``responses`` simulates one-cell stimulation; ``protocols`` are the
behaviours, ``runs`` keeps what has been simulated, ``judge`` makes rows of it; ``figures`` and ``document`` write.
"""
