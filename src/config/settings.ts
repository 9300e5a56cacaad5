/**
 * Every setting on one screen: its name in gantry.yaml, its flag, its environment variable. Merge order is
 * defaults < file < environment < flags (decide.ts).
 */
import type { LimitSettings, LogFormat, LogLevel } from './schema.ts';
import type { TlsPaths } from './urls.ts';

/** How a flag's or variable's text becomes a value of the schema. */
export type Kind = 'text' | 'list' | 'switch' | 'number';

/** One row of the table. */
export interface Setting {
  /** Dotted path in gantry.yaml. */
  readonly name: string;
  readonly kind: Kind;
  /** As commander takes it; undefined where there is none. */
  readonly flag: string | undefined;
  readonly env: string;
  readonly help: string;
}

const table = `
engine.url           text    --engine <url>        GANTRY_ENGINE                Docker engine: unix://, tcp://, ssh://
engine.tls.ca        text    --tlscacert <file>    GANTRY_TLSCACERT             CA of the engine's certificate
engine.tls.cert      text    --tlscert <file>      GANTRY_TLSCERT               our certificate for the engine
engine.tls.key       text    --tlskey <file>       GANTRY_TLSKEY                our certificate's key
listen               list    --listen <url>        GANTRY_LISTEN                serve Docker clients here; repeatable
adapters             text    --adapters <file>     GANTRY_ADAPTERS              adapters.yml: who sees which calls
dataDir              text    --data-dir <dir>      GANTRY_DATA_DIR              where Gantry keeps what must last
control              text    --control <url>       GANTRY_CONTROL               serve the control API here as well
insecure             switch  --insecure            GANTRY_INSECURE              allow open TCP beyond this machine
audit                text    --audit <file>        GANTRY_AUDIT                 one JSON line a call; - for stdout
log.level            text    --log-level <level>   GANTRY_LOG_LEVEL             least important messages
log.format           text    --log-format <form>   GANTRY_LOG_FORMAT            how messages are written
limits.headBytes     number  -                     GANTRY_LIMITS_HEAD_BYTES     size of a request head
limits.headTimeout   text    -                     GANTRY_LIMITS_HEAD_TIMEOUT   time for a request head
limits.drainBytes    number  -                     GANTRY_LIMITS_DRAIN_BYTES    unread upload thrown away
limits.lingerTimeout text    -                     GANTRY_LIMITS_LINGER_TIMEOUT time a closing connection reads
limits.connections   number  -                     GANTRY_LIMITS_CONNECTIONS    clients at once, per listener
limits.stopGrace     text    -                     GANTRY_LIMITS_STOP_GRACE     time running calls get at a stop
`;

/** The table, row by row: the order of `--print-config` and of the help. */
export const settings: readonly Setting[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const parts = /^(\S+) +(\S+) +(-|--\S+(?: <\w+>)?) +(\S+) +(.+)$/.exec(line)!;
    const [, name, kind, flag, env, help] = parts as unknown as [
      string,
      string,
      Kind,
      string,
      string,
      string,
    ];
    return { name, kind, flag: flag === '-' ? undefined : flag, env, help };
  });

/** The values of settings that have a closed list of them. */
export const choices: Readonly<Record<string, readonly string[]>> = {
  'log.level': ['debug', 'info', 'warn', 'error'] satisfies LogLevel[],
  'log.format': ['auto', 'text', 'json'] satisfies LogFormat[],
};

/** `--listen` of `--listen <url>`. */
export function flagName(setting: Setting): string | undefined {
  return setting.flag?.split(' ', 1)[0];
}

/** One address that clients come to; `url` in its normal spelling, without options. */
export interface ListenerSettings {
  readonly url: string;
  readonly group?: string | number;
  readonly mode?: string;
  readonly tls?: TlsPaths;
}

/** Everything decided: what the daemon is started with. Paths are absolute. */
export interface Settings {
  readonly engine: { readonly url: string; readonly tls?: TlsPaths };
  readonly listen: readonly ListenerSettings[];
  readonly adapters?: string;
  readonly dataDir: string;
  readonly control?: ListenerSettings;
  readonly insecure: boolean;
  /** A path, or `-` for standard output. */
  readonly audit?: string;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Those not set have the defaults of the room that keeps them. */
  readonly limits: LimitSettings & { readonly stopGrace: number };
}
