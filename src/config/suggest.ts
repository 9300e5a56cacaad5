/** "Did you mean …": the known word nearest to what was written. */

/** The nearest of `known` within a third of its length in edits, or undefined. */
export function suggest(written: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const word of known) {
    const distance = editDistance(fold(written), fold(word));
    if (distance < bestDistance) [best, bestDistance] = [word, distance];
  }
  return best !== undefined && bestDistance <= Math.max(1, Math.ceil(best.length / 3)) ? best : undefined;
}

/** `data-dir`, `data_dir` and `DataDir` are spellings of one word. */
function fold(word: string): string {
  return word.slice(0, 64).toLowerCase().replace(/[-_]/g, '');
}

/** Optimal string alignment: insertions, deletions, replacements and swapped neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) distance = Math.min(distance, before[j - 2]! + 1);
      next.push(distance);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
