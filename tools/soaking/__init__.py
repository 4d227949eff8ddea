"""What `tools/soak.py` runs for minutes on end.

`server` answers from a process of its own, and fails one answer in five; `churn` creates, changes
and deletes runs all the time, and `ledger` remembers what was there when; `readers` read in every
way there is, and hold what came against the ledger; `findings` counts, `usage` measures memory and
sockets, and `table` prints.
"""
