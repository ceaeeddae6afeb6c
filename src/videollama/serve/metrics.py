"""What `/metrics` tells Prometheus: counts and times, nothing of what was asked."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The series of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "videollama_requests",
            "Requests by route and status.",
            ("route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "videollama_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.first_token_seconds = Histogram(
            "videollama_first_token_seconds",
            "From the request to the first piece of the answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.tokens = Counter(
            "videollama_tokens",
            "Tokens that were read (prompt) and written (completion).",
            ("kind",),
            registry=self.registry,
        )
        self.admitted = Gauge(
            "videollama_admitted_requests",
            "Requests that are being answered or wait for it.",
            registry=self.registry,
        )
        self.decoder_restarts = Gauge(
            "videollama_decoder_restarts_total",
            "Decoding processes that a file broke.",
            registry=self.registry,
        )
        self.ready = Gauge(
            "videollama_ready", "1 while requests can be answered.", registry=self.registry
        )

    def page(self) -> bytes:
        """All series in Prometheus' text form."""
        return generate_latest(self.registry)
