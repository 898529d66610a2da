// The headers that the page needs: no code from elsewhere, none inline, and threads for WebAssembly. Models may come from
// elsewhere, when the visitor says from where.

/** Sent with every file. `wasm-unsafe-eval` allows WebAssembly and nothing else to be compiled. */
export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // A hub, servers of Ludic that the visitor names: behind HTTPS, or on this machine.
    "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

/** For the development server, whose styles and reloading are inline. */
export const DEVELOPMENT_HEADERS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(HEADERS).filter(([name]) => name.startsWith('Cross-Origin')),
);

/** The text of a `_headers` file, which static hosts read, and Ludic's own server. */
export const headersFile = (): string =>
  ['/*', ...Object.entries(HEADERS).map(([name, value]) => `  ${name}: ${value}`), ''].join('\n');
