"""Adapters of the `Orchestrator` port, leaves all of them."""
