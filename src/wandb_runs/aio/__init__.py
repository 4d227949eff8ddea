"""The awaiting half: `AsyncApi`, `AsyncRuns`, `AsyncRun`, `AsyncSweep`."""
