"""Headgate: SQL nodes in git, planned, deployed, refreshed by job, and explained."""

__version__ = "0.1.0"
