/**
 * Whatever Gantry accepts, Node's own HTTP reads in the same way: a proxy that reads a call otherwise than the
 * engine behind it does is a hole. Gantry may refuse more.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cut, cuts, replies, requests, runs } from './messages.ts';
import { nodeReply, nodeRequests, ourReply, ourRequests, type Reading } from './readers.ts';

const show = (text: string) => JSON.stringify(text);

/** Ours against theirs: the same messages, until ours refuses. */
function agree<T>(text: string, ours: Reading<T>, theirs: Reading<T>, forgiven: RegExp): void {
  const about = `${show(text)}\nours: ${JSON.stringify(ours)}\ntheirs: ${JSON.stringify(theirs)}`;
  for (const [i, message] of ours.messages.entries()) {
    if (theirs.messages[i] === undefined && theirs.refused && forgiven.test(theirs.refused)) return;
    assert.deepEqual(theirs.messages[i], message, about);
  }
  if (!ours.refused) assert.equal(theirs.messages.length, ours.messages.length, about);
}

describe('requests', () => {
  /**
   * Node knows a list of methods, fewer characters in targets than Go does, and drops what it has read when
   * more follows on a connection that was to close.
   */
  const forgiven = /HPE_INVALID_METHOD|HPE_INVALID_URL|HPE_CLOSED_CONNECTION/;

  it('are read as node:http reads them, or refused', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(requests, async (text) => {
        const whole = cut(text, []);
        const ours = await ourRequests(whole);
        accepted += ours.messages.length;
        agree(text, ours, await nodeRequests(whole), forgiven);
      }),
      runs(6000),
    );
    assert.ok(accepted > 500, `only ${accepted} requests were accepted: this shows little`);
  });

  it('are read the same in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(requests, cuts, async (text, at) => {
        const [pieces, whole] = [await ourRequests(cut(text, at)), await ourRequests(cut(text, []))];
        assert.deepEqual(pieces.messages, whole.messages, show(text));
        // A broken head that comes in pieces is refused when its end has come, or its time is up.
        if (pieces.refused) assert.equal(pieces.refused, whole.refused, show(text));
      }),
      runs(3000),
    );
  });
});

describe('replies', () => {
  it('are read as node:http reads them, or refused', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('GET', 'HEAD'), replies, async (method, text) => {
        const whole = cut(text, []);
        const ours = await ourReply(method, whole);
        accepted += ours.messages.length;
        agree(text, ours, await nodeReply(method, whole), /^$/);
      }),
      runs(6000),
    );
    assert.ok(accepted > 500, `only ${accepted} replies were accepted: this shows little`);
  });

  it('are read the same in whatever pieces they come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('GET', 'HEAD'), replies, cuts, async (method, text, at) => {
        const [pieces, whole] = [
          await ourReply(method, cut(text, at)),
          await ourReply(method, cut(text, [])),
        ];
        assert.deepEqual(pieces.messages, whole.messages, show(text));
        assert.equal(pieces.refused === undefined, whole.refused === undefined, show(text));
      }),
      runs(3000),
    );
  });
});
