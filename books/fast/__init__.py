"""Parts of the catalogue that exist for speed alone."""
