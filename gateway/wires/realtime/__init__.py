"""OpenAI's Realtime protocol (GA names) as the client wire, and what we add to it (contracts, 3)."""
