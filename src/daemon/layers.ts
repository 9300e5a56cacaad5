/**
 * The list is the architecture: every call passes these layers from top to bottom, and its reply from
 * bottom to top. What a line stands for is in its own room; here only their order is decided.
 */
import { compose, type Engine, type Layer } from '../core/engine.ts';
import { dryRun } from '../docker/dry-run.ts';

/** What the list is made of. */
export interface Parts {
  readonly refusals: Layer;
  /** Absent without an adapters file: then nothing of it is in the way. */
  readonly adapters: Layer | undefined;
  readonly engine: Engine;
}

/** One engine made of all layers around the engine behind Gantry. */
export function assemble({ refusals, adapters, engine }: Parts): Engine {
  const layers: (Layer | undefined)[] = [
    // observe: stands outside the list; the edge tells it when a call's last byte has passed
    refusals, // what was thrown below becomes Docker's JSON
    // identify: the edge has said who the client is: listener, address, certificate
    adapters, // outside programs see and change calls and replies
    // policy, volumes, networks, placement, cluster: judge and change the call that will really be made
    dryRun, // what only asks what would happen goes no further
  ];
  return compose(
    layers.filter((layer) => layer !== undefined),
    engine,
  );
}
