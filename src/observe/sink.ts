/** Where audit lines end up: a file, or standard output. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';

/** What a `LineWriter` writes to: one write at a time. */
export interface Sink {
  /** Tries once; resolves with how many bytes were taken (perhaps fewer), rejects when none could be. */
  write(data: Uint8Array): Promise<number>;
  /** Goes on in a new file of the same name, after the old one was renamed; the old one stays when it fails. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Appends to a file that only its owner may read; made when it is not there. */
export async function fileSink(path: string): Promise<Sink> {
  const openFile = () => open(path, 'a', 0o600);
  let file: FileHandle = await openFile();
  return {
    write: async (data) => (await file.write(data)).bytesWritten,
    async reopen() {
      const old = file;
      file = await openFile();
      await old.close();
    },
    close: () => file.close(),
  };
}

/** Writes to a stream that others own: it is neither reopened nor closed. */
export function streamSink(stream: Writable): Sink {
  // A pipe whose reader has gone says so here as well as to the write: once is enough.
  const ignore = () => {};
  stream.on('error', ignore);
  return {
    write: (data) =>
      new Promise((resolve, reject) => {
        stream.write(data, (error) => (error ? reject(error) : resolve(data.byteLength)));
      }),
    reopen: async () => {},
    close: async () => {
      stream.off('error', ignore);
    },
  };
}
