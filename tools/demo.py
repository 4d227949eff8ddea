"""Serve the sample project, run the example against it, stop the server.

The example is run as a user would: as a program of its own, against the URL that the server
prints first.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "runs.py"


def main() -> int:
    """Return the example's exit code, or the server's if it did not stop cleanly."""
    server = [sys.executable, "-m", "wandb_runs.local", "--port", "0", "--sample"]
    with subprocess.Popen(server, stdout=subprocess.PIPE, text=True) as running:
        try:
            url = running.stdout.readline().strip() if running.stdout is not None else ""
            if not url:
                print("the local server did not start", file=sys.stderr)
                return running.wait() or 1
            print(f"local server: {url}, project sample/digits\n", flush=True)
            example = subprocess.run(
                [sys.executable, str(EXAMPLE), "sample/digits"],
                env={**os.environ, "WANDB_BASE_URL": url, "WANDB_API_KEY": "demo"},
                check=False,
            )
        finally:
            running.send_signal(signal.SIGINT)
            stopped = running.wait(timeout=10)
    return example.returncode or stopped


if __name__ == "__main__":
    raise SystemExit(main())
