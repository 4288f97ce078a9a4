import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout } from 'node:timers/promises';
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Span, Tracing } from './tracing.js';

const EXPORT_MS = 3_000;
const LAST_EXPORT_MS = 3_000;
const SEND_EVERY_MS = 1_000;
/** Reads and writes the header `traceparent` (https://www.w3.org/TR/trace-context/). */
const PROPAGATOR = new W3CTraceContextPropagator();
const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/**
 * Spans to an OTLP collector, as JSON over HTTP. What cannot be sent is dropped, and nobody waits
 * for it.
 */
export function createTracing(endpoint: string): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_MS,
  });
  const processor = new BatchSpanProcessor(exporter, {
    scheduledDelayMillis: SEND_EVERY_MS,
    exportTimeoutMillis: EXPORT_MS,
  });
  const resource = resourceFromAttributes({ 'service.name': 'rollcall' });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  const tracer = provider.getTracer('rollcall');
  const roots = new AsyncLocalStorage<Context>();
  return {
    start: (kind, name, facts, parent) => {
      const within = contextOf(parent) ?? roots.getStore() ?? ROOT_CONTEXT;
      return spanOf(tracer.startSpan(name, { kind: KINDS[kind], attributes: facts }, within));
    },
    root: async (name, facts, work) => {
      const otelSpan = tracer.startSpan(
        name,
        { kind: SpanKind.INTERNAL, attributes: facts },
        ROOT_CONTEXT,
      );
      const span = spanOf(otelSpan);
      let hasFailed = true;
      try {
        const result = await roots.run(trace.setSpan(ROOT_CONTEXT, otelSpan), work);
        hasFailed = false;
        return result;
      } finally {
        span.end({}, hasFailed);
      }
    },
    stop: async () => {
      const shutdown = provider.shutdown().catch(() => undefined);
      await Promise.race([shutdown, setTimeout(LAST_EXPORT_MS, undefined, { ref: false })]);
    },
  };
}

function spanOf(span: OtelSpan): Span {
  const headers: { traceparent?: string } = {};
  PROPAGATOR.inject(trace.setSpan(ROOT_CONTEXT, span), headers, defaultTextMapSetter);
  return {
    traceparent: headers.traceparent,
    end: (facts, hasFailed) => {
      span.setAttributes(facts);
      if (hasFailed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** `undefined` where there is none, or it is malformed. */
function contextOf(traceparent: string | undefined): Context | undefined {
  const context = PROPAGATOR.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter);
  return trace.getSpanContext(context) === undefined ? undefined : context;
}
