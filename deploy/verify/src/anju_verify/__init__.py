"""Checks every numbered invariant against the databases, the histories and the outside world's own books.

An independent program: it reads with plain SQL, asks Temporal, and compares with what the outside world wrote down itself. It imports no service, so a
mistake in a service cannot hide in here as well.
"""
