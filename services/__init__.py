"""The processes around the gateway, one folder each; `base` is what they share."""
