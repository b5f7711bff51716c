"""Medium's publications, users and tags: their feeds, and the archive pages for the past."""
