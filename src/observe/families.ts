/** Every metric Gantry shows, on one screen; docs/observing.md holds the same table and a test compares them. */
import type { Family } from './openmetrics.ts';

/** In the order in which they are written. */
export const families = {
  calls: {
    name: 'gantry_calls',
    type: 'counter',
    help: 'Calls that have ended, by operation and status sent (0: none was).',
    labels: ['operation', 'code'],
  },
  aborted: {
    name: 'gantry_calls_aborted',
    type: 'counter',
    help: 'Calls whose client or engine went away before the end.',
    labels: ['operation'],
  },
  duration: {
    name: 'gantry_call_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time from the request head to the end of the reply body or tunnel.',
    labels: ['operation'],
  },
  refusals: {
    name: 'gantry_refusals',
    type: 'counter',
    help: 'Calls that Gantry itself refused, by error code.',
    labels: ['error'],
  },
  adapterDuration: {
    name: 'gantry_adapter_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'Time an adapter hook took.',
    labels: ['adapter', 'hook'],
  },
  adapterDecisions: {
    name: 'gantry_adapter_decisions',
    type: 'counter',
    help: 'What adapter hooks decided.',
    labels: ['adapter', 'hook', 'decision'],
  },
  reloadErrors: {
    name: 'gantry_adapters_reload_errors',
    type: 'counter',
    help: 'Edits of the adapters file that were not taken because of a mistake in it.',
  },
  connections: { name: 'gantry_connections', type: 'gauge', help: 'Client connections open now.' },
  tunnels: { name: 'gantry_tunnels', type: 'gauge', help: 'Hijacked connections open now.' },
  received: {
    name: 'gantry_received_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Body and tunnel bytes that came from clients.',
  },
  sent: {
    name: 'gantry_sent_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Body and tunnel bytes that went to clients.',
  },
  malformed: {
    name: 'gantry_malformed_requests',
    type: 'counter',
    help: 'Requests refused because they were not well-formed HTTP.',
  },
  engineUp: {
    name: 'gantry_engine_up',
    type: 'gauge',
    help: 'Whether the engine answers: 1 or 0.',
    labels: ['engine'],
  },
  auditLines: { name: 'gantry_audit_lines', type: 'counter', help: 'Audit lines written.' },
  auditDropped: {
    name: 'gantry_audit_lines_dropped',
    type: 'counter',
    help: 'Audit lines lost because the file could not be written fast enough, or at all.',
  },
  followers: {
    name: 'gantry_trace_followers',
    type: 'gauge',
    help: 'Clients that follow the calls live now.',
  },
  traceDropped: {
    name: 'gantry_trace_events_dropped',
    type: 'counter',
    help: 'Trace events lost because a follower read too slowly.',
  },
  lag: {
    name: 'gantry_event_loop_lag_seconds',
    type: 'histogram',
    unit: 'seconds',
    help: 'How late a timer fired that was due twice a second.',
  },
  busy: {
    name: 'gantry_event_loop_busy_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'Time the event loop was at work rather than waiting.',
  },
  build: {
    name: 'gantry_build',
    type: 'info',
    help: 'Versions of Gantry and of Node.',
    labels: ['version', 'node'],
  },
  cpu: {
    name: 'process_cpu_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'User and system CPU time used.',
  },
  memory: {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Resident memory.',
  },
  startTime: {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'When the daemon started, since the epoch.',
  },
} as const satisfies Record<string, Family>;
