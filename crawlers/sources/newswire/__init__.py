"""JSON news streams over a websocket."""
