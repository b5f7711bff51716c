"""RSS, RDF and Atom feeds over HTTP, polled."""
