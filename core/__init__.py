"""The shared kernel: records on the wire and the runtime that carries them; it knows no stage."""
