"""The store: tables, the outbox behind the sound, the ledger before the deed, and what REST reads."""
