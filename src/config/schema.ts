/**
 * gantry.yaml: this schema is the reference. docs/gantry-yaml.md explains every key of it, and a test
 * checks that both hold the same ones. Flags and environment variables are read by it too.
 */
import { z } from 'zod';
import { duration, size } from './units.ts';
import { AddressInvalid, modePattern, readEngineUrl, readListenUrl } from './urls.ts';

/** Text that one of the readers in urls.ts accepts; its own sentence becomes the mistake. */
function address(read: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      read(text);
    } catch (error) {
      if (!(error instanceof AddressInvalid)) throw error;
      context.addIssue({ code: 'custom', message: error.message, params: { remedy: error.remedy } });
    }
  });
}

/** A path that is not there at all is found when the file is read; an empty one is a mistake at once. */
const path = z
  .string()
  .regex(/^[^\0]+$/)
  .meta({ expected: 'the path of a file', example: '/etc/gantry/ca.pem' });

const directory = z
  .string()
  .regex(/^[^\0]+$/)
  .meta({ expected: 'the path of a directory', example: '/var/lib/gantry' });

const tls = z
  .strictObject({
    ca: path.exactOptional().meta({ description: 'Certificates that the other side must be signed by.' }),
    cert: path.exactOptional().meta({ description: 'Our certificate.' }),
    key: path.exactOptional().meta({ description: "Our certificate's private key." }),
  })
  .meta({
    expected: 'a mapping of ca, cert and key',
    example: '{ ca: ca.pem, cert: cert.pem, key: key.pem }',
  });

const engineUrl = address(readEngineUrl).meta({
  expected: 'the URL of a Docker engine',
  example: 'unix:///var/run/docker.sock',
});
const listenUrl = address(readListenUrl).meta({
  expected: 'the URL to listen on',
  example: 'tcp://127.0.0.1:2375',
});

const engine = z
  .union([
    engineUrl,
    z.strictObject({
      url: engineUrl.exactOptional().meta({ description: 'Where the engine is.' }),
      tls: tls.exactOptional().meta({ description: 'Speak TLS to a tcp:// engine.' }),
    }),
  ])
  .meta({
    description: 'The Docker engine behind Gantry.',
    expected: "an engine's URL, or a mapping of url and tls",
    example: 'unix:///var/run/docker.sock',
  });

const listener = z
  .union([
    listenUrl,
    z.strictObject({
      url: listenUrl,
      group: z
        .union([z.string().min(1), z.int().nonnegative()])
        .meta({ expected: 'the name or number of a group', example: 'docker' })
        .exactOptional()
        .meta({ description: 'Group of a unix:// socket.' }),
      mode: z
        .string()
        .regex(modePattern)
        .meta({ expected: 'a file mode in quotes', example: "'0660'" })
        .exactOptional()
        .meta({ description: 'File mode of a unix:// socket.' }),
      tls: tls.exactOptional().meta({ description: 'Serve TLS on a tcp:// listener.' }),
    }),
  ])
  .meta({
    expected: 'a URL to listen on, or a mapping of url, group, mode and tls',
    example: 'tcp://127.0.0.1:2375',
  });

const limits = z
  .strictObject({
    headBytes: size.exactOptional().meta({ description: 'Size of a request or reply head.' }),
    headTimeout: duration.exactOptional().meta({ description: "From a head's first byte to its last." }),
    drainBytes: size.exactOptional().meta({ description: 'Unread upload thrown away to keep a connection.' }),
    lingerTimeout: duration
      .exactOptional()
      .meta({ description: 'How long a closing connection still reads, so that the reply arrives.' }),
    connections: z
      .int()
      .positive()
      .meta({ expected: 'a whole number above 0', example: '10000' })
      .exactOptional()
      .meta({ description: 'Client connections one listener holds at once.' }),
    stopGrace: duration
      .exactOptional()
      .meta({ description: 'How long running calls may go on after the first signal.' }),
  })
  .meta({ expected: 'a mapping of limits', example: '{ stopGrace: 10s }' });

const logLevel = z
  .enum(['debug', 'info', 'warn', 'error'])
  .meta({ expected: 'debug, info, warn or error', example: 'info' });

const logFormat = z.enum(['auto', 'text', 'json']).meta({ expected: 'auto, text or json', example: 'json' });

const log = z
  .strictObject({
    level: logLevel.exactOptional().meta({ description: 'The least important lines that are written.' }),
    format: logFormat
      .exactOptional()
      .meta({ description: '`auto` writes text to a terminal and JSON elsewhere.' }),
  })
  .meta({ expected: 'a mapping of level and format', example: '{ level: info }' });

/** The whole file. */
export const gantryYaml = z
  .strictObject({
    engine: engine.exactOptional(),
    listen: z
      .array(listener)
      .min(1)
      .meta({ expected: 'a list of one or more URLs to listen on', example: '[tcp://127.0.0.1:2375]' })
      .exactOptional()
      .meta({ description: 'Where Docker clients are served.' }),
    adapters: path
      .meta({ expected: 'the path of an adapters.yml', example: 'adapters.yml' })
      .exactOptional()
      .meta({ description: 'Which adapters see which calls.' }),
    dataDir: directory.exactOptional().meta({ description: 'Where Gantry keeps what must last.' }),
    control: listener.exactOptional().meta({ description: 'A second address for the control API.' }),
    insecure: z
      .boolean()
      .exactOptional()
      .meta({ description: 'Allow TCP listeners beyond loopback without client certificates.' }),
    audit: path
      .meta({
        expected: 'the path of a file, or "-" for standard output',
        example: '/var/log/gantry/audit.log',
      })
      .exactOptional()
      .meta({ description: 'Where one line for each call is written.' }),
    log: log.exactOptional().meta({ description: "Gantry's own messages." }),
    limits: limits.exactOptional().meta({ description: 'Bounds no client may pass.' }),
  })
  .meta({ expected: 'a mapping of settings', example: 'engine: unix:///var/run/docker.sock' });

/** What the file says, checked; durations are milliseconds and sizes bytes. */
export type GantryYaml = z.output<typeof gantryYaml>;
/** A listener as the file has it: a URL or a mapping. */
export type Listener = z.output<typeof listener>;
/** `log.level` */
export type LogLevel = z.output<typeof logLevel>;
/** `log.format` */
export type LogFormat = z.output<typeof logFormat>;
/** `limits`: milliseconds and bytes. */
export type LimitSettings = z.output<typeof limits>;
