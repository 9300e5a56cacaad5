/** Where engines are dialled and clients are served, after the URLs people write have been read. */

/** PEM texts. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Where an engine is dialled; `url` in its normal spelling, for people. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly url: string; readonly path: string }
  | { readonly kind: 'tcp'; readonly url: string; readonly host: string; readonly port: number }
  | {
      readonly kind: 'tls';
      readonly url: string;
      readonly host: string;
      readonly port: number;
      readonly tls: TlsFiles;
    }
  | {
      readonly kind: 'ssh';
      readonly url: string;
      readonly host: string;
      readonly port: number | undefined;
      readonly user: string | undefined;
    };

/** Where clients are served; `url` likewise. */
export type ListenAddress =
  | {
      readonly kind: 'unix';
      readonly url: string;
      readonly path: string;
      /** File mode of the socket, 0o660 unless configured. */
      readonly mode: number;
      /** Numeric group that owns the socket; undefined leaves the daemon's own. */
      readonly gid: number | undefined;
    }
  | { readonly kind: 'tcp'; readonly url: string; readonly host: string; readonly port: number }
  | {
      readonly kind: 'tls';
      readonly url: string;
      readonly host: string;
      readonly port: number;
      /** With `ca` every client must show a certificate that it signed. */
      readonly tls: TlsFiles;
    };

/** True for hosts that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** A host as URLs have it: IPv6 addresses stand in brackets. */
export function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
