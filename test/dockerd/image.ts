/** The one image the tests run: a static busybox, made here because there is no image registry. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { type TarEntry, tar } from './tar.ts';

/** Name of the image in every test engine. */
export const image = 'gantry/busybox';

/** Root file system with busybox as every command it knows. */
export function busyboxRoot(): Buffer {
  const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  const directories = ['bin/', 'etc/', 'root/', 'tmp/', 'usr/', 'usr/bin/', 'var/'];
  const entries: TarEntry[] = directories.map((name) => ({ name }));
  entries.push({ name: 'bin/busybox', content: readFileSync(busybox) });
  for (const applet of applets) {
    if (applet !== 'busybox') entries.push({ name: `bin/${applet}`, link: 'busybox' });
  }
  entries.push({ name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\n', mode: 0o644 });
  entries.push({ name: 'etc/group', content: 'root:x:0:\n', mode: 0o644 });
  return tar(entries);
}

/** Imports the image into the engine behind a Unix socket, with a shell as its command. */
export function importImage(socketPath: string): Promise<void> {
  const changes = encodeURIComponent('CMD ["sh"]');
  const path = `/images/create?fromSrc=-&repo=${encodeURIComponent(image)}&tag=latest&changes=${changes}`;
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method: 'POST', path }, async (reply) => {
      const text = (await reply.toArray()).join('');
      if (reply.statusCode === 200 && !text.includes('"error"')) resolve();
      else reject(new Error(`The image could not be imported: ${text}`));
    });
    call.on('error', reject);
    call.end(busyboxRoot());
  });
}
