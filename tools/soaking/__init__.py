"""The parts of the soak test that `tools/soak.py` runs.

`server` runs the failing server in a separate process, `churn` creates, changes and deletes runs,
`ledger` records which runs existed when, `readers` read by every method and compare the results
with the ledger, `findings` counts results and problems, `usage` measures memory and sockets, and
`table` prints the figures.
"""
