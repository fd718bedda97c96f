/** Submodule URLs that make a cloning git call a helper with options, or send credentials to another host (git-fsck). */

/** True for what a command would take for an option. */
export function looksLikeOption(text: string): boolean {
  return text.startsWith('-');
}

/** @param url as latin1 text */
export function isHostileUrl(url: string): boolean {
  if (looksLikeOption(url)) return true;
  if (/^\.\.?[/\\]/.test(url)) return isHostileRelative(url);
  const curlUrl = toCurlUrl(url);
  return curlUrl !== undefined && breaksCredentials(curlUrl);
}

/** Joined to a base URL it must neither bring in a newline nor climb up to the host. */
function isHostileRelative(url: string): boolean {
  if (decode(url).includes('\n')) return true;
  let rest = url;
  let climbed = false;
  for (;;) {
    const step = /^\.\.?[/\\]/.exec(rest)?.[0];
    if (step === undefined) return climbed && /^[:/]/.test(rest);
    climbed ||= step.length === 3;
    rest = rest.slice(step.length);
  }
}

/** The URL that git hands to its curl helper, if it uses that one. */
function toCurlUrl(url: string): string | undefined {
  const [, explicit] = /^(?:https?|ftps?)::([\s\S]*)$/.exec(url) ?? [];
  if (explicit !== undefined) return explicit;
  return /^(?:https?|ftps?):\/\//.test(url) ? url : undefined;
}

/** True when a credential helper could not be asked about the URL: no scheme, no host, or a newline in some part. */
function breaksCredentials(url: string): boolean {
  const schemeEnd = url.indexOf('://');
  if (schemeEnd <= 0) return true;
  const rest = url.slice(schemeEnd + 3);
  const hostEnd = rest.search(/[/?#]|$/);
  const at = rest.indexOf('@');
  const colon = rest.indexOf(':');
  const parts = [url.slice(0, schemeEnd)];
  let host = rest.slice(0, hostEnd);
  if (at !== -1 && at < hostEnd) {
    host = rest.slice(at + 1, hostEnd);
    const hasPassword = colon !== -1 && colon < at;
    parts.push(decode(rest.slice(0, hasPassword ? colon : at)));
    if (hasPassword) parts.push(decode(rest.slice(colon + 1, at)));
  }
  const path = rest.slice(hostEnd).replace(/^\/+/, '');
  parts.push(decode(host), decode(path));
  return host === '' || parts.some((part) => part.includes('\n'));
}

/** Percent-decoding as git does it: not before the first colon, where it expects a scheme, and never to a NUL. */
function decode(text: string): string {
  const colon = Math.max(0, text.indexOf(':'));
  const tail = text.slice(colon).replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code === 0 ? whole : String.fromCharCode(code);
  });
  return text.slice(0, colon) + tail;
}
