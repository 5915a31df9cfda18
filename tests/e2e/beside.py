"""Processes beside the deployment: another gateway on its parts, and a speech server with the toy model."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from gateway.cli.ports import free_port
from tests.e2e.deployment import ANTIPHON, Deployment

STOP_S = 60.0


@contextmanager
def gateway(deployment: Deployment, database_url: str, **settings: str) -> Iterator[str]:
    """The URL of another gateway, whose other parts are the deployment's."""
    port = free_port()
    environment = {
        "LOG_LEVEL": "ERROR",
        "ANTIPHON_INTERNAL_KEY": deployment.internal_key,
        "DATABASE_URL": database_url,
        "GATEWAY_PORT": str(port),
        "TRANSCRIBER_URLS": deployment.part_url("transcriber"),
        "SYNTHESIZER_URL": deployment.part_url("synthesizer"),
        "ORCHESTRATOR_URL": deployment.part_url("orchestrator"),
        **settings,
    }
    process = subprocess.Popen((*ANTIPHON, "gateway"), env=os.environ | environment, stdin=subprocess.DEVNULL)
    try:
        until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(STOP_S)


class ToyServer:
    """`antiphon speech --toy`, started at once; `until_ready` waits for its `url`."""

    def __init__(self, key: str, slots: int = 1) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {
            "LOG_LEVEL": "ERROR",
            "ANTIPHON_INTERNAL_KEY": key,
            "OMP_NUM_THREADS": "1",
            # Other programs load the machine that tests run on.
            "SPEECH_MOST_REAL_TIME": "1e9",
        }
        command = (*ANTIPHON, "speech", "--toy", "--port", str(port), "--slots", str(slots))
        self._process = subprocess.Popen(command, env=os.environ | environment, stdin=subprocess.DEVNULL)

    def slots_used(self) -> int:
        """As it tells it."""
        used: int = requests.get(f"{self.url}/ready", timeout=10).json()["slots_used"]
        return used

    def kill(self) -> None:
        """As the kernel kills what eats too much memory."""
        self._process.kill()
        self._process.wait(STOP_S)


def until_ready(url: str) -> None:
    """Ask until every part of the service at `url` is ready."""
    patience = Retry(total=100, status_forcelist=[503], backoff_factor=0.1, backoff_max=1)
    with requests.Session() as http:
        http.mount("http://", HTTPAdapter(max_retries=patience))
        http.get(f"{url}/ready", timeout=10)
