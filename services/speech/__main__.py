"""`python -m services.speech`."""

from services.speech.command import main

main()
