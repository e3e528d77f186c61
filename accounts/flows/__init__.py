"""Use cases of accounts, shared by the API and the pages: rate limits, calls to Cognito, bookkeeping, revocation.

Anonymous callers get the same answer whether or not an account exists. Each module is imported by its name.
"""
