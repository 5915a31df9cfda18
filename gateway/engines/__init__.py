"""Engines: who speaks for the agent, one adapter a file."""
