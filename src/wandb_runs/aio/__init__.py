"""What users hold who await: `AsyncApi`, `AsyncRuns`, `AsyncRun`, `AsyncSweep`."""
