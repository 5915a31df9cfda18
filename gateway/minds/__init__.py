"""Minds: who answers chitchat, one adapter a file."""
