/**
 * Web pages can make a browser send requests to this machine. Plain TCP has no credentials that would tell
 * a page from its user's docker CLI, but browsers say what they are: by `Origin`, or by the page's host name.
 */
import { isLocalName } from '../core/local-name.ts';
import { Refusal } from '../core/refusal.ts';
import type { Head } from './message-head.ts';

/** Judges the heads that come in on one plain TCP listener: an error for those a web page had sent. */
export function browserGuard(loopback: boolean): (head: Head) => Refusal | undefined {
  // Clients of a listener nearly all call it by the same name, which is judged once.
  let known: string | undefined;
  return (head) => {
    if (head.origin !== '') return new BrowserRefused(`by a web page of ${head.origin}`);
    if (!loopback || head.hosts === 0) return undefined;
    const host = head.host;
    if (host === known) return undefined;
    if (!isLocalName(host)) return new BrowserRefused(`by the name ${host}`);
    known = host;
    return undefined;
  };
}

/** A call that a browser sent, or seems to have sent, for a web page. */
export class BrowserRefused extends Refusal {
  constructor(how: string) {
    super({
      code: 'browser-refused',
      status: 403,
      message: `This listener has no TLS, so calls from web pages are refused; this one was made ${how.slice(0, 200)}.`,
      remedy: 'Call it by its IP address or as localhost and without Origin, or use a Unix socket or TLS.',
    });
  }
}
