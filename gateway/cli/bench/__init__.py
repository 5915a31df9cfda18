"""`antiphon bench`: measures a running deployment from outside."""
