/** The listeners for Docker clients. */
import type { ListenerSettings } from '../config/settings.ts';
import { type EdgeServer, type ServeOptions, serve } from '../edge/serve.ts';
import { listenOn } from './claim.ts';

/** Begin one by one, and end together. */
export class Listeners implements AsyncDisposable {
  readonly #grace: number;
  readonly #servers: EdgeServer[] = [];
  readonly #cut = Promise.withResolvers<void>();

  /** `grace`: milliseconds that running calls may go on when it ends. */
  constructor(grace: number) {
    this.#grace = grace;
  }

  /** With the ports they really got. */
  get urls(): string[] {
    return this.#servers.map(({ url }) => url);
  }

  async add(
    settings: ListenerSettings,
    root: boolean,
    serving: Omit<ServeOptions, 'address'>,
  ): Promise<void> {
    this.#servers.push(await listenOn(settings, root, (address) => serve({ ...serving, address })));
  }

  /** Ends every connection at once; whoever waits for the end waits no longer. */
  cut(): void {
    for (const server of this.#servers) server.destroy();
    this.#cut.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.all(this.#servers.map((server) => server.close(this.#grace)));
    await Promise.race([closed, this.#cut.promise]);
  }
}
