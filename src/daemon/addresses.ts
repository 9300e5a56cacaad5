/** From the URLs, files and groups in the settings to addresses the edge can use. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ListenerSettings, Settings } from '../config/settings.ts';
import { readEngineUrl, readListenUrl, type TlsPaths } from '../config/urls.ts';
import type { EngineAddress, ListenAddress, TlsFiles } from '../core/address.ts';
import { GantryError } from '../core/refusal.ts';
import { findGroup, groupId } from '../host/group.ts';

/** Reads the certificates; throws `tls-file-unusable`. */
export async function engineAddress({ url, tls }: Settings['engine']): Promise<EngineAddress> {
  const address = readEngineUrl(url);
  if (address.kind !== 'tcp' || tls === undefined) return address;
  return { ...address, kind: 'tls', tls: await readTls(tls) };
}

/**
 * Reads certificates and looks groups up; throws `tls-file-unusable`, `group-unknown`. Where no group is
 * named, root's sockets go to the group `docker`, as dockerd's own does.
 */
export async function listenAddress(settings: ListenerSettings, root: boolean): Promise<ListenAddress> {
  const { options: _options, ...address } = readListenUrl(settings.url);
  if (address.kind === 'unix') {
    const { group, mode } = settings;
    const usual = root ? await findGroup('docker') : undefined;
    const gid = group === undefined ? usual : await groupId(group);
    return { ...address, mode: Number.parseInt(mode ?? '0660', 8), gid };
  }
  if (settings.tls === undefined) return address;
  return { ...address, kind: 'tls', tls: await readTls(settings.tls) };
}

async function readTls(paths: TlsPaths): Promise<TlsFiles> {
  const [ca, cert, key] = await Promise.all([paths.ca, paths.cert, paths.key].map(readPem));
  check(paths.ca, () => ca && new X509Certificate(ca));
  const certificate = check(paths.cert, () => (cert ? new X509Certificate(cert) : undefined));
  const secret = check(paths.key, () => (key ? createPrivateKey(key) : undefined));
  if (certificate && secret && !certificate.checkPrivateKey(secret)) {
    throw new TlsFileUnusable(paths.key!, `it is not the key of the certificate in ${paths.cert}`);
  }
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TlsFileUnusable(path, (cause as Error).message, cause);
  }
}

/** A broken file is found now and named, not at the first connection. */
function check<T>(path: string | undefined, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new TlsFileUnusable(path!, `OpenSSL cannot read it (${(cause as Error).message})`, cause);
  }
}

/** A certificate or key cannot be read, is no PEM, or does not fit the other. */
export class TlsFileUnusable extends GantryError {
  constructor(path: string, why: string, cause?: unknown) {
    super({
      code: 'tls-file-unusable',
      message: `The file ${path} cannot be used for TLS: ${why}.`,
      remedy: 'Name a readable PEM file: certificates for ca and cert, an unencrypted private key for key.',
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
