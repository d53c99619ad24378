"""Closeloop: resolves customer-support tickets as durable Temporal workflows."""
