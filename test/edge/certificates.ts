/** Certificates for a test, made by openssl: an authority, a server, a client, and a client of a stranger. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '../../src/core/address.ts';

export interface Certificates {
  readonly ca: string;
  readonly server: TlsFiles;
  readonly client: TlsFiles;
  /** Signed by an authority that nobody knows. */
  readonly stranger: TlsFiles;
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-tls-'));
  try {
    const ours = authority(folder, 'ca');
    authority(folder, 'strangers');
    return {
      ca: ours,
      server: signed(folder, 'ca', 'server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'),
      client: signed(folder, 'ca', 'client', 'extendedKeyUsage=clientAuth'),
      stranger: signed(folder, 'strangers', 'stranger', 'extendedKeyUsage=clientAuth'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(folder: string, ...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

function authority(folder: string, name: string): string {
  openssl(
    folder,
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  );
  return readFileSync(join(folder, `${name}.crt`), 'utf8');
}

function signed(folder: string, by: string, name: string, extension: string): TlsFiles {
  openssl(folder, 'req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
  writeFileSync(join(folder, `${name}.ext`), extension);
  const authority = ['-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial'];
  openssl(
    folder,
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    ...authority,
    '-days',
    '2',
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
  );
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  return { cert: read(`${name}.crt`), key: read(`${name}.key`) };
}
