/// <reference types="vitest/config" />
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// `npm run dev` shows changes at once; calls go to `affekt serve` on its usual port.
const server = process.env.AFFEKT_DEV_SERVER ?? 'http://127.0.0.1:8700';
const proxied = Object.fromEntries(['/v1', '/healthz', '/samples', '/docs', '/openapi.json'].map((path) => [path, { target: server, ws: true }]));

export default defineConfig({
  plugins: [svelte()],
  base: './', // works below a path of a proxy as well
  build: {
    outDir: '../built',
    emptyOutDir: true,
    target: ['chrome123', 'firefox132', 'safari17.5'], // which know light-dark() and requestVideoFrameCallback()
    assetsInlineLimit: 0, // the policy of the page's content allows no scripts or workers in its text
    modulePreload: { polyfill: false },
  },
  server: { proxy: proxied },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
