"""Who may see the console: passwords, tokens, an identity provider; sessions, roles, the guard of every route."""
