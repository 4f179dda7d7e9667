"""Waiting (轮候): from registration to an accepted home."""
