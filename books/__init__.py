"""The catalogue: books, their authors, and the API that serves them."""
