"""What a process that opens files of strangers may take of the machine; it sets this to itself."""

import sys
from pathlib import Path

_DECODER_THREADS = 4


def limit_process(most_bytes: int, seconds: float, file_bytes: int = 0) -> None:
    """Bounds memory beyond what the process has now, and processor time beyond what it has used.

    Args:
        most_bytes: Of memory.
        seconds: With all of the decoder's threads at work.
        file_bytes: The largest file that it may write; none by default.
    """
    if sys.platform == "win32":
        return  # has no such limits; the server still ends what takes too long
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_seconds = usage.ru_utime + usage.ru_stime
    _lower(resource.RLIMIT_CPU, int(used_seconds + _DECODER_THREADS * seconds) + 1)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        used_bytes = int(sizes.read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, used_bytes + most_bytes)


def _lower(what: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (soft, hard))
