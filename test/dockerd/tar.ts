/** Tar archives in memory (POSIX.1-1988 ustar): what images, builds and `docker cp` are sent as. */

export interface TarEntry {
  /** Relative, shorter than 100 bytes; a directory's ends with `/`. */
  readonly name: string;
  readonly content?: Uint8Array | string;
  /** Target of a symbolic link. */
  readonly link?: string;
  /** Permission bits, 0o755 unless said otherwise. */
  readonly mode?: number;
}

/** The archive of these entries, ended as tar wants it: by two empty blocks. */
export function tar(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(1024)]);
}

function blocks(entry: TarEntry): Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return [tarHead(entry, content.length), content, padding];
}

/** The 512-byte head of one entry whose content is this long. */
export function tarHead(entry: TarEntry, size: number): Buffer {
  const head = Buffer.alloc(512);
  const octal = (value: number, at: number, width: number) =>
    head.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  head.write(entry.name, 0, 100);
  octal(entry.mode ?? 0o755, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  head.write(entry.link ? '2' : entry.name.endsWith('/') ? '5' : '0', 156);
  head.write(entry.link ?? '', 157, 100);
  head.write('ustar\x0000', 257, 'latin1');
  // The checksum is taken with its own field as spaces.
  head.fill(' ', 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return head;
}
