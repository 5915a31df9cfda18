"""What every service shares: settings, logs, health, problems, ids and how to serve."""
