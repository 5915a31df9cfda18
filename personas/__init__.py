"""Who the agent is: personas, their voices and their small talk, all out of YAML."""
