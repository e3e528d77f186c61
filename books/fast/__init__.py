"""What exists for speed alone. With BOOKS_FAST_PATHS=false the service answers the same without it, slower."""
