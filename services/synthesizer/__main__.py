"""`python -m services.synthesizer`."""

from services.synthesizer.server import main

main()
