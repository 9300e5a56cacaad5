/** What can go wrong between Gantry and an engine. */
import type { EngineAddress } from '../core/address.ts';
import { Refusal } from '../core/refusal.ts';

/** Nobody answers at the engine's address. */
export class EngineUnreachable extends Refusal {
  constructor(address: EngineAddress, cause: Error) {
    super({
      code: 'engine-unreachable',
      status: 503,
      message: `Cannot connect to the Docker engine at ${address.url}: ${reasonOf(cause)}.`,
      remedy: `${whatToTry(address)} Gantry connects again by itself as soon as it answers.`,
      cause,
    });
  }
}

/** The engine closed, or spoke no HTTP, before the call was answered. */
export class EngineClosed extends Refusal {
  constructor(cause?: Error) {
    super({
      code: 'engine-closed',
      status: 502,
      message: `The Docker engine ended the connection before it had answered${cause ? ` (${reasonOf(cause)})` : ''}.`,
      remedy: 'The call may have been carried out: look before you send it again.',
      cause,
    });
  }
}

function whatToTry(address: EngineAddress): string {
  if (address.kind !== 'ssh') return 'Is the engine running?';
  const { user, host, port } = address;
  const words = ['ssh', ...(port ? ['-p', port] : []), user ? `${user}@${host}` : host, 'docker version'];
  return `Try "${words.join(' ')}" as the user that runs Gantry: it must answer, ask nothing, and print nothing before.`;
}

/** Without a full stop. */
function reasonOf(cause: Error): string {
  const code = (cause as NodeJS.ErrnoException).code;
  const known: Record<string, string> = {
    ENOENT: 'the socket does not exist',
    ECONNREFUSED: 'connection refused',
    EACCES: 'permission denied',
    ETIMEDOUT: 'no answer in time',
    ECONNRESET: 'connection reset',
    EPIPE: 'connection closed',
    ENOTFOUND: 'no such host',
    ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate',
    ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not accept our certificate',
    ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept our certificate',
    EPROTO: 'it does not speak TLS',
  };
  return (code && known[code]) || cause.message.replace(/\.$/, '');
}
