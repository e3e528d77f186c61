"""Use cases of accounts, shared by the API and the pages: rate limits, calls to Cognito, records, revocation.

Anonymous callers get the same response whether or not an account exists.
"""
