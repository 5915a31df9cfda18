"""The reference orchestrator: plans a wish, does it once, and tells how it goes."""
