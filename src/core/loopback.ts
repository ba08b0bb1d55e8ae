// Whether a host, as a URL or an address names it, is this machine and can be no other. A name that only resolves to loopback is not.

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(host);
}
