/** Holds every call that it is asked about for a second, or for SLOW_SECONDS. */
import { setTimeout } from 'node:timers/promises';
import { defineAdapter } from 'gantry/adapter';

const seconds = Number(process.env.SLOW_SECONDS ?? 1);

export default defineAdapter({
  name: 'slow',
  description: 'Holds each call for a second (SLOW_SECONDS).',
  async onPre() {
    await setTimeout(seconds * 1000);
  },
});
