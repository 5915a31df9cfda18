"""`python -m services.transcriber`."""

from services.transcriber.server import main

main()
