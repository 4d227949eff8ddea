"""Metrics and traces of requests, by OpenTelemetry.

Run it as `python examples/telemetry.py entity/project`; it prints what it would export. Needs
`opentelemetry-sdk`.

`on_event=` is told of each request, in the thread or task that sends it. `Telemetry` makes a span
of each, a child of the span that is current there, and counts requests, bytes and retries.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

from opentelemetry.metrics import get_meter_provider, set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, get_tracer_provider
from opentelemetry.trace import set_tracer_provider as set_tracing

from wandb_runs import Answered, Api, RequestSent, Retrying

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider as Metering
    from opentelemetry.trace import Span
    from opentelemetry.trace import TracerProvider as Tracing


class Telemetry:
    """Makes spans and metrics of events; pass one as `Api(on_event=...)` or `AsyncApi(...)`.

    Thread-safe, as every callback for events has to be whose `Api` is shared.
    """

    def __init__(self, tracing: Tracing, metering: Metering) -> None:
        meter = metering.get_meter("wandb_runs")
        self._tracer = tracing.get_tracer("wandb_runs")
        self._requests = meter.create_histogram("wandb_runs.request.duration", "s")
        self._received = meter.create_counter("wandb_runs.response.size", "By")
        self._retries = meter.create_counter("wandb_runs.retries")
        self._spans: dict[tuple[int, int], Span] = {}

    def __call__(self, event: RequestSent | Answered | Retrying) -> None:
        """Take in an event."""
        names = {"graphql.operation.name": event.operation}
        match event:
            case RequestSent():
                attributes: dict[str, str | int] = {"http.request.resend_count": event.attempt - 1}
                attributes |= names
                span = self._tracer.start_span(
                    f"wandb {event.operation}", kind=SpanKind.CLIENT, attributes=attributes
                )
                self._spans[event.call, event.attempt] = span
            case Answered():
                status = event.status or 0
                self._requests.record(event.elapsed, {**names, "http.response.status_code": status})
                self._received.add(event.bytes_received, names)
                span = self._spans.pop((event.call, event.attempt))
                span.set_attribute("http.response.status_code", status)
                if event.error is not None or status >= HTTPStatus.BAD_REQUEST:
                    span.set_status(Status(StatusCode.ERROR, event.error or f"HTTP {status}"))
                span.end()
            case Retrying():
                self._retries.add(1, {**names, "reason": event.reason})


def main(path: str) -> None:
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    set_tracing(tracing)
    metering = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())])
    set_meter_provider(metering)
    tracer = get_tracer_provider().get_tracer("telemetry")
    with (
        Api(on_event=Telemetry(get_tracer_provider(), get_meter_provider())) as api,
        tracer.start_as_current_span("list runs"),
    ):
        print(len(list(api.runs(path, per_page=1000))), "runs")
    metering.shutdown()


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    main(sys.argv[1])
