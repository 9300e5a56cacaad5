/**
 * HAProxy guarding a Docker engine the way the docker-socket-proxy image does: for each section of the API one
 * rule with a case-insensitive regular expression on the decoded path and a switch in the environment, tried
 * in order until one allows the call; a method rule before them, a refusal after them, and a second back end
 * without time-out for events. Kinds, order and number of the rules follow that image's public configuration;
 * the text is made here.
 *
 * It is "tuned down" to be fair to HAProxy: that image writes a log line per call and opens a connection to
 * the engine for each (`http-server-close`); here nothing is logged and connections are kept. `asShipped`
 * gives those two back.
 */

const actions: readonly (readonly [path: string, variable: string])[] = [
  ['((stop)|(restart)|(kill))', 'ALLOW_RESTARTS'],
  ['start', 'ALLOW_START'],
  ['stop', 'ALLOW_STOP'],
];

const sections = (
  'auth build commit configs containers distribution events exec grpc images info networks nodes _ping plugins ' +
  'secrets services session swarm system tasks version volumes'
).split(' ');

const anyPrefix = '^(/v[\\d\\.]+)?(/\\w+)?';

/** The switches as a user sets them who lets everything the docker CLI does pass. */
export const allowEverything: Record<string, string> = {
  POST: '1',
  ...Object.fromEntries(actions.map(([, variable]) => [variable, '1'])),
  ...Object.fromEntries(sections.map((section) => [switchOf(section), '1'])),
};

/** The configuration's text. `engine` is a unix socket's path; `asShipped` logs and closes as the image does. */
export function haproxyRules(engine: string, port: number, asShipped = false): string {
  return `global
    nbthread 1
    maxconn 4000
    ${asShipped ? 'log stdout format raw daemon info' : ''}
defaults
    mode http
    ${asShipped ? 'log global\n    option httplog\n    option dontlognull\n    option http-server-close' : 'option http-keep-alive\n    http-reuse always\n    option splice-auto'}
    option redispatch
    retries 3
    timeout connect 10s
    timeout client 10m
    timeout server 10m
    timeout http-request 10s
    timeout http-keep-alive ${asShipped ? 10 : 60}s
    timeout queue 1m
frontend docker
    bind 127.0.0.1:${port}
    http-request deny unless METH_GET || { env(POST) -m bool }
${rules().join('\n')}
    http-request deny
    use_backend events if { path,url_dec -m reg -i ${anyPrefix}/events }
    default_backend engine
backend engine
    server engine unix@${engine}
backend events
    timeout server 1h
    server engine unix@${engine}
`;
}

function rules(): string[] {
  return [
    ...actions.map(([path, name]) => allow(`${anyPrefix}/containers/[a-zA-Z0-9_.-]+/${path}`, name)),
    ...sections.map((section) => allow(`${anyPrefix}/${section}`, switchOf(section))),
  ];
}

function allow(pattern: string, variable: string): string {
  return `    http-request allow if { path,url_dec -m reg -i ${pattern} } { env(${variable}) -m bool }`;
}

/** `_ping` is switched by PING. */
function switchOf(section: string): string {
  return section.replace('_', '').toUpperCase();
}
