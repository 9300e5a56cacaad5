/**
 * Keeps secrets out of what people and files see. Errs on the safe side: a harmless value that looks like a
 * secret is concealed too. What travels between client and engine is never touched.
 */

/** What stands in a secret's place. */
export type Conceal = (secret: string) => string;

/** Every secret becomes `***`. */
export const stars: Conceal = () => '***';

/** `***1`, `***2`, …: the same secret gets the same number, so that a change of one can be seen. */
export function numbered(): Conceal {
  const known = new Map<string, string>();
  return (secret) => {
    const name = known.get(secret) ?? `***${known.size + 1}`;
    known.set(secret, name);
    return name;
  };
}

/** Whether a variable, header, query or JSON key of that name usually holds a secret: `MYSQL_PASSWORD`. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
  return secretWords.test(words) && !harmless.has(words);
}

const secretWords =
  /passw|passphrase|passcode|pwd|secret|token|credential|pass$|keys?$|(?:^|_)(?:keys?|pass|creds?|pat|auth|authorization|auth_?config|cookie|x_registry_\w+)(?:_|$)/;
/** A working directory and the keys that detach a terminal. */
const harmless = new Set(['pwd', 'oldpwd', 'detach_keys', 'detachkeys']);

/** A JSON value with its secrets concealed, wherever a Docker body may hold one. Never throws. */
export function maskJson(value: unknown, conceal: Conceal = stars): unknown {
  return maskValue(value, conceal, false, 0);
}

/** Deeper than any body that Docker reads; what is below is concealed whole. */
const deepest = 64;

function maskValue(value: unknown, conceal: Conceal, secret: boolean, depth: number): unknown {
  if (typeof value === 'string') return secret ? hide(value, conceal) : maskWord(value, conceal);
  if (typeof value === 'number' && secret) return conceal(String(value));
  if (typeof value !== 'object' || value === null) return value;
  if (depth === deepest) return '***';
  if (Array.isArray(value)) return maskList(value, conceal, secret, depth + 1);
  return maskFields(value, conceal, secret, depth + 1);
}

/** `["--password", "x"]`: an option's value may be the next word. */
function maskList(list: unknown[], conceal: Conceal, secret: boolean, depth: number): unknown[] {
  return list.map((item, i) => {
    const before = i > 0 ? list[i - 1] : undefined;
    const isValue = typeof before === 'string' && /^--?[\w-]+$/.test(before) && isSecretName(before);
    return maskValue(item, conceal, secret || isValue, depth);
  });
}

/** What a secret name holds is concealed all the way down; `{"Name": "TOKEN", "Value": "x"}` is known too. */
function maskFields(fields: object, conceal: Conceal, secret: boolean, depth: number): object {
  const entries = Object.entries(fields);
  const named = entries.some(
    ([key, value]) => /^(name|key)$/i.test(key) && typeof value === 'string' && isSecretName(value),
  );
  return Object.fromEntries(
    entries.map(([key, value]) => {
      const hidden = secret || isSecretName(key) || (named && /^(value|data)$/i.test(key));
      return [key, maskValue(value, conceal, hidden, depth)];
    }),
  );
}

/** One string of a list or a field: `PASSWORD=two words` is a secret to its end. */
function maskWord(text: string, conceal: Conceal): string {
  const assigned = /^(-{0,2}[\w.-]+=)(.*)$/s.exec(text);
  if (assigned && isSecretName(assigned[1]!)) return assigned[1]! + hide(assigned[2]!, conceal);
  return maskText(text, conceal);
}

/** Free text with what looks like a secret concealed: passwords in URLs, tokens, `password: x`. */
export function maskText(text: string, conceal: Conceal = stars): string {
  let masked = text;
  for (const { pattern, when } of patterns) {
    masked = masked.replace(pattern, (whole: string, before: string, name: string, secret: string) =>
      when(name) ? whole.slice(0, before.length) + hide(secret, conceal) : whole,
    );
  }
  return maskAssignments(masked, conceal);
}

interface Pattern {
  /** Groups: all that stays, the name inside it that decides, the secret. */
  readonly pattern: RegExp;
  readonly when: (name: string) => boolean;
}

const always = () => true;
const patterns: readonly Pattern[] = [
  {
    pattern: /(()-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(.*?)(?=-----END|$)/gs,
    when: always,
  },
  // An ssh user is no secret; the part before @ of a web URL may be a token.
  { pattern: /(()\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/?#@:"']{0,200}:)([^\s/?#"']+)(?=@)/gi, when: always },
  { pattern: /(()\bhttps?:\/\/)([^\s/?#:"'@]+)(?=@)/gi, when: always },
  {
    pattern: /(\b(authorization|cookie|x-registry-auth|x-registry-config)["']?\s*[:=]\s*["']?)([^\r\n"']+)/gi,
    when: always,
  },
  { pattern: /(()\bbearer\s+)([\w.~+/=-]{4,})/gi, when: always },
  { pattern: /(()\b[Bb]asic\s+)(?=[a-z]*[A-Z0-9=+/])([A-Za-z0-9+/=_-]{8,})/g, when: always },
  {
    pattern:
      /(()\b)(eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)*|SWM(?:TKN|KEY)-[\w-]+|gh[a-z]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[A-Z0-9]{16})/g,
    when: always,
  },
  { pattern: /((?<!\S)(--?[\w-]{2,100})\s{1,8})([^\s-]\S*)/g, when: isSecretName },
];

/** `password: x`, `"token": "x"`. Only a secret's value is stepped over: another's may hold a secret itself. */
function maskAssignments(text: string, conceal: Conceal): string {
  const names = /(?<![\w.-])([\w.-]+)(?:\\?["'])?\s{0,8}[=:]\s{0,8}/g;
  let masked = '';
  let copied = 0;
  for (let found = names.exec(text); found; found = names.exec(text)) {
    if (!isSecretName(found[1]!)) continue;
    assigned.lastIndex = names.lastIndex;
    const secret = assigned.exec(text)?.[0];
    if (secret === undefined) continue;
    masked += text.slice(copied, names.lastIndex) + hide(secret, conceal);
    copied = names.lastIndex += secret.length;
  }
  return masked + text.slice(copied);
}

/** A quoted text, escaped quotes included, or a run without a separator. */
const assigned = /\\?"(?:[^"\\]|\\[^"])*\\?"|'[^']*'|\\?["']?[^\s;&,"'}\]]+/y;

/** Nothing to hide in nothing; what is concealed already stays as it is. */
function hide(secret: string, conceal: Conceal): string {
  return secret === '' || /^(["'\\]*)\*\*\*\d*\1$/.test(secret) ? secret : conceal(secret);
}
