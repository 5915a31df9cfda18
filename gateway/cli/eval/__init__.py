"""`antiphon eval`: how often what is decided and done is right."""
