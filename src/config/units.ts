/** Durations and sizes as people write them: `30s`, `1MiB`. */
import { z } from 'zod';

const milliseconds: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const byteUnits: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Text such as `500ms`, `30s`, `2m`, `1h`; gives milliseconds. A bare number would leave the unit open. */
export const duration = z
  .string()
  .regex(/^\d{1,9}(?:ms|s|m|h)$/)
  .transform((text) => amount(text, milliseconds))
  .refine((value) => value <= 2 ** 31 - 1) // the longest timer
  .meta({ expected: 'a duration: a whole number with ms, s, m or h behind it', example: '30s' });

/** A number of bytes, or text such as `64KiB`, `1MiB`; gives bytes. */
export const size = z
  .union([
    z.int().nonnegative(),
    z
      .string()
      .regex(/^\d{1,9}(?:B|KiB|MiB|GiB)$/)
      .transform((text) => amount(text, byteUnits)),
  ])
  .meta({ expected: 'a size: a number of bytes, or one with KiB, MiB or GiB behind it', example: '1MiB' });

/** The text that reads as that many milliseconds, in the largest whole unit. */
export function formatDuration(value: number): string {
  return format(value, milliseconds);
}

/** The text that reads as that many bytes, in the largest whole unit. */
export function formatSize(value: number): string {
  return format(value, byteUnits);
}

function amount(text: string, units: Record<string, number>): number {
  const [, digits, unit] = /^(\d+)(\D+)$/.exec(text)!;
  return Number(digits) * units[unit!]!;
}

function format(value: number, units: Record<string, number>): string {
  const [unit, factor] = Object.entries(units).findLast(([, each]) => value >= each && value % each === 0)!;
  return `${value / factor}${unit}`;
}
