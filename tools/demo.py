"""Start the local server with the sample project, run the example against it, and stop it.

The example runs as a separate program, with the URL from the first line that the server prints.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "runs.py"


def main() -> int:
    """Return the example's exit code, or the server's if that is not 0."""
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
