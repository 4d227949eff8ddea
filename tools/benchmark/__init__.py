"""What `tools/bench.py` measures, and with what.

`jobs` says what is measured, `projects` makes the runs that are read, `replay` serves them from
memory, `worker` does one piece of work in a fresh process, in the way of one side (`ours`, `sdk`
or `floor`), and `measure` runs the workers in turn and sums up.
"""
