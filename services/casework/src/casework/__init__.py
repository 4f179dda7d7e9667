"""Casework: applications, review tasks, public notices and objections."""
