"""Any HTTP endpoint as a tool, n8n's webhooks first of all (docs/tools.md)."""
