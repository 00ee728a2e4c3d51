"""The storm: whole jobs in bad weather, thousands of them, each of them a function of one number.

A run draws a world, a job, and its weather from a seed: faults, latency, crashes, restarts, clocks that jump, sources
that change, another client that does the same. Then all is quiet, the job is run until it is done, and what is there is
compared with what has to be. `python -m tests.storm --seed 7` does run 7 again, exactly.
"""
