import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout } from 'node:timers/promises';
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Span, Tracing } from './tracing.js';

const EXPORT_MS = 3_000;
const LAST_EXPORT_MS = 3_000;
const SEND_EVERY_MS = 1_000;
/**
 * https://www.w3.org/TR/trace-context/#traceparent-header: version 00, and what later ones must
 * keep.
 */
const TRACEPARENT =
  /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;
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
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    end: (facts, hasFailed) => {
      span.setAttributes(facts);
      if (hasFailed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

function contextOf(traceparent: string | undefined): Context | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
