"""The city sign-on: an OpenID Connect issuer with personas in place of passwords."""
