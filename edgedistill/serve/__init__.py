"""`edgedistill serve`: a board plays, a browser watches. Base install alone: http.server and Pillow."""
