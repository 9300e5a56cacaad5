/**
 * Turns errors into something better: removing a container that is gone already is a success, and every
 * other error says where to ask.
 */
import { defineAdapter } from 'gantry/adapter';

const where = process.env.HELP_URL ?? 'https://wiki.example.com/docker';

export default defineAdapter({
  name: 'redirect-errors',
  description: 'Makes removing twice a success, and errors say where to ask (HELP_URL).',
  onPostContainerDelete(call) {
    if (call.reply.status !== 404) return;
    call.setStatus(204);
    return null;
  },
  onPost(call) {
    if (call.reply.status < 400 || !call.reply.body) return;
    return { ...call.reply.json, message: `${call.reply.json.message} Ask at ${where}` };
  },
});
