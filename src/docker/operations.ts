/**
 * Every operation of the Docker Engine API (1.24 to 1.52) on one screen, and how Gantry treats its streams.
 * Names are those of Docker's API reference.
 *
 * The fourth column says what is special about the bodies; nothing means JSON both ways:
 *   up      the request body is a stream of bytes (a tar, an image), whatever its Content-Type says
 *   down    the reply body is a stream: bytes, progress lines, events, logs
 *   tunnel  the connection is hijacked
 */
const table = `
SystemPing               GET    /_ping
SystemPingHead           HEAD   /_ping
SystemVersion            GET    /version
SystemInfo               GET    /info
SystemAuth               POST   /auth
SystemEvents             GET    /events                            down
SystemDataUsage          GET    /system/df
ContainerList            GET    /containers/json
ContainerCreate          POST   /containers/create
ContainerPrune           POST   /containers/prune
ContainerInspect         GET    /containers/{id}/json
ContainerTop             GET    /containers/{id}/top
ContainerLogs            GET    /containers/{id}/logs              down
ContainerChanges         GET    /containers/{id}/changes
ContainerExport          GET    /containers/{id}/export            down
ContainerStats           GET    /containers/{id}/stats             down
ContainerResize          POST   /containers/{id}/resize
ContainerStart           POST   /containers/{id}/start
ContainerStop            POST   /containers/{id}/stop
ContainerRestart         POST   /containers/{id}/restart
ContainerKill            POST   /containers/{id}/kill
ContainerUpdate          POST   /containers/{id}/update
ContainerRename          POST   /containers/{id}/rename
ContainerPause           POST   /containers/{id}/pause
ContainerUnpause         POST   /containers/{id}/unpause
ContainerAttach          POST   /containers/{id}/attach            tunnel
ContainerAttachWebsocket GET    /containers/{id}/attach/ws         tunnel
ContainerWait            POST   /containers/{id}/wait
ContainerArchiveInfo     HEAD   /containers/{id}/archive
ContainerArchive         GET    /containers/{id}/archive           down
PutContainerArchive      PUT    /containers/{id}/archive           up
ContainerCopy            POST   /containers/{id}/copy              down
ContainerExec            POST   /containers/{id}/exec
ContainerDelete          DELETE /containers/{id}
ExecStart                POST   /exec/{id}/start                   tunnel
ExecResize               POST   /exec/{id}/resize
ExecInspect              GET    /exec/{id}/json
ImageList                GET    /images/json
ImageCreate              POST   /images/create                     up down
ImageSearch              GET    /images/search
ImagePrune               POST   /images/prune
ImageGetAll              GET    /images/get                        down
ImageLoad                POST   /images/load                       up down
ImageInspect             GET    /images/{name}/json
ImageHistory             GET    /images/{name}/history
ImageAttestations        GET    /images/{name}/attestations
ImagePush                POST   /images/{name}/push                down
ImageTag                 POST   /images/{name}/tag
ImageGet                 GET    /images/{name}/get                 down
ImageDelete              DELETE /images/{name}
ImageBuild               POST   /build                             up down
BuildCancel              POST   /build/cancel
BuildPrune               POST   /build/prune
ImageCommit              POST   /commit
DistributionInspect      GET    /distribution/{name}/json
NetworkList              GET    /networks
NetworkCreate            POST   /networks/create
NetworkPrune             POST   /networks/prune
NetworkConnect           POST   /networks/{id}/connect
NetworkDisconnect        POST   /networks/{id}/disconnect
NetworkInspect           GET    /networks/{id}
NetworkDelete            DELETE /networks/{id}
VolumeList               GET    /volumes
VolumeCreate             POST   /volumes/create
VolumePrune              POST   /volumes/prune
VolumeInspect            GET    /volumes/{name}
VolumeUpdate             PUT    /volumes/{name}
VolumeDelete             DELETE /volumes/{name}
Session                  POST   /session                           tunnel
Grpc                     POST   /grpc                              tunnel
SwarmInspect             GET    /swarm
SwarmInit                POST   /swarm/init
SwarmJoin                POST   /swarm/join
SwarmLeave               POST   /swarm/leave
SwarmUpdate              POST   /swarm/update
SwarmUnlockkey           GET    /swarm/unlockkey
SwarmUnlock              POST   /swarm/unlock
NodeList                 GET    /nodes
NodeInspect              GET    /nodes/{id}
NodeUpdate               POST   /nodes/{id}/update
NodeDelete               DELETE /nodes/{id}
ServiceList              GET    /services
ServiceCreate            POST   /services/create
ServiceLogs              GET    /services/{id}/logs                down
ServiceUpdate            POST   /services/{id}/update
ServiceInspect           GET    /services/{id}
ServiceDelete            DELETE /services/{id}
TaskList                 GET    /tasks
TaskLogs                 GET    /tasks/{id}/logs                   down
TaskInspect              GET    /tasks/{id}
SecretList               GET    /secrets
SecretCreate             POST   /secrets/create
SecretUpdate             POST   /secrets/{id}/update
SecretInspect            GET    /secrets/{id}
SecretDelete             DELETE /secrets/{id}
ConfigList               GET    /configs
ConfigCreate             POST   /configs/create
ConfigUpdate             POST   /configs/{id}/update
ConfigInspect            GET    /configs/{id}
ConfigDelete             DELETE /configs/{id}
PluginList               GET    /plugins
GetPluginPrivileges      GET    /plugins/privileges
PluginPull               POST   /plugins/pull                      down
PluginCreate             POST   /plugins/create                    up
PluginInspect            GET    /plugins/{name}/json
PluginEnable             POST   /plugins/{name}/enable
PluginDisable            POST   /plugins/{name}/disable
PluginUpgrade            POST   /plugins/{name}/upgrade            down
PluginPush               POST   /plugins/{name}/push               down
PluginSet                POST   /plugins/{name}/set
PluginDelete             DELETE /plugins/{name}
`;

/** The names in the first column, for hooks and rules that are checked as they are typed. */
export type OperationName = NamesIn<typeof table>;

type NamesIn<Text extends string, Found = never> = Text extends `${infer Line}\n${infer Rest}`
  ? NamesIn<Rest, Line extends `${infer Name} ${string}` ? Found | Name : Found>
  : Found;

/** One row of the table. */
export type Operation = {
  /** `ContainerCreate`, … or `Unknown` for what the table does not hold. */
  readonly name: string;
  readonly method: string;
  /** `/containers/{id}/json` */
  readonly path: string;
  /** The request body is a stream of bytes. */
  readonly up: boolean;
  /** The reply body is a stream. */
  readonly down: boolean;
  /** The connection is hijacked. */
  readonly tunnel: boolean;
};

/** The table, row by row. */
export const operations: readonly Operation[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [name, method, path, ...marks] = line.split(/\s+/) as [string, string, string];
    const marked = (mark: string) => (marks as string[]).includes(mark);
    return { name, method, path, up: marked('up'), down: marked('down'), tunnel: marked('tunnel') };
  });

/** What the table does not hold: passes untouched. */
export const unknownOperation: Operation = {
  name: 'Unknown',
  method: '*',
  path: '*',
  up: false,
  down: false,
  tunnel: false,
};

type Route = { readonly operation: Operation; readonly pattern: RegExp; readonly literals: string[] };

/** Routes by method and first path segment, so that a look-up tries a handful at most. */
const routes = new Map<string, Route[]>();
for (const operation of operations) {
  const key = `${operation.method} ${operation.path.split('/')[1]}`;
  const route = { operation, ...compile(operation.path) };
  routes.set(key, [...(routes.get(key) ?? []), route]);
}

/** The same by shape, `GET /containers/{}/json`, for plain spellings and names without slashes: most calls. */
const shapes = new Map<string, Operation>();
for (const operation of operations) {
  shapes.set(`${operation.method} ${operation.path.replace(/\{\w+\}/, '{}')}`, operation);
}

/**
 * The operation for a method and a decoded, collapsed path without version prefix, and the path with the
 * table's spelling of its fixed parts: `/Containers/Web/JSON` → `/containers/Web/json`. Fixed parts compare
 * without case so that spelling cannot slip past a rule; names keep theirs.
 */
export function findOperation(method: string, path: string): { operation: Operation; path: string } {
  const plain = findShape(method, path);
  if (plain) return { operation: plain, path };
  // `OPTIONS *` has no path at all.
  const first = (path.split('/', 2)[1] ?? '').toLowerCase();
  for (const route of routes.get(`${method} ${first}`) ?? []) {
    const found = route.pattern.exec(path);
    if (found) return { operation: route.operation, path: respell(route, found) };
  }
  return { operation: unknownOperation, path };
}

/** `/x`, `/x/y`, or the shapes `/x/{}` and `/x/{}/y`; anything else is left to the patterns. */
function findShape(method: string, path: string): Operation | undefined {
  const exact = shapes.get(`${method} ${path}`);
  if (exact) return exact;
  const name = path.indexOf('/', 1);
  if (name < 0 || name === path.length - 1) return undefined;
  const rest = path.indexOf('/', name + 1);
  if (rest === name + 1) return undefined;
  const tail = rest < 0 ? '' : path.slice(rest);
  return shapes.get(`${method} ${path.slice(0, name)}/{}${tail}`);
}

/** A `{parameter}` takes any run of characters: image names hold slashes, as Docker's own router allows. */
function compile(path: string): { pattern: RegExp; literals: string[] } {
  const literals = path.split(/\{\w+\}/);
  const source = literals.map((text) => text.replace(/[.]/g, '\\.')).join('(.+)');
  return { pattern: new RegExp(`^${source}$`, 'is'), literals };
}

function respell(route: Route, found: RegExpExecArray): string {
  return route.literals.map((text, i) => text + (found[i + 1] ?? '')).join('');
}
