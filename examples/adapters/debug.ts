/** Prints every hook: what the client asked, what the engine answered. Bodies may hold secrets! */
import { defineAdapter } from 'gantry/adapter';

export default defineAdapter({
  name: 'debug',
  description: 'Prints what it sees and changes nothing.',
  onPre(call) {
    console.log(`--> ${call.method} ${call.request} ${call.operation}\n${call.body ?? '(no body)'}`);
  },
  onPost(call) {
    const { status, contentType, body } = call.reply;
    console.log(`<-- ${status} ${contentType ?? '-'} ${call.method} ${call.request}\n${body || '(no body)'}`);
  },
  onUnwind(call) {
    console.log(`<-- failed: ${call.reason.message} ${call.method} ${call.request}`);
  },
});
