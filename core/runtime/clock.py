"""The one module that reads the real time."""

import time


class SystemClock:
    """UTC time of this machine, in nanoseconds."""

    now_ns = staticmethod(time.time_ns)
