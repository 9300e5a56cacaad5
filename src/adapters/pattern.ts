/** The left side of an endpoint in adapters.yml: a method, a space, a path, with globs in both. */

/**
 * Why a pattern can never match any call, or undefined. A policy that silently matches nothing is worse
 * than an error, so the usual slips are told.
 */
export function patternProblem(pattern: string): string | undefined {
  const space = pattern.indexOf(' ');
  if (space < 0) return pattern === '*' ? undefined : missingMethod(pattern);
  const method = pattern.slice(0, space);
  const path = pattern.slice(space + 1);
  const shown = JSON.stringify(pattern);
  if (method === '') return missingMethod(pattern.trim());
  if (/[a-z]/.test(method) && method === method.replace(/[[\]]/g, '')) {
    return `${shown} never matches: methods are upper case. Write "${method.toUpperCase()} ${path}".`;
  }
  if (!/^[/*?[]/.test(path)) {
    return `${shown} never matches: one space and a path that starts with "/" follow the method. Write "${method} /${path.replace(/^[\s/]+/, '')}".`;
  }
  if (/%[0-9a-fA-F]{2}/.test(path)) {
    return `${shown} never matches: patterns are compared with decoded paths. Write "${method} ${decoded(path)}".`;
  }
  if (/\?[\w.-]+=/.test(path)) {
    return `${shown} never matches: the query is not part of what is compared. Write "${method} ${path.slice(0, path.search(/\?[\w.-]+=/))}" and look at Request in the adapter.`;
  }
  if (path.includes('//')) {
    return `${shown} never matches: doubled slashes are one in what is compared. Write "${method} ${path.replace(/\/{2,}/g, '/')}".`;
  }
  return undefined;
}

function missingMethod(pattern: string): string {
  return `${JSON.stringify(pattern)} has no method. Write for example "POST ${pattern || '/*/containers/create'}".`;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path.replaceAll('%', '');
  }
}
