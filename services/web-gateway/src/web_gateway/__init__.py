"""Web gateway: the public edge. JSON API /api/v1, sign-on, and the pages of citizens and officials."""
