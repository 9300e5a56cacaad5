import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../core/clock.ts';
import { newCounters } from '../core/counters.ts';
import type { Step } from '../core/record.ts';
import { families } from './families.ts';
import { metricsText } from './metrics.ts';
import { Histogram, renderMetrics } from './openmetrics.ts';
import { Tally } from './tally.ts';

interface Read {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
}

interface ReadFamily {
  readonly name: string;
  type?: string;
  unit?: string;
  help?: string;
  readonly samples: Read[];
}

const suffixes: Record<string, string[]> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  info: ['_info'],
};

/** A strict reader of OpenMetrics text: fails on whatever the specification forbids. */
function readMetrics(text: string): Map<string, ReadFamily> {
  assert.ok(text.endsWith('\n# EOF\n') || text === '# EOF\n', 'ends with # EOF and a line feed');
  const found = new Map<string, ReadFamily>();
  let family: ReadFamily | undefined;
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/s.exec(line);
    if (meta) {
      const [, kind, name, rest] = meta as unknown as [string, string, string, string];
      if (family?.name !== name) {
        assert.ok(!found.has(name), `${name} is in one piece`);
        family = { name, samples: [] };
        found.set(name, family);
      }
      assert.equal(family.samples.length, 0, 'metadata stand before samples');
      const key = kind.toLowerCase() as 'type' | 'unit' | 'help';
      assert.equal(family[key], undefined, `${kind} stands once`);
      family[key] = key === 'help' ? unescaped(rest) : rest;
      if (key === 'unit') assert.ok(name.endsWith(`_${rest}`), `${name} ends with its unit`);
    } else {
      assert.ok(family?.type, `a TYPE stands before ${line}`);
      family.samples.push(readSample(line, family));
    }
  }
  for (const { type, samples } of found.values()) if (type === 'histogram') checkHistogram(samples);
  return found;
}

function readSample(line: string, family: ReadFamily): Read {
  const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s.exec(line);
  assert.ok(sample, line);
  const [, name, labelText = '', number] = sample as unknown as [string, string, string | undefined, string];
  assert.ok(
    suffixes[family.type!]!.some((suffix) => name === family.name + suffix),
    `${name} in ${family.name}`,
  );
  const labels: Record<string, string> = {};
  const pair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,(?!$)|$)/y;
  while (pair.lastIndex < labelText.length) {
    const read = pair.exec(labelText);
    assert.ok(read, `labels of ${line}`);
    assert.ok(!(read[1]! in labels), 'a label stands once');
    labels[read[1]!] = unescaped(read[2]!);
  }
  assert.match(number, /^([+-]?\d+(\.\d+)?(e[+-]?\d+)?|[+-]Inf|NaN)$/);
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (family.type === 'counter' || family.type === 'histogram') assert.ok(value >= 0);
  return { name, labels, value };
}

/** Buckets of one series ascend, end at +Inf, and +Inf is the count. */
function checkHistogram(samples: Read[]): void {
  const series = Map.groupBy(samples, ({ labels: { le, ...rest } }) => JSON.stringify(rest));
  for (const one of series.values()) {
    const buckets = one.filter(({ name }) => name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) =>
      labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels.le),
    );
    for (const { labels } of buckets) assert.match(labels.le!, /^(\d+\.\d+|\d+(\.\d+)?e-\d+|\+Inf)$/);
    assert.deepEqual(
      bounds,
      [...bounds].sort((a, b) => a - b),
    );
    assert.equal(bounds.at(-1), Number.POSITIVE_INFINITY);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
    );
    assert.equal(one.find(({ name }) => name.endsWith('_count'))!.value, counts.at(-1));
    assert.ok(one.some(({ name }) => name.endsWith('_sum')));
  }
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

function expose(tally: Tally) {
  const gauges = {
    ...{ version: '1.2.3', started: 1500, counters: { ...newCounters(), connections: 3 }, reloadErrors: 1 },
    ...{ engines: [{ url: 'tcp://u:secret@h:2375', up: true }], auditLines: 5, auditDropped: 2 },
    ...{ followers: 1, traceDropped: 4 },
  };
  const found = readMetrics(metricsText(tally, new Histogram([0.1]), gauges));
  const value = (name: string, labels: Record<string, string> = {}) =>
    [...found.values()]
      .flatMap(({ samples }) => samples)
      .find((s) => s.name === name && Object.entries(labels).every(([key, label]) => s.labels[key] === label))
      ?.value;
  return { found, value };
}

function step(parts: Partial<Step>): Step {
  return { callId: 'c', name: 'slow', hook: 'pre', milliseconds: 1000, decision: 'continue', ...parts };
}

test('every family is there, well-formed, with the labels it declares', () => {
  const tally = new Tally();
  tally.call('ContainerList', 200, 3, false);
  tally.refusal('image-refused');
  tally.step(step({}));
  const { found } = expose(tally);
  assert.deepEqual(
    [...found.keys()],
    Object.values(families).map(({ name }) => name),
  );
  for (const family of Object.values(families)) {
    const read = found.get(family.name)!;
    const declared = 'labels' in family ? family.labels : [];
    assert.equal(read.type, family.type);
    assert.equal(read.help, family.help);
    assert.ok(read.samples.length > 0, family.name);
    for (const { labels } of read.samples) {
      assert.deepEqual(
        Object.keys(labels).filter((name) => name !== 'le'),
        [...declared],
        family.name,
      );
    }
  }
});

test('what was counted is what is shown', () => {
  const tally = new Tally();
  tally.call('ContainerList', 200, 3, false);
  tally.call('ContainerList', 200, 400_000, true);
  tally.call('ContainerList', 404, 3, false);
  tally.step(step({}));
  tally.step(step({ decision: 'refuse' }));
  const { value } = expose(tally);
  assert.equal(value('gantry_calls_total', { operation: 'ContainerList', code: '200' }), 2);
  assert.equal(value('gantry_calls_total', { operation: 'ContainerList', code: '404' }), 1);
  assert.equal(value('gantry_calls_aborted_total', { operation: 'ContainerList' }), 1);
  assert.equal(value('gantry_call_duration_seconds_bucket', { le: '0.0025' }), 0);
  assert.equal(value('gantry_call_duration_seconds_bucket', { le: '0.005' }), 2);
  assert.equal(value('gantry_call_duration_seconds_bucket', { le: '300.0' }), 2);
  assert.equal(value('gantry_call_duration_seconds_count'), 3);
  assert.equal(value('gantry_adapter_duration_seconds_sum', { adapter: 'slow', hook: 'pre' }), 2);
  assert.equal(value('gantry_adapter_decisions_total', { adapter: 'slow', decision: 'refuse' }), 1);
  assert.equal(value('gantry_connections'), 3);
  assert.equal(value('gantry_engine_up', { engine: 'tcp://u:***@h:2375' }), 1);
  assert.equal(value('gantry_build_info', { version: '1.2.3' }), 1);
  assert.equal(value('process_start_time_seconds'), 1.5);
  assert.ok(value('process_resident_memory_bytes')! > 1e6);
});

test('names from outside cannot make it grow without end', () => {
  const tally = new Tally();
  for (let i = 0; i < 1000; i++) {
    tally.call('ContainerList', 100 + i, 1, false);
    tally.refusal(`code-${i}`);
    tally.step(step({ name: `adapter-${i}` }));
  }
  const { found, value } = expose(tally);
  assert.ok(found.get('gantry_calls')!.samples.length <= 41);
  assert.ok(found.get('gantry_adapter_decisions')!.samples.length <= 201);
  assert.equal(value('gantry_calls_total', { code: '0' }), 960);
  assert.equal(value('gantry_refusals_total', { error: 'other' }), 800);
  assert.equal(value('gantry_adapter_decisions_total', { adapter: 'other' }), 800);
});

test('labels and help come back as they were, whatever they hold', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(text, text, (label, help) => {
      const family = { name: 'x', type: 'gauge', help: `h${help}` } as const;
      const read = readMetrics(renderMetrics([[family, [{ labels: { a: label, b: 'c' }, value: 1 }]]])).get(
        'x',
      )!;
      assert.deepEqual(read.samples, [{ name: 'x', labels: { a: label, b: 'c' }, value: 1 }]);
      assert.equal(read.help, `h${help}`);
    }),
  );
});

test('any durations make a well-formed histogram', () => {
  const seconds = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(fc.array(seconds), (observed) => {
      const histogram = new Histogram([0.000_25, 0.1, 1, 60]);
      for (const one of observed) histogram.observe(one);
      const family = { name: 'x_seconds', type: 'histogram', unit: 'seconds', help: 'h' } as const;
      const samples = readMetrics(renderMetrics([[family, histogram.samples()]])).get('x_seconds')!.samples;
      assert.equal(samples.find(({ name }) => name === 'x_seconds_count')!.value, observed.length);
    }),
  );
});

test('the clock that is passed in tells the lag', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { EventLoopLag } = await import('./loop.ts');
  let now = 0;
  using loop = new EventLoopLag({ ...systemClock, elapsed: () => now });
  now = 700;
  t.mock.timers.tick(500);
  const sum = [...loop.lag.samples()].find(({ suffix }) => suffix === '_sum');
  assert.equal(sum!.value, 0.2);
});
