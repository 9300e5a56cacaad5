/**
 * Names a browser cannot be led by. A page can make its own host name point at 127.0.0.1 and then call what
 * listens there (DNS rebinding), but the browser goes on sending that name as `Host`.
 */

/** Whether a `Host` field is empty, an IP address, or a name that public DNS cannot hold: no dot, or `.localhost`. */
export function isLocalName(host: string): boolean {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (/^\[[\da-f:.]+\]$/.test(name) || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name)) return true;
  return !name.includes('.') || name.endsWith('.localhost');
}
