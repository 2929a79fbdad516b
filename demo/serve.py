"""ComfyUI with the pack, the demo base and the demo pictures, in the browser."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import webbrowser
from pathlib import Path

import prepare
from host import Host

from demo import has_gpu


def main() -> None:
    """Serve the pack in a ComfyUI until Ctrl-C, and open the browser."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--no-browser", action="store_true")
    arguments = parser.parse_args()
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", arguments.port)) == 0:
            sys.exit(f"Port {arguments.port} is in use: end what runs there, or choose another with --port.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # ends ComfyUI as well
    host = Host(Path(os.environ["COMFYUI_PATH"]), prepare.prepare(), cpu=not has_gpu(), port=arguments.port)
    print("Starting ComfyUI ...", flush=True)
    with host:
        print(
            f"ComfyUI runs at {host.url} (log: {host.log_path}). Open Workflows > quickstart. Ctrl-C ends it.",
            flush=True,
        )
        if not arguments.no_browser:
            webbrowser.open(host.url)
        try:
            host.wait()
        except KeyboardInterrupt:
            print("Ending ComfyUI.")


if __name__ == "__main__":
    main()
