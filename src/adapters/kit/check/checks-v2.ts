/** What an adapter that speaks version 2 should do besides. */
import { unwindAnswerV2 } from '../../protocol.ts';
import { postV2, preV2, unwindV2 } from '../samples.ts';
import { askPost, askPre, bodyOf } from './asking.ts';
import { type Check, fail, note, pass } from './verdict.ts';

/** Run first: the others are only run when it passes or the adapter refuses. */
export const speaksV2: Check = {
  id: 'v2-pre',
  title: 'answers a pre-hook',
  see: 'docs/powerstrip-protocol.md#version-2',
  async run(probe) {
    const { changed } = await askPre(probe, preV2());
    return changed.notes.length === 0 ? pass : note(`In its answer ${changed.notes.join('; ')}.`);
  },
};

/** In the order in which they run. */
export const checksV2: readonly Check[] = [
  {
    id: 'v2-post',
    title: 'answers a post-hook',
    see: 'docs/powerstrip-protocol.md#version-2',
    async run(probe) {
      await askPost(probe, postV2());
      return pass;
    },
  },
  {
    id: 'v2-null-body',
    title: 'takes a call without a body',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const list = { Method: 'GET', Request: '/v1.41/containers/json', Body: null, Headers: {} };
      const asked = await askPre(probe, preV2(list, { Operation: 'ContainerList' }));
      return bodyOf(asked) === '' ? pass : note('It gave a body to a GET, which engines ignore.');
    },
  },
  {
    id: 'v2-binary',
    title: 'takes a body in base64',
    see: 'docs/powerstrip-protocol.md#bodies',
    async run(probe) {
      const Body = Buffer.from([0xff, 0xfe, 0]).toString('base64');
      const upload = { Method: 'POST', Request: '/v1.41/build', Body, BodyEncoding: 'base64' as const };
      await askPre(probe, preV2({ ...upload, Headers: {} }, { Operation: 'ImageBuild' }));
      return pass;
    },
  },
  {
    id: 'v2-unwind',
    title: 'answers an unwind-hook',
    see: 'docs/powerstrip-protocol.md#unwind',
    async run(probe) {
      const answer = await probe.as(2).exchange(unwindV2());
      const checked = unwindAnswerV2.safeParse(answer ?? {});
      return checked.success ? pass : fail(`Its answer is wrong: ${checked.error.issues[0]!.message}.`);
    },
  },
  {
    id: 'v2-same-id',
    title: 'takes the same call twice (an adapter may be listed twice)',
    see: 'docs/powerstrip-protocol.md#version-2',
    async run(probe) {
      await askPre(probe, preV2({}, { RequestId: 'twice' }));
      await askPre(probe, preV2({}, { RequestId: 'twice' }));
      return pass;
    },
  },
];
