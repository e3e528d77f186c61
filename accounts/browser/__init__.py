"""Accounts in a browser: pages over the same flows as the API, and a session that holds the tokens on the server."""
