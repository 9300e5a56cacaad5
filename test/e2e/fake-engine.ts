/** An engine that shows what reached it, byte by byte, which a real dockerd does not. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directOnly, type Gantry, type Side, startGantry } from './stand.ts';

export interface FakeEngine extends AsyncDisposable {
  /** To it through Gantry, or straight when GANTRY_E2E_DIRECT is set. */
  readonly through: Side;
  readonly gantry: Gantry | undefined;
}

/**
 * Starts it. `serve` gets each connection after its first request head, with that head's text (`\r\n\r\n`
 * included) and what came after it; Gantry's own probes (`HEAD /_ping`, `GET /version`…) are answered here
 * unless they carry the header `X-Test`.
 */
export async function openFakeEngine(
  serve: (head: string, rest: Buffer, socket: Socket) => void,
): Promise<FakeEngine> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'gantry-fake-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'engine.sock');
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    readHead(socket, serve);
  });
  server.listen(path);
  await once(server, 'listening');
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const direct: Side = { name: 'direct', url: `unix://${path}`, path };
  const gantry = directOnly ? undefined : stack.use(await startGantry(direct.url));
  const owned = stack.move();
  return { through: gantry?.unix ?? direct, gantry, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function readHead(socket: Socket, serve: (head: string, rest: Buffer, socket: Socket) => void): void {
  let held = Buffer.alloc(0);
  const hear = (piece: Buffer) => {
    held = Buffer.concat([held, piece]);
    const end = held.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = held.subarray(0, end + 4).toString('latin1');
    const rest = held.subarray(end + 4);
    held = Buffer.alloc(0);
    if (/^X-Test:/im.test(head)) {
      socket.off('data', hear);
      serve(head, rest, socket);
    } else {
      socket.write('HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\n');
      if (!head.startsWith('HEAD')) socket.write('OK');
    }
  };
  socket.on('data', hear);
}
