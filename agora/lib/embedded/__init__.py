"""PostgreSQL for a laptop: the Django engine in `base`, and the server that it starts by itself in `server`."""
