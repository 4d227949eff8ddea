"""The parts of the benchmark that `tools/bench.py` runs.

`jobs` lists the jobs, `link` describes connections, `projects` writes the projects that they read,
`replay` serves recorded answers from memory, `worker` does one job in a fresh process with the code
of one side (`ours`, `sdk` or `floor`), `measure` runs the workers in turn, and `table` prints the
results.
"""
