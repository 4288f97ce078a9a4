import { defineConfig } from 'vite';

/**
 * The console's build. The gateway serves it under a content security policy without inline scripts
 * and data: addresses, so nothing is inlined.
 */
export default defineConfig({
  base: '/',
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // Packages mark components for servers that render; here all of it runs in the browser.
      onwarn: (warning, warn) => {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  // For `npx vite web` beside a gateway on its usual port.
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/console/session', '/openapi.json'].map((path) => [path, 'http://127.0.0.1:3000']),
    ),
  },
});
